"""Answers in the language of the request, where the site has Django's LocaleMiddleware."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.conf import settings as django_settings
from django.test import Client, override_settings
from django.utils import translation

from django_shopcore.catalog import middleware
from django_shopcore.core.errors import TITLES
from tests.core.cached_answers import SCRIPTED, ScriptedCache
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.fixtures import client_of
from tests.users import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

PRODUCTS, CATEGORIES = "/api/v1/products/", "/api/v1/categories/"
LOCALE = "django.middleware.locale.LocaleMiddleware"
OPEN_READS = "django_shopcore.catalog.middleware.OpenReadsMiddleware"
LANGUAGES = ("en", "de", "ar")


@pytest.fixture
def speaking() -> Iterator[None]:
    with override_settings(MIDDLEWARE=[LOCALE, *django_settings.MIDDLEWARE]):
        yield


def ask(path: str, language: str, client: Any = None) -> Any:
    return (client or Client()).get(path, headers={"accept-language": language})


@pytest.mark.usefixtures("speaking")
@pytest.mark.parametrize(
    ("language", "title", "detail", "not_positive"),
    [
        (
            "de",
            "Ungültige Anfrage",
            "Die Anfrage enthält ungültige Werte.",
            "Eine positive ganze Zahl ist erforderlich.",
        ),
        ("ar", "طلب غير صالح", "يحتوي الطلب على قيم غير صالحة.", "يجب إدخال عدد صحيح موجب."),
        ("en", "Bad Request", "The request has invalid values.", "A positive whole number is required."),
        ("fr", "Bad Request", "The request has invalid values.", "A positive whole number is required."),
    ],
)
def test_a_problem_is_told_in_the_language_of_the_request(
    language: str, title: str, detail: str, not_positive: str
) -> None:
    response = ask(f"{PRODUCTS}?page=0", f"{language};q=0.9, tlh;q=0.1")
    assert response.json() == {
        "type": "about:blank",
        "title": title,
        "status": 400,
        "detail": detail,
        "code": "validation_error",
        "errors": [{"field": "page", "code": "invalid", "detail": not_positive}],
    }
    assert response["Content-Language"] == language
    assert "Accept-Language" in response["Vary"]


@pytest.mark.usefixtures("speaking")
def test_without_the_middleware_answers_are_in_the_sites_language() -> None:
    with override_settings(MIDDLEWARE=[name for name in django_settings.MIDDLEWARE if name != LOCALE]):
        assert ask(f"{PRODUCTS}0/", "de").json()["title"] == "Not Found"
        with override_settings(LANGUAGE_CODE="ar"), translation.override("ar"):
            assert ask(f"{PRODUCTS}0/", "de").json()["title"] == "غير موجود"


def test_every_status_of_the_contract_has_a_title_in_each_language() -> None:
    for language in ("de", "ar"):
        with translation.override(None):
            english = [str(title) for title in TITLES.values()]
        with translation.override(language):
            titles = [str(title) for title in TITLES.values()]
        # German has the word too.
        assert not {*titles} & {*english} - {"Conflict"}
        assert len({*titles}) == len(TITLES)


CHAINS = {
    "before the open reads": [LOCALE, OPEN_READS, "django.middleware.common.CommonMiddleware"],
    "after the open reads": [OPEN_READS, LOCALE, "django.middleware.common.CommonMiddleware"],
    "without open reads": [LOCALE, "django.middleware.common.CommonMiddleware"],
}


@pytest.fixture(params=["shared", "here"])
def kept(request: pytest.FixtureRequest) -> Iterator[None]:
    ScriptedCache.reset()
    with override_settings(**({"CACHES": SCRIPTED} if request.param == "shared" else {})):
        yield
    middleware._forget()


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_no_answer_of_one_language_is_shown_in_another(chain: list[str]) -> None:
    """Reads are kept for everybody: they hold no translated text, and what does is not kept.

    What answers before Django is in tests/catalog/test_early_reads.py.
    """
    shelf = CategoryFactory(name="Regal")
    product = ProductFactory(name="Lampe", category=shelf)
    reads = [PRODUCTS, f"{PRODUCTS}{product.pk}/", CATEGORIES, f"{CATEGORIES}tree/", f"{PRODUCTS}facets/"]
    titles = {"en": "Not Found", "de": "Nicht gefunden", "ar": "غير موجود"}
    with override_settings(MIDDLEWARE=chain):
        for path in reads * 2:
            for _ in range(4):  # until it may come from wherever it is kept
                ask(path, "de")
            for _ in range(2):
                answers = {language: ask(path, language) for language in LANGUAGES}
                assert {answer.status_code for answer in answers.values()} == {200}
                assert len({answer.content for answer in answers.values()}) == 1
                assert len({answer["ETag"] for answer in answers.values()}) == 1
                assert {code: answer["Content-Language"] for code, answer in answers.items()} == {
                    code: code for code in LANGUAGES
                }
                for answer in answers.values():
                    assert {"Authorization", "Accept-Language"} <= {*answer["Vary"].split(", ")}
        for path in (f"{PRODUCTS}0/", f"{CATEGORIES}0/") * 2:
            assert {code: ask(path, code).json()["title"] for code in LANGUAGES} == titles
            wrong = {code: ask(f"{PRODUCTS}?fields=x", code).json()["errors"][0]["detail"] for code in LANGUAGES}
            assert wrong == {
                "en": "There is no field x.", "de": "Unbekannte Felder: x.", "ar": "حقول غير معروفة: x."
            }  # fmt: skip


@pytest.mark.usefixtures("speaking")
def test_numbers_in_a_message_have_the_forms_of_its_language() -> None:
    admin = client_of(make_user(admin=True))
    path = f"{PRODUCTS}bulk/"
    expected = {
        ("de", 1): "Höchstens 1 Eintrag ist erlaubt.",
        ("de", 2): "Höchstens 2 Einträge sind erlaubt.",
        ("ar", 1): "يُسمح بعنصر واحد على الأكثر.",
        ("ar", 2): "يُسمح بعنصرين على الأكثر.",
        ("ar", 3): "يُسمح بـ 3 عناصر على الأكثر.",
        ("ar", 11): "يُسمح بـ 11 عنصرًا على الأكثر.",
        ("ar", 100): "يُسمح بـ 100 عنصر على الأكثر.",
    }
    found = {}
    for language, limit in expected:
        with override_settings(SHOPCORE_CATALOG_MAX_BULK_ITEMS=limit):
            body = {"delete": [*range(1, limit + 2)]}
            response = admin.post(path, body, format="json", headers={"accept-language": language})
        [error] = response.json()["errors"]
        found[language, limit] = error["detail"]
    assert found == expected


@pytest.mark.usefixtures("speaking")
@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("ar", "rtl")])
def test_the_admin_speaks_the_language_and_writes_in_its_direction(language: str, direction: str) -> None:
    user = make_user(admin=True)
    user.is_superuser = True
    user.save()
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    index = client.get("/admin/").content.decode()
    assert f'lang="{language}"' in index
    assert f'dir="{direction}"' in index
    words = {"de": ["Katalog", "Konten", "Postausgang"], "ar": ["الكتالوج", "الحسابات", "صندوق الصادر"]}[language]
    assert [word for word in words if word not in index] == []


@pytest.mark.usefixtures("speaking")
def test_what_is_typed_in_the_admin_keeps_its_own_direction() -> None:
    """On a page that is written from the right, an English text would have its full stop in front, and JSON no form."""
    user = make_user(admin=True)
    user.is_superuser = True
    user.save()
    client = Client(headers={"accept-language": "ar"})
    client.force_login(user)
    product = ProductFactory()
    fields = client.get(f"/admin/shopcore_catalog/product/{product.pk}/change/").context["adminform"].form.fields
    directions = {name: field.widget.attrs.get("dir") for name, field in fields.items()}
    assert {name for name, value in directions.items() if value == "auto"} == {
        "name", "slug", "sku", "description", "image_url"
    }  # fmt: skip
    assert {name for name, value in directions.items() if value == "ltr"} == {"metadata", "private_metadata"}


@pytest.mark.usefixtures("speaking")
def test_a_site_replaces_a_text_and_adds_a_language(tmp_path: Path) -> None:
    """As docs/how-to/translations.md says."""
    for language, text in (("de", "Hier ist nichts"), ("fr", "Il n'y a rien")):
        catalog = Catalog(locale=language)
        catalog.add("Not Found", text)
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        with (folder / "django.mo").open("wb") as file:
            write_mo(file, catalog)
    path = f"{PRODUCTS}0/"
    with override_settings(LOCALE_PATHS=[tmp_path]):
        titles = {code: ask(path, code).json()["title"] for code in ("de", "fr", "ar")}
    assert titles == {"de": "Hier ist nichts", "fr": "Il n'y a rien", "ar": "غير موجود"}
    assert ask(path, "de").json()["title"] == "Nicht gefunden"
