"""Every text for people is translatable, and translated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.translating import (
    APPS,
    LANGUAGES,
    PACKAGE,
    catalogue,
    files_of,
    messages_in,
    messages_of,
    shortcomings,
    texts,
    untranslatable,
)

# A page for developers, and what the worker notes.
IN_ENGLISH = {"previews.html"}
CATALOGUES = [pytest.param(app, language, id=f"{app.name} {language}") for app in APPS for language in LANGUAGES]


@pytest.mark.parametrize(("app", "language"), CATALOGUES)
def test_no_text_lacks_its_translation(app: Path, language: str) -> None:
    """``nox -s translations`` renews the files."""
    po, mo = catalogue(app, language, ".po"), catalogue(app, language, ".mo")
    assert shortcomings(messages_of(app), po, mo) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_of_several_apps_has_one_translation(language: str) -> None:
    """Django puts all catalogues into one: which app comes first must make no difference."""
    known: dict[Any, Any] = {}
    for app in APPS:
        for key, strings in texts(catalogue(app, language, ".po")).items():
            assert known.setdefault(key, strings) == strings


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_have_the_forms_that_django_knows(language: str) -> None:
    """Plural rules that differ from Django's own would split its catalogue."""
    forms = {"de": "(n != 1)", "ar": catalogue(APPS[0], "ar", ".po").plural_expr}
    assert {catalogue(app, language, ".po").plural_expr for app in APPS} == {forms[language]}
    assert catalogue(APPS[0], language, ".po").num_plurals == {"de": 2, "ar": 6}[language]


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_no_text_for_people_misses_gettext(app: Path) -> None:
    files = [path for path in files_of(app) if path.name not in IN_ENGLISH and "migrations" not in path.parts]
    assert [text for path in files for text in untranslatable(path, path.read_text())] == []


def test_the_languages_of_all_apps_are_these() -> None:
    assert {path.name for path in PACKAGE.glob("*/locale/*")} == set(LANGUAGES)


SOURCE = {
    "one.py": 'from x import gettext as _, ngettext\n_("Hello %(name)s")\nngettext("%(n)d box", "%(n)d boxes", 2)\n',
    "two.html": '<p>{% translate "Good day" %}</p>\n  {% blocktranslate count n=n %}{{ n }} car{% plural %}{{ n }} cars'
    "{% endblocktranslate %}",
}
GOOD = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Hello %(name)s"
msgstr "Hallo %(name)s"

msgid "Good day"
msgstr "Guten Tag"

msgid "%(n)d box"
msgid_plural "%(n)d boxes"
msgstr[0] "eine Kiste"
msgstr[1] "%(n)d Kisten"

msgid "%(n)s car"
msgid_plural "%(n)s cars"
msgstr[0] "ein Auto"
msgstr[1] "%(n)s Autos"
"""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("", ""), None),
        (('msgid "Good day"\nmsgstr "Guten Tag"', ""), "missing: Good day"),
        (('"Guten Tag"', '""'), "empty: Good day"),
        (('msgstr[1] "%(n)s Autos"', 'msgstr[1] ""'), "empty: ('%(n)s car', '%(n)s cars')"),
        (('msgid "Good day"', '#, fuzzy\nmsgid "Good day"'), "fuzzy: Good day"),
        (('%(name)s"\n\nmsgid "Good', 'Anna"\n\nmsgid "Good'), "placeholders of form 0: Hello %(name)s"),
        (("Hallo %(name)s", "Hallo %(nmae)s"), "placeholders of form 0: Hello %(name)s"),
        (("%(n)d Kisten", "viele Kisten"), "placeholders of form 1: ('%(n)d box', '%(n)d boxes')"),
        (('msgid "Good day"', 'msgid "Farewell"\nmsgstr "Lebe wohl"\n\nmsgid "Good day"'), "not used: Farewell"),
        (('msgid "Good day"', '#~ msgid "Old"\n#~ msgstr "Alt"\n\nmsgid "Good day"'), "obsolete: Old"),
        (("Guten Tag", "Tag"), "the .mo file was not made of the .po file"),
    ],
)
def test_what_a_catalogue_lacks_is_found(tmp_path: Path, change: tuple[str, str], problem: str | None) -> None:
    from io import BytesIO

    from babel.messages.mofile import read_mo, write_mo
    from babel.messages.pofile import read_po

    for name, source in SOURCE.items():
        (tmp_path / name).write_text(source)
    wanted = messages_in(tmp_path / "one.py") | messages_in(tmp_path / "two.html")
    assert len(wanted) == 4
    changed = GOOD.replace(*change) if change[0] else GOOD
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO((GOOD if "mo file" in str(problem) else changed).encode())), use_fuzzy=True)
    compiled.seek(0)
    found = shortcomings(wanted, read_po(BytesIO(changed.encode())), read_mo(compiled))
    assert problem in found if problem else found == []


@pytest.mark.parametrize(
    ("name", "source", "bare"),
    [
        ("a.py", 'raise ValidationError("It is wrong.")', ["It is wrong."]),
        ("a.py", 'raise ValidationError(f"{x} is wrong.")', [" is wrong."]),
        ("a.py", 'raise ValidationError(_("It is wrong."), code="wrong")', []),
        ("a.py", 'class Meta:\n    verbose_name = "product"', ["product"]),
        ("a.py", 'class Meta:\n    verbose_name = _("product")', []),
        ("a.py", 'default_error_messages = {"invalid": "No."}', ["No."]),
        ("a.html", '<p class="x">Good {{ day }}</p>', ["Good 0"]),
        ("a.html", '<input value="Send">', ["Send"]),
        ("a.html", '<a href="{{ url }}">{% translate "Send" %}</a><!-- here --> – &nbsp;{{ x }}', []),
        ("a.html", "{% blocktranslate %}Good {{ day }}{% endblocktranslate %}{# note #}", []),
    ],
)
def test_a_text_that_misses_gettext_is_found(name: str, source: str, bare: list[str]) -> None:
    assert untranslatable(Path(name), source) == [f"{name}: {text}" for text in bare]
