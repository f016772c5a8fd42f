"""What people sign in by where the e-mail address is not the user's name, and perhaps not unique."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from rest_framework.test import APIClient

from django_shopcore.accounts.models import Session
from tests.factories.accounts import PASSWORD, UserFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.projects("host_user"), pytest.mark.django_db]

URL = "/api/v1/auth/login/"
ADDRESS = "ada@example.com"


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


@pytest.fixture(params=["email", "username", "either"])
def login_by(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.SHOPCORE_ACCOUNTS_LOGIN_BY = request.param
    return str(request.param)


@pytest.fixture
def either(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_BY = "either"


def sign_in(password: str = PASSWORD, **name: str) -> Any:
    """Who is signed in by that, or the code of the refusal."""
    response = APIClient().post(URL, {**name, "password": password})
    if response.status_code == 200:
        return Session.objects.latest("created_at").user
    return response.json()["code"]


REFUSED = "invalid_credentials"


def test_each_setting_has_its_own_name_in_the_body(login_by: str) -> None:
    ada = UserFactory(email=ADDRESS, username="ada")
    names = {"email": ADDRESS, "username": "ada"}
    for name in names:
        expected = ada if login_by in (name, "either") else "validation_error"
        assert sign_in(**{name: names[name]}) == expected
    schema = APIClient().get("/schema/?format=json").json()["components"]["schemas"]["Credentials"]
    wanted = {"email", "username"} if login_by == "either" else {login_by}
    assert set(schema["properties"]) == wanted | {"password"}
    assert set(schema["required"]) == {"password"} | (wanted if len(wanted) == 1 else set())


def test_either_is_just_one_of_the_two(either: None) -> None:
    both = APIClient().post(URL, {"email": ADDRESS, "username": "ada", "password": PASSWORD})
    assert errors_of(both) == [("username", "one_of_two")]
    assert errors_of(APIClient().post(URL, {"password": PASSWORD})) == [("email", "required")]


def test_an_address_of_two_active_accounts_signs_neither_in_and_their_names_do(either: None) -> None:
    first = UserFactory(email=ADDRESS, username="first")
    second = UserFactory(email="Ada@Example.com", username="second")
    assert sign_in(email=ADDRESS) == REFUSED
    assert sign_in(email="Ada@Example.com") == REFUSED
    assert sign_in(username="first") == first
    assert sign_in(username="second") == second


def test_an_inactive_account_with_the_same_address_is_in_nobodys_way() -> None:
    UserFactory(email=ADDRESS, username="old", is_active=False)
    ada = UserFactory(email="ADA@example.com", username="ada")
    UserFactory(email=ADDRESS, username=ADDRESS, is_active=False)
    assert sign_in(email=ADDRESS) == ada


def test_a_name_that_looks_like_the_address_of_another_is_neither_that_person_nor_in_their_way(either: None) -> None:
    ada = UserFactory(email=ADDRESS, username="ada", password="the password of ada")
    mallory = UserFactory(email="mallory@example.com", username=ADDRESS, password="that of mallory")

    assert sign_in("the password of ada", email=ADDRESS) == ada
    assert sign_in("that of mallory", email=ADDRESS) == REFUSED
    assert sign_in("that of mallory", username=ADDRESS) == mallory
    assert sign_in("the password of ada", username=ADDRESS) == REFUSED
    assert sign_in("that of mallory", email="mallory@example.com") == mallory


def test_nor_is_it_where_nobody_has_the_address(login_by: str) -> None:
    mallory = UserFactory(email="mallory@example.com", username=ADDRESS)
    for name in ("email", "username"):
        if login_by in (name, "either"):
            assert sign_in(**{name: ADDRESS}) == (mallory if name == "username" else REFUSED)


def test_addresses_fold_case_and_names_do_not(either: None) -> None:
    ada = UserFactory(email="Ada@Example.com", username="Ada")
    for address in (ADDRESS, "ADA@EXAMPLE.COM", f" {ADDRESS} "):
        assert sign_in(email=address) == ada
    assert sign_in(username="Ada") == ada
    assert sign_in(username="ada") == REFUSED


def test_a_name_is_compared_in_the_form_that_django_stores(either: None) -> None:
    ada = get_user_model().objects.create_user("\u212bsa", ADDRESS, PASSWORD)
    assert ada.get_username() == "\u00c5sa"
    assert sign_in(username="\u212bsa") == sign_in(username="A\u030asa") == ada


class ByAddressFirst(ModelBackend):
    """As in sites that take a name with an @ for an address, whoever is asked for."""

    def authenticate(self, request: Any, username: Any = None, password: Any = None, **kwargs: Any) -> Any:
        user = get_user_model().objects.filter(email=username).first()
        return user if user is not None and user.check_password(password) else None


def test_a_backend_that_takes_a_name_for_the_address_of_another_signs_nobody_in(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = ["tests.accounts.test_login_by.ByAddressFirst"]
    UserFactory(email=ADDRESS, username="ada", password="the password of ada")
    UserFactory(email="mallory@example.com", username=ADDRESS)
    assert sign_in("the password of ada", email="mallory@example.com") == REFUSED
    assert not Session.objects.exists()


def observed(monkeypatch: pytest.MonkeyPatch, **name: str) -> tuple[Any, ...]:
    """The answer, the number of statements and of hashes: all that can be seen or timed."""
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with monkeypatch.context() as patched, connection.execute_wrapper(note):
        patched.setattr(MD5PasswordHasher, "encode", counting)
        response = APIClient().post(URL, {**name, "password": "wrong"})
    looked_up = [sql for sql in statements if "SELECT" in sql]
    return response.status_code, response.content, dict(response.items()), looked_up, len(hashed)


def test_all_refusals_are_one_answer_after_the_same_work(monkeypatch: pytest.MonkeyPatch, either: None) -> None:
    UserFactory(email="one@example.com", username="one")
    UserFactory(email="off@example.com", username="off", is_active=False)
    UserFactory(email="two@example.com", username="two")
    UserFactory(email="Two@example.com", username="two@example.com")
    UserFactory(email="three@example.com", username="one@example.com")
    addresses = ["nobody", "one", "off", "two"]
    by_address = [observed(monkeypatch, email=f"{address}@example.com") for address in addresses]
    by_name = [observed(monkeypatch, username=name) for name in ("nobody", "one", "off", "one@example.com")]
    for seen in (by_address, by_name):
        assert all(a == b for a, b in itertools.pairwise(seen)), seen
        assert (seen[0][0], seen[0][-1]) == (401, 1)
    assert by_address[0][1] == by_name[0][1]


@pytest.mark.projects("full", "accounts_only", "email_user", "uuid_user")
def test_where_the_address_is_the_name_both_mean_the_address(login_by: str) -> None:
    ada = UserFactory(email=ADDRESS)
    for name in ("email", "username"):
        if login_by in (name, "either"):
            assert sign_in(**{name: "ADA@example.com"}) == ada


@pytest.mark.projects("email_user")
def test_two_that_differ_in_case_only_are_ambiguous() -> None:
    UserFactory(email=ADDRESS)
    UserFactory(email="Ada@example.com")
    assert sign_in(email=ADDRESS) == REFUSED


@pytest.mark.parametrize("name", ["x" * 256, "a\x00b", "", 7, None, "\ud800"])
def test_strange_names_are_400(either: None, name: Any) -> None:
    assert APIClient().post(URL, {"username": name, "password": PASSWORD}).status_code == 400
