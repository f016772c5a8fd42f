from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from django_shopcore.accounts import checks, key_checks
from django_shopcore.accounts.apps import AUTHENTICATOR
from django_shopcore.core.checks import check_settings
from django_shopcore.core.views import default_authenticators
from tests.accounts.test_tokens import keypair

pytestmark = pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user")

KEY = "k" * 32


def ids(messages: Any) -> list[str]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


@pytest.mark.django_db
def test_the_project_has_no_faults() -> None:
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("HS256", "k" * 31), ("HS256", ""), ("HS256", None), ("HS256", b"k" * 31), ("HS384", "k" * 47), ("HS512", KEY)],
)
def test_a_short_key_is_an_error(settings: Any, algorithm: str, key: Any) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm, "SIGNING_KEY": key}
    assert ids(checks.check_tokens(None)) == ["shopcore.E201"]


@pytest.mark.parametrize(("algorithm", "key"), [("HS256", KEY), ("HS256", "\u00e9" * 16), ("HS512", KEY * 2)])
def test_a_long_key_is_not(settings: Any, algorithm: str, key: str) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm, "SIGNING_KEY": key}
    assert checks.check_tokens(None) == []


def test_the_secret_key_counts_where_no_other_is_set(settings: Any) -> None:
    settings.SIMPLE_JWT = None
    assert checks.check_tokens(None) == []
    settings.SECRET_KEY = "short"
    assert ids(checks.check_tokens(None)) == ["shopcore.E201"]


@pytest.mark.parametrize("algorithm", ["none", "None", None, "HS1", ""])
def test_an_algorithm_that_signs_nothing_is_an_error(settings: Any, algorithm: Any) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm, "SIGNING_KEY": KEY}
    assert ids(checks.check_tokens(None)) == ["shopcore.E203"]


def test_rs256_needs_both_keys(settings: Any) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": "RS256", "SIGNING_KEY": None}
    assert ids(checks.check_tokens(None)) == ["shopcore.E204", "shopcore.E204"]
    settings.SIMPLE_JWT = {"ALGORITHM": "RS256", "SIGNING_KEY": "private", "VERIFYING_KEY": "public"}
    assert checks.check_tokens(None) == []


def test_rs256_needs_cryptography(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": "RS256", "SIGNING_KEY": "private", "VERIFYING_KEY": "public"}
    monkeypatch.setattr(checks, "has_crypto", False)
    assert ids(checks.check_tokens(None)) == ["shopcore.E204"]


PRIVATE, PUBLIC = keypair()


@pytest.mark.parametrize(
    ("algorithm", "signing", "verifying"),
    [
        ("HS256", PUBLIC, ""),
        ("HS256", PRIVATE, ""),
        ("RS256", "private", "public"),
        ("RS256", PRIVATE, keypair()[1]),
        ("RS256", KEY, KEY),
        ("ES256", PRIVATE, PUBLIC),
        ("RS256", *keypair(1024)),
    ],
)
def test_keys_that_sign_what_they_do_not_verify_are_an_error(
    settings: Any, algorithm: str, signing: str, verifying: str
) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm, "SIGNING_KEY": signing, "VERIFYING_KEY": verifying}
    assert checks.check_tokens(None) == []
    assert ids(key_checks.check_key_pair(None)) == ["shopcore.E207"]


@pytest.mark.parametrize(("algorithm", "keys"), [("HS256", (KEY, "")), ("RS256", (PRIVATE, PUBLIC))])
def test_keys_that_belong_together_are_not(settings: Any, algorithm: str, keys: tuple[str, str]) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm, "SIGNING_KEY": keys[0], "VERIFYING_KEY": keys[1]}
    assert key_checks.check_key_pair(None) == []


def test_a_key_is_reported_once(settings: Any) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": "HS256", "SIGNING_KEY": "short"}
    assert key_checks.check_key_pair(None) == []


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("HS256", "k" * 31),
        ("HS512", "k" * 63),
        ("HS256", ""),
        ("HS256", PUBLIC),
        ("RS256", KEY),
        ("RS256", keypair(1024)[1]),
        ("ES256", PUBLIC),
        ("none", ""),
        ("HS1", KEY),
        ("", KEY),
    ],
)
def test_a_verifying_key_that_is_weak_or_none_is_an_error(settings: Any, algorithm: str, key: str) -> None:
    settings.SHOPCORE_ACCOUNTS_VERIFYING_KEYS = [("HS256", KEY), (algorithm, key)]
    [message] = key_checks.check_verifying_keys(None)
    assert ids([message]) == ["shopcore.E208"]
    assert "[1]" in message.msg
    assert not key or key not in f"{message.msg}{message.hint}"


@pytest.mark.parametrize(
    "keys",
    [
        [("HS256", KEY), ("HS256", KEY.encode())],
        [("HS256", "k" * 64), ("HS512", "k" * 64)],
        [("RS256", PUBLIC), ("RS256", PRIVATE)],
        [("RS256", PUBLIC), ("PS256", PUBLIC)],
        [("HS256", "the key that signs, of at least 32 bytes")],
    ],
)
def test_a_key_that_is_there_twice_is_a_warning(settings: Any, keys: Any) -> None:
    settings.SIMPLE_JWT = {"ALGORITHM": "HS256", "SIGNING_KEY": "the key that signs, of at least 32 bytes"}
    settings.SHOPCORE_ACCOUNTS_VERIFYING_KEYS = keys
    assert ids(key_checks.check_verifying_keys(None)) == ["shopcore.W207"]


@pytest.mark.parametrize("keys", [[KEY], KEY, [("HS256", KEY, "x")], [("HS256", 7)], {"HS256": KEY}])
def test_keys_that_are_no_pairs_are_left_to_the_check_of_kinds(settings: Any, keys: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_VERIFYING_KEYS = keys
    assert key_checks.check_verifying_keys(None) == []
    messages = check_settings(None)
    assert ids(messages) == ["shopcore.E001"]
    assert KEY not in str(messages)


def test_a_user_model_without_an_address_is_an_error(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "auth.Group"  # no user at all
    assert ids(checks.check_user_model(None)) == ["shopcore.E202"]


def test_nor_is_one_that_calls_it_something_else(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth import get_user_model

    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "mail", raising=False)
    assert ids(checks.check_user_model(None)) == ["shopcore.E202"]


def test_a_missing_user_model_is_left_to_django(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "nothing.User"
    assert checks.check_user_model(None) == []


def test_mandatory_verification_needs_the_column_and_the_mail(settings: Any, ours: bool) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    missing = [] if ours else ["shopcore.E205"]
    missing += [] if apps.is_installed("django_shopcore.notifications") else ["shopcore.E206"]
    assert ids(checks.check_verification(None)) == missing
    for word in ("optional", "none"):
        settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = word
        assert checks.check_verification(None) == []


def test_which_a_missing_user_model_does_not_break(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    settings.AUTH_USER_MODEL = "nothing.User"
    assert "shopcore.E205" not in ids(checks.check_verification(None))


def test_a_word_that_is_none_of_the_three_is_an_error(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "always"
    with pytest.raises(SystemCheckError, match=r'takes one of "none" or "optional" or "mandatory"|E001'):
        call_command("check")


def test_getting_ready_twice_signs_in_once() -> None:
    apps.get_app_config("shopcore_accounts").ready()
    assert default_authenticators.count(AUTHENTICATOR) == 1


@pytest.mark.django_db
def test_the_migrations_are_complete() -> None:
    call_command("makemigrations", "shopcore_accounts", check=True, dry_run=True, verbosity=0)
