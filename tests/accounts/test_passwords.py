"""What a password may be, and that what looks alike is alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin as admin_site
from django.contrib.auth import get_user_model, hashers
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from django_shopcore.accounts import link_tokens
from django_shopcore.accounts.passwords import NormalisedPasswords, PasswordLengthError
from django_shopcore.testing import AdminFactory as SuperuserFactory
from tests.accounts.clients import signed_in
from tests.factories.accounts import PASSWORD, UserFactory
from tests.problems import errors_of, problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

API = "/api/v1/auth/"
# A ligature, a full-width letter, a decomposed accent and a superscript.
TYPED = "\ufb01ne \uff21da cafe\u0301 n\u00b2"
NORMALISED = "fine Ada caf\u00e9 n2"
VALIDATORS = "django.contrib.auth.password_validation."


def post(path: str, body: dict[str, Any], client: APIClient | None = None) -> Any:
    return (client or APIClient()).post(f"{API}{path}", body)


def register(password: str, email: str = "ada@example.com") -> Any:
    return post("register/", {"email": email, "password": password})


def can_sign_in(user: Any, password: str) -> bool:
    response = post("login/", {"email": user.email, "password": password})
    assert response.status_code in (200, 401), response.json()
    return bool(response.status_code == 200)


def reset(user: Any, password: str) -> Any:
    credentials = {"uid": link_tokens.encode(user.pk), "token": link_tokens.password_reset.make_token(user)}
    return post("password/reset/confirm/", {**credentials, "new_password": password})


def change(user: Any, current: str, new: str) -> Any:
    body = {"current_password": current, "new_password": new}
    user.refresh_from_db()
    return post("password/change/", body, signed_in(user))


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed: what costs time."""
    seen: list[str] = []
    encode = MD5PasswordHasher.encode

    def noting(self: Any, password: str, salt: str) -> str:
        seen.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", noting)
    return seen


# --- Strength ---------------------------------------------------------------------------------------------


def set_by(way: str, user: Any, password: str) -> Any:
    if way == "register":
        return register(password)
    return reset(user, password) if way == "reset" else change(user, PASSWORD, password)


@pytest.mark.parametrize("way", ["register", "reset", "change"])
@pytest.mark.parametrize("validators", [[], ["MinimumLengthValidator", "CommonPasswordValidator"]])
def test_a_new_password_has_ten_characters_and_is_not_known_to_all(
    user: Any, settings: Any, way: str, validators: list[str]
) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{VALIDATORS}{name}"} for name in validators]
    field = "password" if way == "register" else "new_password"

    short = set_by(way, user, "q7#kPz!w9")
    assert errors_of(short) == [(field, "password_too_short")]
    assert "10" in short.json()["errors"][0]["detail"]
    assert errors_of(set_by(way, user, "qwertyuiop")) == [(field, "password_too_common")]
    both = [(field, "password_too_common"), (field, "password_too_short")]
    assert sorted(errors_of(set_by(way, user, "password"))) == both
    assert set_by(way, user, "q7#kPz!w9x").status_code in (201, 204)


@pytest.mark.parametrize(("hosts", "ours", "least"), [(8, 10, 10), (12, 10, 12), (10, 10, 10), (8, 6, 8), (None, 3, 3)])
def test_the_longer_of_two_least_lengths_is_named_once(settings: Any, hosts: int | None, ours: int, least: int) -> None:
    name = f"{VALIDATORS}MinimumLengthValidator"
    settings.AUTH_PASSWORD_VALIDATORS = [] if hosts is None else [{"NAME": name, "OPTIONS": {"min_length": hosts}}]
    settings.SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH = ours
    word = "q7#kPz!w9xQ7"
    response = register(word[: least - 1])
    assert errors_of(response) == [("password", "password_too_short")]
    assert str(least) in response.json()["errors"][0]["detail"]
    assert register(word[:least]).status_code == 201


class NoZ:
    """A rule of the host's own."""

    def validate(self, password: str, user: Any = None) -> None:
        from django.core.exceptions import ValidationError

        if "z" in password:
            raise ValidationError("No z.", code="no_z")


def test_the_hosts_own_rules_are_asked_too(settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.NoZ"}]
    assert errors_of(register("zq7")) == [("password", "no_z"), ("password", "password_too_short")]


@pytest.mark.parametrize("length", [64, 128, 1024])
@pytest.mark.parametrize("letter", ["x", "\U0001f511", "\u4e2d", "e\u0301"])
def test_long_passwords_are_taken_whole(length: int, letter: str) -> None:
    password = (letter * length)[: length - 1] + "!"
    assert register(password).status_code == 201
    user = get_user_model().objects.get()
    assert not can_sign_in(user, password[:-1])
    assert can_sign_in(user, password)


@pytest.mark.parametrize("value", [0, -1, 65, "10", None, True])
def test_a_least_length_that_is_none_is_reported(settings: Any, value: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH = value
    assert "shopcore.E001" in {message.id for message in run_checks()}


@pytest.mark.parametrize(("value", "found"), [(7, {"shopcore.W208"}), (8, set())])
def test_a_least_length_below_that_of_nist_is_a_warning(settings: Any, value: int, found: set[str]) -> None:
    settings.SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH = value
    assert {message.id for message in run_checks()} & {"shopcore.W208"} == found


# --- One spelling -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [TYPED, NORMALISED, unicodedata.normalize("NFD", NORMALISED)])
@pytest.mark.parametrize("given", [TYPED, NORMALISED, unicodedata.normalize("NFD", NORMALISED)])
def test_what_looks_alike_is_one_password(stored: str, given: str) -> None:
    assert register(stored).status_code == 201
    user = get_user_model().objects.get()
    assert hashers.check_password(NORMALISED, user.password)
    assert can_sign_in(user, given)
    assert not can_sign_in(user, f"{given}x")
    assert change(user, given, f"{given} 2").status_code == 204
    user.refresh_from_db()
    assert reset(user, f"{given} 3").status_code == 204
    assert can_sign_in(user, f"{stored} 3")
    user.refresh_from_db()
    address = {"new_email": "x@example.com", "password": f"{given} 3"}
    assert post("email/change/", address, signed_in(user)).status_code in (202, 404)
    assert post("me/delete/", {"password": f"{given} 3"}, signed_in(user)).status_code == 204


def test_a_password_that_is_known_to_all_stays_so_in_other_letters() -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "qwertyuiop")
    assert errors_of(register(wide)) == [("password", "password_too_common")]
    # Ten characters that are five.
    assert errors_of(register("e\u0301" * 5)) == [("password", "password_too_short")]


@pytest.fixture
def of_before(user: Any) -> Any:
    """A user whose password was hashed as it was typed, as earlier versions did."""
    user.password = hashers.make_password(TYPED)
    user.save()
    return user


def test_a_hash_of_what_was_typed_goes_on_working(of_before: Any) -> None:
    assert can_sign_in(of_before, TYPED)
    assert change(of_before, TYPED, "another long secret").status_code == 204


def test_and_is_replaced_where_the_model_is_ours(of_before: Any) -> None:
    client = signed_in(of_before)
    assert not can_sign_in(of_before, NORMALISED)
    assert can_sign_in(of_before, TYPED)
    assert can_sign_in(of_before, NORMALISED) == isinstance(of_before, NormalisedPasswords)
    assert client.get(f"{API}me/").status_code == 200


@pytest.mark.parametrize("password", [TYPED, NORMALISED, "wrong", "\ufb01"])
def test_the_work_does_not_tell_whether_there_is_an_account(
    user: Any, of_before: Any, hashed: list[str], password: str
) -> None:
    inactive = UserFactory(is_active=False)
    unusable = UserFactory()
    unusable.set_unusable_password()
    unusable.save()
    work = {}
    for email in (UserFactory().email, inactive.email, unusable.email, "nobody@example.com"):
        hashed.clear()
        response = post("login/", {"email": email, "password": password})
        assert problem_of(response) == (401, "invalid_credentials")
        work[email] = len(hashed)
    assert set(work.values()) == {len({password, unicodedata.normalize("NFKC", password)})}


@pytest.mark.projects("full", "accounts_only", "host_user", "email_user")
def test_the_command_normalises_too() -> None:
    call_command("shopcore_create_admin", email="boss@example.com", password=TYPED)
    user = get_user_model().objects.get()
    assert hashers.check_password(NORMALISED, user.password)
    before = user.password
    call_command("shopcore_create_admin", email="boss@example.com", password=unicodedata.normalize("NFD", NORMALISED))
    user.refresh_from_db()
    assert user.password == before
    for password, text in (("q7#kPz!w9", "10 characters"), ("x" * 1025, "1024")):
        with pytest.raises(CommandError, match=text):
            call_command("shopcore_create_admin", email="boss@example.com", password=password)


# --- Nobody's passwords -----------------------------------------------------------------------------------

MEGABYTE = 1024 * 1024
LONG = ["x" * 1025, "x" * (MEGABYTE - 200), "\u0344" * 300_000]


def everywhere(user: Any, password: str) -> dict[str, Callable[[], Any]]:
    client = signed_in(user)
    link = {"uid": link_tokens.encode(user.pk), "token": link_tokens.password_reset.make_token(user)}
    return {
        "register": lambda: register(password),
        "login": lambda: post("login/", {"email": user.email, "password": password}),
        "nobody": lambda: post("login/", {"email": "nobody@example.com", "password": password}),
        "reset": lambda: post("password/reset/confirm/", {**link, "new_password": password}),
        "change": lambda: post("password/change/", {"current_password": PASSWORD, "new_password": password}, client),
        "current": lambda: post(
            "password/change/", {"current_password": password, "new_password": "another long secret"}, client
        ),
        "delete": lambda: post("me/delete/", {"password": password}, client),
        "address": lambda: post("email/change/", {"new_email": "x@example.com", "password": password}, client),
    }


@pytest.mark.projects("full", "host_user")
@pytest.mark.parametrize("password", LONG, ids=["1025", "a megabyte", "marks"])
def test_an_endless_password_is_refused_before_anything_is_hashed(user: Any, hashed: list[str], password: str) -> None:
    calls = everywhere(user, password)
    hashed.clear()
    for name, call in calls.items():
        response = call()
        if response.status_code != 413:  # escaped, a megabyte of text is more of JSON
            [(field, code)] = errors_of(response)
            assert (name, code) == (name, "max_length"), field
    assert hashed == []
    assert get_user_model().objects.count() == 1


@pytest.mark.projects("full", "host_user")
def test_what_is_endless_in_the_stored_spelling_is_no_new_password_and_otherwise_a_wrong_one(user: Any) -> None:
    calls = everywhere(user, "\ufdfa" * 100)  # each stands for eighteen
    codes = {
        name: (response := call()).status_code == 400 and errors_of(response)[0][1] for name, call in calls.items()
    }
    assert {codes[name] for name in ("register", "reset", "change")} == {"max_length"}
    assert {codes[name] for name in ("current", "delete", "address")} == {"invalid_password"}
    assert [calls[name]().status_code for name in ("login", "nobody")] == [401, 401]


@pytest.mark.projects("full", "host_user")
@pytest.mark.parametrize("password", ["a long secret\x00", "\x00" * 12, "a long \ud800 secret"])
def test_text_that_no_database_holds_is_no_password(user: Any, hashed: list[str], password: str) -> None:
    import json

    calls = {
        "register/": {"email": "b@example.com", "password": password},
        "login/": {"email": user.email, "password": password},
        "password/reset/confirm/": {"uid": "x", "token": "x", "new_password": password},
    }
    hashed.clear()
    for path, body in calls.items():
        response = APIClient().generic("POST", f"{API}{path}", json.dumps(body), "application/json")
        assert problem_of(response) == (400, "invalid_text")
    assert hashed == []


# --- Django's own forms -----------------------------------------------------------------------------------

own_users = pytest.mark.projects("full", "accounts_only")


def log_in(email: str, password: str) -> Any:
    return Client().post("/admin/login/?next=/admin/", {"username": email, "password": password})


@own_users
def test_the_admin_signs_in_by_any_spelling() -> None:
    boss = SuperuserFactory(email="boss@example.com", password=TYPED)
    for password in (TYPED, NORMALISED):
        assert log_in(boss.email, password).status_code == 302
    assert log_in(boss.email, "wrong").status_code == 200


@own_users
@pytest.mark.parametrize("password", ["wrong", "wron\ufb01", "x" * 1025, "x" * MEGABYTE])
def test_the_work_of_the_admins_login_tells_nothing(hashed: list[str], password: str) -> None:
    boss = SuperuserFactory(email="boss@example.com")
    work = []
    for email in (boss.email, "nobody@example.com"):
        hashed.clear()
        assert log_in(email, password).status_code == 200
        work.append(len(hashed))
    assert work == ([0, 0] if len(password) > 1024 else [len({password, unicodedata.normalize("NFKC", password)})] * 2)


@own_users
def test_our_forms_in_the_admin_ask_for_the_same(client: Client, settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = []
    boss = SuperuserFactory(email="boss@example.com", is_superuser=True)
    client.force_login(boss)
    user = UserFactory()
    pages = {"/admin/shopcore_accounts/user/add/": {"email": "new@example.com", "usable_password": "true"}}
    pages[f"/admin/shopcore_accounts/user/{user.pk}/password/"] = {"usable_password": "true"}
    for page, values in pages.items():
        for password, code in (("q7#kPz!w9", "password_too_short"), ("qwertyuiop", "password_too_common")):
            response = client.post(page, {**values, "password1": password, "password2": password})
            form = response.context["adminform" if page.endswith("/add/") else "form"]
            errors = getattr(form, "form", form).errors.as_data()
            assert [error.code for error in errors["password2"]] == [code]
        response = client.post(page, {**values, "password1": "x" * 1025, "password2": "x" * 1025})
        assert response.status_code == 200
        assert client.post(page, {**values, "password1": TYPED, "password2": TYPED}).status_code == 302
    assert all(
        hashers.check_password(NORMALISED, found.password) for found in get_user_model().objects.exclude(pk=boss.pk)
    )
    assert admin_site.site.is_registered(get_user_model())


@own_users
def test_code_is_told_that_a_password_is_too_long(user: Any) -> None:
    with pytest.raises(PasswordLengthError):
        user.set_password("x" * 1025)
    assert not user.check_password("x" * 1025)
    user.set_password(None)
    assert not user.has_usable_password()
    assert not user.check_password(None)
