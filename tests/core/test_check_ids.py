"""Each system check can be provoked, says what to do, and has a place in the documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import django
import pytest
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.test import override_settings

import django_shopcore
from django_shopcore.core import checks, extension_checks, failure_checks, personal_data
from django_shopcore.core.extensions import extended
from django_shopcore.notifications.models import Preferences

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

SOURCE = Path(django_shopcore.__file__).parent
PAGE = Path(__file__).resolve().parents[2] / "docs/reference/checks.md"
ID = re.compile(r"shopcore\.[CEWI]\d{3}")
ROW = re.compile(rf"^\| `({ID.pattern})` \| (.+) \| (.+) \|$", re.MULTILINE)

Provocation = Callable[[], AbstractContextManager[Any]]


def having(**values: Any) -> Provocation:
    return lambda: override_settings(**values)


def having_replicas(**values: Any) -> Provocation:
    return having(SHOPCORE_REPLICAS=["nowhere"], **values)


def lasting(seconds: int) -> Provocation:
    """A mailer with this time-out."""
    if django.VERSION >= (6, 1):
        mailer = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend", "OPTIONS": {"timeout": seconds}}
        return having(MAILERS={"default": mailer})
    return having(EMAIL_TIMEOUT=seconds)


def mandatory(target: str, answer: Any) -> Provocation:
    """Addresses have to be verified, in a site where ``target`` gives another answer."""

    @contextmanager
    def provoked() -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(override_settings(SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION="mandatory"))
            stack.enter_context(mock.patch(f"django_shopcore.accounts.checks.{target}", return_value=answer))
            yield

    return provoked


def extending(serializer: str, name: str, extendables: Any = None) -> Provocation:
    """The user model has an extension that is registered like this; preferences have such a field."""

    @contextmanager
    def provoked() -> Iterator[None]:
        with ExitStack() as stack:
            if extendables is not None:
                stack.enter_context(mock.patch.object(extension_checks, "extendables", extendables))
            stack.enter_context(extended(get_user_model(), Preferences, serializer=serializer, name=name))
            yield

    return provoked


@contextmanager
def registering_nothing() -> Iterator[None]:
    """Personal data is registered for a model that does not exist."""
    personal_data.register("nothing", export=None, erase=None, models=["nowhere.Nothing"])
    try:
        yield
    finally:
        personal_data.unregister("nothing")


DIVIDED = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ["redis://a", "redis://b"]}

# How each is provoked. A new check comes with its own line, and with a row on the page.
PROVOKED: dict[str, Provocation] = {
    "shopcore.E001": having(SHOPCORE_PAGE_SIZE="many"),
    "shopcore.E002": having(SHOPCORE_AUTHENTICATION_CLASSES=["nowhere.Nobody"]),
    "shopcore.E003": having(ROOT_URLCONF="tests.core.views"),
    "shopcore.E004": having(SHOPCORE_CATALOG_CACHE_ALIAS="nowhere"),
    "shopcore.E005": having_replicas(),
    "shopcore.E006": having(SHOPCORE_REPLICA_MODELS=["nowhere"]),
    "shopcore.E007": having(SHOPCORE_CATALOG_PRICE_ADAPTER="builtins.dict"),
    "shopcore.E008": extending("rest_framework.serializers.Serializer", "spec", extendables=[]),
    "shopcore.E009": extending("nowhere.Serializer", "spec"),
    "shopcore.E010": extending("rest_framework.serializers.Serializer", "is_admin"),
    "shopcore.W001": having(SHOPCORE_PAGESIZE=10),
    "shopcore.W002": lambda: mock.patch.dict(checks.SECURE_RELEASES, {django.VERSION[:2]: 99}),
    "shopcore.E011": having(SHOPCORE_RATE_LIMIT_CACHE="nowhere"),
    "shopcore.W010": having(SHOPCORE_ACCOUNTS_ADDRESS_MAIL_RATE="5/d"),
    "shopcore.W003": having(SHOPCORE_RATE_LIMITS=False),
    "shopcore.W004": having(CACHES={"default": DIVIDED}),
    "shopcore.W005": having_replicas(),
    "shopcore.W006": having_replicas(SHOPCORE_REPLICA_MODELS=["auth.Group"]),
    "shopcore.W007": lambda: override_settings(
        LANGUAGE_CODE="de", INSTALLED_APPS=[app for app in settings.INSTALLED_APPS if app != "rest_framework"]
    ),
    "shopcore.W008": lambda: mock.patch.object(checks, "column", return_value=None),
    "shopcore.W009": lambda: mock.patch.object(checks, "user_model", return_value=type("Customer", (), {})),
    "shopcore.E013": registering_nothing,
    "shopcore.W011": having(CACHES={"default": {**DIVIDED, "LOCATION": "redis://a"}}),
    "shopcore.W012": lambda: mock.patch.object(failure_checks, "waits_for_ever", return_value=True),
    "shopcore.E101": having(SHOPCORE_CATALOG_PRODUCT_MODEL="auth.Group"),
    "shopcore.E102": having(SHOPCORE_CATALOG_METADATA_FILTERS=[""]),
    "shopcore.E201": having(SIMPLE_JWT={"ALGORITHM": "HS256", "SIGNING_KEY": "short"}),
    "shopcore.E202": lambda: mock.patch.object(get_user_model(), "EMAIL_FIELD", "mail"),
    "shopcore.E203": having(SIMPLE_JWT={"ALGORITHM": "none"}),
    "shopcore.E204": having(SIMPLE_JWT={"ALGORITHM": "RS256", "SIGNING_KEY": None}),
    "shopcore.E205": mandatory("column", None),
    "shopcore.E206": mandatory("apps.is_installed", False),
    "shopcore.E207": having(SIMPLE_JWT={"ALGORITHM": "RS256", "SIGNING_KEY": "private", "VERIFYING_KEY": "public"}),
    "shopcore.E208": having(SHOPCORE_ACCOUNTS_VERIFYING_KEYS=[("HS256", "short")]),
    "shopcore.W207": having(SHOPCORE_ACCOUNTS_VERIFYING_KEYS=[("HS512", "k" * 64), ("HS256", "k" * 64)]),
    "shopcore.W208": having(SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH=7),
    "shopcore.E301": having(SHOPCORE_SITE_URL=""),
    "shopcore.E302": having(SHOPCORE_NOTIFICATIONS_CHANNELS=["builtins.dict"]),
    "shopcore.E303": having(SHOPCORE_NOTIFICATIONS_DIGEST_HOUR=24),
    "shopcore.E304": having(SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS=["nobody"]),
    "shopcore.E401": lambda: mock.patch("django_shopcore.mfa.checks.find_spec", return_value=None),
    "shopcore.W401": having(SHOPCORE_SITE_URL=""),
    "shopcore.W402": lambda: mock.patch("django.contrib.admin.site", AdminSite()),
    "shopcore.W301": having(SHOPCORE_NOTIFICATIONS_DISABLED=["nothing"]),
    "shopcore.W302": having(DEFAULT_FROM_EMAIL="webmaster@localhost"),
    "shopcore.W303": lasting(600),
    "shopcore.W501": lambda: override_settings(
        MIDDLEWARE=[name for name in settings.MIDDLEWARE if not name.startswith("django_shopcore.audit.")]
    ),
}


def ids_in(code: str) -> set[str]:
    """Every id among the texts of the code, whichever way it gets into a message; not those in docstrings."""
    texts = (node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and ID.fullmatch(text)}


IDS = sorted(set[str]().union(*(ids_in(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py"))))


def without_hint(code: str) -> list[int]:
    """The lines of messages with an id of ours that give no hint."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    given = [(call, {keyword.arg: keyword.value for keyword in call.keywords}) for call in calls]
    return [
        call.lineno
        for call, keywords in given
        if isinstance(found := keywords.get("id"), ast.Constant)
        and ID.fullmatch(str(found.value))
        and "hint" not in keywords
    ]


def test_every_check_has_a_provocation_and_every_provocation_a_check() -> None:
    assert sorted(PROVOKED) == IDS
    assert len(IDS) > 20


@pytest.mark.parametrize("check_id", IDS)
def test_the_check_reports_what_provokes_it_and_says_what_to_do(check_id: str) -> None:
    with PROVOKED[check_id]():
        messages = [message for message in run_checks(include_deployment_checks=True) if message.id == check_id]
    assert messages
    assert all(message.hint for message in messages)
    assert {message.is_serious() for message in messages} == {check_id.partition(".")[2][0] in "CE"}


def test_nothing_is_reported_that_is_not_provoked() -> None:
    assert {message.id for message in run_checks(include_deployment_checks=True)} & set(IDS) == set()


def test_no_message_of_a_check_is_without_a_hint() -> None:
    lines = {path.name: without_hint(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
    assert {name: found for name, found in lines.items() if found} == {}


def test_every_check_has_a_row_that_says_what_it_reports_and_what_to_do() -> None:
    rows = {check_id: (what, todo) for check_id, what, todo in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert sorted(rows) == IDS
    assert all(what.strip() and todo.strip() for what, todo in rows.values())


def test_an_id_is_found_however_it_is_given_and_a_missing_hint_too() -> None:
    code = (
        'def check():\n    """shopcore.E001: in words."""\n    yield Error("a", hint="b", id="shopcore.E901")\n'
        '    number = "shopcore.W902"\n    yield Error("a", id="shopcore.E903")\n'
    )
    assert ids_in(code) == {"shopcore.E901", "shopcore.W902", "shopcore.E903"}
    assert without_hint(code) == [5]
