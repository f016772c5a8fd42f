"""Settings are read at use, and what is wrong with them is told before a server starts."""

from __future__ import annotations

from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.core.checks import Tags, run_checks
from django.test import override_settings

from django_shopcore.core import conf
from django_shopcore.core.conf import SettingsGroup, core_settings, declared_settings

# Django 6.1 asks SQLite itself whether it has JSON, when models are checked.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects("full", "catalog_only", "accounts_only", "host_user", "swapped"),
]


def findings(*ids: str, deploy: bool = False) -> list[tuple[str, str, str | None]]:
    messages = run_checks(include_deployment_checks=deploy)
    return [(str(m.id), str(m.msg), m.hint) for m in messages if m.id in ids]


def test_a_setting_is_its_default_until_the_site_says_otherwise_and_read_at_each_use() -> None:
    assert core_settings.PAGE_SIZE == 20
    with override_settings(SHOPCORE_PAGE_SIZE=7):
        assert core_settings.PAGE_SIZE == 7
        with override_settings(SHOPCORE_PAGE_SIZE=8):
            assert core_settings.PAGE_SIZE == 8
        assert core_settings.PAGE_SIZE == 7
    assert core_settings.PAGE_SIZE == 20


def test_every_setting_is_documented_and_its_default_is_of_its_kind() -> None:
    settings = list(declared_settings())
    assert [setting.name for setting in settings] == sorted(SettingsGroup.registry)
    for setting in settings:
        assert setting.name.startswith("SHOPCORE_")
        assert setting.doc.endswith("."), setting.name
        assert setting.kind.accepts(setting.default), setting.name


def test_the_descriptor_is_reached_through_the_group() -> None:
    setting = conf.CoreSettings.PAGE_SIZE
    assert (setting.name, setting.default, setting.value()) == ("SHOPCORE_PAGE_SIZE", 20, 20)


RIGHT = [
    (conf.boolean, True),
    (conf.boolean, False),
    (conf.positive_int, 1),
    (conf.natural, 0),
    (conf.text, ""),
    (conf.words, []),
    (conf.words, ("a", "b")),
    (conf.rate, "10/m"),
    (conf.rate, "1/10s"),
    (conf.rate, "999999999/99999d"),
    (conf.rate, None),
    (conf.dotted_path, "a.b"),
    (conf.dotted_path, None),
    (conf.dotted_paths, ["a.b"]),
    (conf.dotted_paths, None),
    (conf.model_label, "app.Model"),
    (conf.one_of("a", "b"), "b"),
]
WRONG = [
    (conf.boolean, 1),
    (conf.boolean, "true"),
    (conf.boolean, None),
    (conf.positive_int, 0),
    (conf.positive_int, -1),
    (conf.positive_int, True),
    (conf.positive_int, "5"),
    (conf.positive_int, 1.0),
    (conf.natural, -1),
    (conf.natural, False),
    (conf.text, 5),
    (conf.text, None),
    (conf.words, "a,b"),
    (conf.words, [1]),
    (conf.rate, "10"),
    (conf.rate, "10/x"),
    (conf.rate, "0/m"),
    (conf.rate, "10/0m"),
    (conf.rate, "10/minute"),
    (conf.rate, "-1/m"),
    (conf.rate, "1.5/m"),
    (conf.rate, "10/m\n"),
    (conf.rate, "١/m"),
    (conf.rate, 10),
    (conf.dotted_path, "a"),
    (conf.dotted_path, ["a.b"]),
    (conf.dotted_paths, "a.b"),
    (conf.model_label, "Model"),
    (conf.model_label, "a.b.c"),
    (conf.model_label, None),
    (conf.one_of("a", "b"), "c"),
    (conf.one_of("a", "b"), ["a"]),
]


def named(pair: Any) -> str:
    return f"{pair[0].name.split()[1]} {pair[1]!r}"


@pytest.mark.parametrize(("kind", "value"), RIGHT, ids=map(named, RIGHT))
def test_values_of_a_kind(kind: conf.Kind[Any], value: Any) -> None:
    assert kind.accepts(value)


@pytest.mark.parametrize(("kind", "value"), WRONG, ids=map(named, WRONG))
def test_values_that_are_of_another(kind: conf.Kind[Any], value: Any) -> None:
    assert not kind.accepts(value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (conf.boolean, "1", True),
        (conf.boolean, " On ", True),
        (conf.boolean, "YES", True),
        (conf.boolean, "false", False),
        (conf.boolean, "off", False),
        (conf.positive_int, "5", 5),
        (conf.words, "a, b,,c ", ["a", "b", "c"]),
        (conf.words, "", []),
        (conf.rate, " 10/m ", "10/m"),
        (conf.rate, "none", None),
        (conf.rate, "OFF", None),
        (conf.rate, "", None),
        (conf.text, "x", "x"),
        (conf.dotted_paths, "a.b,c.d", ["a.b", "c.d"]),
        (conf.one_of("a", "b"), " B ", "b"),
    ],
)
def test_a_value_is_read_from_a_text(kind: conf.Kind[Any], text: str, value: Any) -> None:
    assert kind.parse is not None
    parsed = kind.parse(text)
    assert (parsed, type(parsed)) == (value, type(value))
    assert kind.accepts(parsed)


@pytest.mark.parametrize(
    ("kind", "text"), [(conf.boolean, "maybe"), (conf.boolean, ""), (conf.positive_int, "x"), (conf.rate, "10/x")]
)
def test_a_text_that_is_no_value_is_a_value_error(kind: conf.Kind[Any], text: str) -> None:
    assert kind.parse is not None
    with pytest.raises(ValueError, match="."):
        kind.parse(text)


def test_the_projects_have_nothing_to_find() -> None:
    assert [message for message in run_checks() if str(message.id).startswith("shopcore.")] == []


@override_settings(SHOPCORE_PAGESIZE=5)
def test_a_misspelt_name_is_reported_with_the_likely_one() -> None:
    assert findings("shopcore.W001") == [
        ("shopcore.W001", "Unknown setting SHOPCORE_PAGESIZE.", "Did you mean SHOPCORE_PAGE_SIZE?")
    ]


@override_settings(SHOPCORE_ZZZZ=1)
def test_a_name_like_no_other_is_reported_too() -> None:
    [(_, message, hint)] = findings("shopcore.W001")
    assert message == "Unknown setting SHOPCORE_ZZZZ."
    assert hint == "No installed feature has such a setting."


@override_settings(SHOPCORE_PAGE_SIZE="20", SHOPCORE_RATE_LIMITS=None, SHOPCORE_TRUSTED_PROXIES=-1)
def test_a_value_of_the_wrong_kind_is_an_error_with_the_documentation_as_hint() -> None:
    assert findings("shopcore.E001") == [
        (
            "shopcore.E001",
            "SHOPCORE_PAGE_SIZE must be a whole number above 0.",
            SettingsGroup.registry["SHOPCORE_PAGE_SIZE"].doc,
        ),
        (
            "shopcore.E001",
            "SHOPCORE_RATE_LIMITS must be a switch (True or False).",
            SettingsGroup.registry["SHOPCORE_RATE_LIMITS"].doc,
        ),
        (
            "shopcore.E001",
            "SHOPCORE_TRUSTED_PROXIES must be a whole number, 0 or more.",
            SettingsGroup.registry["SHOPCORE_TRUSTED_PROXIES"].doc,
        ),
    ]


@override_settings(SHOPCORE_AUTHENTICATION_CLASSES=["django_shopcore.core.views.Missing", "no.such.module"])
def test_a_dotted_path_that_does_not_import_is_an_error() -> None:
    assert [message for _, message, _ in findings("shopcore.E002")] == [
        "SHOPCORE_AUTHENTICATION_CLASSES: django_shopcore.core.views.Missing cannot be imported.",
        "SHOPCORE_AUTHENTICATION_CLASSES: no.such.module cannot be imported.",
    ]


@override_settings(SHOPCORE_AUTHENTICATION_CLASSES=["rest_framework.authentication.BasicAuthentication"])
def test_a_dotted_path_that_imports_is_none() -> None:
    assert findings("shopcore.E001", "shopcore.E002") == []


@pytest.mark.projects("full", "catalog_only")
@override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER="nowhere.Serializer")
def test_a_single_path_is_looked_at_too() -> None:
    [(_, message, _)] = findings("shopcore.E002")
    assert message == "SHOPCORE_CATALOG_PRODUCT_SERIALIZER: nowhere.Serializer cannot be imported."


@pytest.mark.parametrize(
    ("version", "hint"),
    [
        ((5, 2, 18, "final", 0), "Upgrade to 5.2.19 or later."),
        ((5, 2, 19, "final", 0), None),
        ((5, 2, 30, "final", 0), None),
        ((6, 0, 9, "final", 0), "Upgrade to 6.0.10 or later."),
        ((6, 0, 10, "final", 0), None),
        ((6, 1, 0, "final", 0), "Upgrade to 6.1.3 or later."),
        ((6, 1, 3, "final", 0), None),
        ((7, 0, 0, "final", 0), None),
    ],
)
def test_a_django_with_known_holes_is_reported(
    monkeypatch: pytest.MonkeyPatch, version: tuple[Any, ...], hint: str | None
) -> None:
    monkeypatch.setattr(django, "VERSION", version)
    # Others would go by the version too.
    found = [message.hint for message in run_checks(tags=[Tags.security]) if message.id == "shopcore.W002"]
    assert found == ([hint] if hint else [])


def test_rate_limits_that_are_off_are_reported_before_a_deployment() -> None:
    with override_settings(SHOPCORE_RATE_LIMITS=False):
        assert findings("shopcore.W003") == []
        assert len(findings("shopcore.W003", deploy=True)) == 1
    assert findings("shopcore.W003", deploy=True) == []


@pytest.mark.projects("full", "catalog_only")
def test_a_model_that_is_none_or_not_a_product_is_an_error() -> None:
    for label, message in (
        ("auth.Group", "SHOPCORE_CATALOG_PRODUCT_MODEL does not extend AbstractProduct."),
        ("nowhere.Product", "SHOPCORE_CATALOG_PRODUCT_MODEL names no model."),
        ("auth.Nothing", "SHOPCORE_CATALOG_PRODUCT_MODEL names no model."),
    ):
        from django_shopcore.catalog.checks import check_models  # only where the feature is installed

        with override_settings(SHOPCORE_CATALOG_PRODUCT_MODEL=label):
            assert [(found.id, found.msg) for found in check_models(None)] == [("shopcore.E101", message)]


@pytest.mark.projects("full", "catalog_only")
def test_the_swappable_settings_are_there_although_the_site_left_them_out() -> None:
    assert django_settings.SHOPCORE_CATALOG_PRODUCT_MODEL == "shopcore_catalog.Product"
    assert django_settings.SHOPCORE_CATALOG_CATEGORY_MODEL == "shopcore_catalog.Category"


@pytest.mark.projects("swapped")
def test_the_swappable_setting_that_the_site_made_is_left_alone() -> None:
    assert django_settings.SHOPCORE_CATALOG_PRODUCT_MODEL == "store.Product"
    assert django_settings.SHOPCORE_CATALOG_CATEGORY_MODEL == "shopcore_catalog.Category"


@pytest.mark.parametrize(
    ("settings", "is_reported"),
    [
        ({"LANGUAGE_CODE": "de"}, True),
        ({"LANGUAGE_CODE": "en-gb"}, False),
        ({"LANGUAGE_CODE": "en", "MIDDLEWARE": ["django.middleware.locale.LocaleMiddleware"]}, True),
        ({"LANGUAGE_CODE": "de", "USE_I18N": False}, False),
    ],
)
def test_a_site_of_another_language_without_the_rest_frameworks_translations_is_told(
    settings: dict[str, Any], is_reported: bool
) -> None:
    without = [app for app in django_settings.INSTALLED_APPS if app != "rest_framework"]
    with override_settings(**{"MIDDLEWARE": [], "USE_I18N": True, **settings}):
        assert run_checks(tags=[Tags.translation]) == []
        with override_settings(INSTALLED_APPS=without):
            found = [(message.id, message.hint) for message in run_checks(tags=[Tags.translation])]
    hint = 'Add "rest_framework" to INSTALLED_APPS: its translations come with the app.'
    assert found == ([("shopcore.W007", hint)] if is_reported else [])
