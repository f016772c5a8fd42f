"""What there is to translate, told from the source without GNU gettext, and what its translations lack."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import babel.messages.frontend  # noqa: F401 - it registers how to read Python
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

import django_shopcore

PACKAGE = Path(django_shopcore.__file__).parent
APPS = sorted(path.parent for path in PACKAGE.glob("*/apps.py"))
LANGUAGES = ("ar", "de")
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[#0 +-]*\d*(?:\.\d+)?[a-zA-Z]|\{\w*\}")
# Of these calls no argument is for people, but what gettext returns.
SPEAKING = {
    "AuthenticationFailed", "Conflict", "NotFound", "ParseError", "PermissionDenied", "ValidationError", "field_error",
    "message_user", "problem_response",
}  # fmt: skip
LABELS = {"default_detail", "search_help_text", "verbose_name", "verbose_name_plural"}
NAMES = {"Shopcore"}  # of the product, which stay as they are

Key = tuple[Any, ...]


def files_of(app: Path) -> list[Path]:
    """Those that ``makemessages`` reads."""
    return sorted(path for path in app.rglob("*") if path.suffix in (".py", ".html", ".txt") and path.is_file())


def messages_in(path: Path) -> set[Key]:
    """What gettext is asked for: ``(context, text)`` or ``(context, singular, plural)``."""
    source = path.read_text()
    if path.suffix != ".py":
        # In one line, as tokens of Python must not be indented at will.
        source = " ".join(templatize(source, origin=str(path)).splitlines())
    found = extract("python", BytesIO(source.encode()), KEYWORDS, (), {"encoding": "utf-8"})
    return {(context, *_forms(text)) for _line, text, _comments, context in found}


def messages_of(app: Path) -> set[Key]:
    return set().union(*map(messages_in, files_of(app)))


def _forms(text: Any) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (text,)


def catalogue(app: Path, language: str, suffix: str) -> Catalog:
    path = app / "locale" / language / "LC_MESSAGES" / f"django{suffix}"
    with path.open("rb") as file:
        return read_po(file) if suffix == ".po" else read_mo(file)


def texts(catalog: Catalog) -> dict[Key, tuple[str, ...]]:
    """The translations by message, without the head."""
    return {(message.context, *_forms(message.id)): _forms(message.string) for message in catalog if message.id}


def shortcomings(wanted: Collection[Key], po: Catalog, mo: Catalog) -> list[str]:
    """What is wrong with a language's catalogue; empty if nothing is."""
    there = texts(po)
    found = [f"missing: {key[1]}" for key in wanted if key not in there]
    found += [f"not used: {key[1]}" for key in there if key not in wanted]
    found += [f"obsolete: {message.id}" for message in po.obsolete.values()]
    for message in po:
        if message.id:
            found += [f"{problem}: {message.id}" for problem in _problems(message, po.num_plurals)]
    if texts(mo) != there:
        found.append("the .mo file was not made of the .po file")
    return sorted(found)


def _problems(message: Message, plurals: int) -> Iterator[str]:
    originals, strings = _forms(message.id), _forms(message.string)
    if message.fuzzy:
        yield "fuzzy"
    if not all(strings) or len(strings) != (plurals if len(originals) > 1 else 1):
        yield "empty"
        return
    wanted = set().union(*(PLACEHOLDER.findall(text) for text in originals))
    for form, text in enumerate(strings):
        given = set(PLACEHOLDER.findall(text))
        # A form for one number alone may say it in words: two of them, or none.
        in_words = len(originals) > 1 and form < len(strings) - (1 if plurals == 2 else 3)
        if given - wanted or (wanted - given and not (in_words and len(wanted - given) == 1)):
            yield f"placeholders of form {form}"


def untranslatable(path: Path, source: str) -> list[str]:
    """Texts for people in ``source`` that do not go through gettext."""
    found = _bare_in_python(source) if path.suffix == ".py" else _bare_in_template(source)
    return [f"{path.name}: {text}" for text in found]


def _bare_in_python(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in SPEAKING:
                yield from _bare(node.args, wordy=True)
            yield from _bare(keyword.value for keyword in node.keywords if keyword.arg in LABELS)
        elif isinstance(node, ast.Assign):
            targets = {getattr(target, "id", getattr(target, "attr", "")) for target in node.targets}
            if targets & LABELS:
                yield from _bare([node.value])
            elif "default_error_messages" in targets and isinstance(node.value, ast.Dict):
                yield from _bare(node.value.values)


def _bare(nodes: Iterable[ast.AST], *, wordy: bool = False) -> Iterator[str]:
    for node in nodes:
        text = node.value if isinstance(node, ast.Constant) else "".join(_literals(node))
        if isinstance(text, str) and text and text not in NAMES and (" " in text or not wordy):
            yield text


def _literals(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield from (str(part.value) for part in node.values if isinstance(part, ast.Constant))


def _bare_in_template(source: str) -> Iterator[str]:
    outside, depth = [], 0
    for token in Lexer(source).tokenize():
        tag = token.contents.split(maxsplit=1)[0] if token.token_type == TokenType.BLOCK else ""
        depth += {"blocktranslate": 1, "comment": 1, "endblocktranslate": -1, "endcomment": -1}.get(tag, 0)
        # A word where something is put in, so that a tag stays a tag.
        outside.append(token.contents if token.token_type == TokenType.TEXT and not depth else "0")
    markup = re.compile(r"<!--.*?-->|<style>.*?</style>|<[^>]*>", re.DOTALL)
    # An attribute that people read, or that a screen reader reads to them.
    attributes = re.findall(r'\b(?:alt|aria-label|placeholder|title|value)="([^"]*)"', "".join(outside))
    for text in [*markup.sub("\n", "".join(outside)).splitlines(), *attributes]:
        if re.search(r"[^\W\d_]", re.sub(r"&\w+;", "", text)):
            yield text.strip()
