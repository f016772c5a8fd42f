from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from django_shopcore.accounts import signals
from tests.factories.accounts import UserFactory, has_role
from tests.problems import errors_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

URL = "/api/v1/auth/register/"
GOOD = {"email": "ada@example.com", "password": "a quite long secret"}


@pytest.mark.projects("full", "accounts_only", "host_user")
def test_makes_a_user_and_answers_with_it(anonymous: APIClient) -> None:
    response = anonymous.post(URL, {**GOOD, "first_name": "Ada", "last_name": "Lovelace"})

    assert response.status_code == 201, response.json()
    user = get_user_model().objects.get()
    body = response.json()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": str(user.pk) if isinstance(body["id"], str) else user.pk,
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "is_admin": False,
        "email_verified": False,
    }
    assert user.check_password("a quite long secret")
    assert response["Cache-Control"] == "no-store"
    assert "Authorization" in response["Vary"]


def test_stores_the_address_in_one_spelling(anonymous: APIClient) -> None:
    response = anonymous.post(URL, {**GOOD, "email": "  Ada@EXAMPLE.com "})

    assert response.json()["email"] == "ada@example.com"
    assert get_user_model().objects.get().email == "ada@example.com"


def test_never_makes_an_admin(anonymous: APIClient) -> None:
    wishes = {"is_admin": True, "is_staff": True, "is_superuser": True, "email_verified": True, "id": 7}
    response = anonymous.post(URL, {**GOOD, **wishes})

    assert response.status_code == 201
    assert response.json()["is_admin"] is False
    assert response.json()["email_verified"] is False
    user: Any = get_user_model().objects.get()
    assert (has_role(user), user.is_superuser) == (False, False)


@pytest.mark.parametrize("taken", ["ada@example.com", "ADA@Example.COM"])
def test_refuses_an_address_that_is_taken_in_any_case(anonymous: APIClient, taken: str) -> None:
    UserFactory(email=taken)

    response = anonymous.post(URL, GOOD)

    assert errors_of(response) == [("email", "unique")]
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada lovelace@example.com",
        "ada@exam ple.com",
        "a\u017fa@example.com",  # a long s, which Django's validator takes for an s
        "\u212a@example.com",  # the Kelvin sign
        "ada@example.com\nbcc: x@example.com",
        "x" * 250 + "@example.com",
        "a@" + "\u0130" * 120 + ".com",
        7,
        None,
        ["ada@example.com"],
    ],
)
def test_refuses_what_is_not_an_address(anonymous: APIClient, email: Any) -> None:
    response = anonymous.post(URL, {**GOOD, "email": email})

    assert {field for field, code in errors_of(response)} == {"email"}
    assert not get_user_model().objects.exists()


def test_an_address_that_lower_case_makes_too_long_is_refused(anonymous: APIClient) -> None:
    # The lower case of a dotted capital I has two characters.
    email = "a@" + ".".join(["\u0130" * 60] * 4) + ".com"
    assert len(email) <= 254 < len(email.lower())

    assert errors_of(anonymous.post(URL, {**GOOD, "email": email})) == [("email", "invalid")]


def test_says_by_code_what_the_validators_find(anonymous: APIClient) -> None:
    response = anonymous.post(URL, {**GOOD, "password": "1234"})

    assert errors_of(response) == [
        ("password", "password_too_short"),
        ("password", "password_too_common"),
        ("password", "password_entirely_numeric"),
    ]


@pytest.mark.projects("full", "accounts_only", "host_user", "uuid_user")
def test_the_password_must_not_be_like_the_user(anonymous: APIClient) -> None:
    response = anonymous.post(URL, {"email": "lovelace@example.com", "password": "lovelace12"})
    assert errors_of(response) == [("password", "password_too_similar")]

    names = {"email": "a@example.com", "password": "annabellina", "first_name": "Annabellina"}
    assert errors_of(anonymous.post(URL, names)) == [("password", "password_too_similar")]


def test_takes_the_password_as_typed_up_to_1024_characters(anonymous: APIClient) -> None:
    password = "  spaces count \u00e9\u4e2d  "
    anonymous.post(URL, {**GOOD, "password": password})
    assert get_user_model().objects.get().check_password(password)

    response = anonymous.post(URL, {"email": "b@example.com", "password": "x" * 1025})
    assert errors_of(response) == [("password", "max_length")]


def test_missing_values_are_named(anonymous: APIClient) -> None:
    assert errors_of(anonymous.post(URL, {})) == [("email", "required"), ("password", "required")]


def test_names_have_a_length(anonymous: APIClient) -> None:
    response = anonymous.post(URL, {**GOOD, "first_name": "x" * 151, "last_name": 5})
    assert errors_of(response) == [("first_name", "max_length"), ("last_name", "invalid")]


def test_a_stale_token_does_not_matter(anonymous: APIClient) -> None:
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer stale")
    assert anonymous.post(URL, GOOD).status_code == 201


def test_sends_an_event_that_can_undo_it(anonymous: APIClient) -> None:
    def refuse(user: Any, **kwargs: Any) -> None:
        assert user.pk
        raise ZeroDivisionError

    signals.user_registered.connect(refuse)
    try:
        with pytest.raises(ZeroDivisionError):
            anonymous.post(URL, GOOD)
    finally:
        signals.user_registered.disconnect(refuse)
    assert not get_user_model().objects.exists()


@pytest.mark.projects("host_user")
def test_the_address_becomes_the_user_name_of_a_model_that_has_one(anonymous: APIClient) -> None:
    assert anonymous.post(URL, GOOD).status_code == 201
    assert get_user_model().objects.get().get_username() == "ada@example.com"


@pytest.mark.projects("host_user")
@pytest.mark.parametrize("email", ["a" * 60 + "@" + ".".join(["b" * 60] * 2) + ".com", "o'hara{}@example.com"])
def test_an_address_that_cannot_be_a_user_name_gets_another_one(anonymous: APIClient, email: str) -> None:
    assert anonymous.post(URL, {**GOOD, "email": email}).status_code == 201

    user = get_user_model().objects.get(email=email)
    assert len(user.get_username()) == 32
    assert anonymous.post("/api/v1/auth/login/", {**GOOD, "email": email}).status_code == 200


@pytest.mark.projects("host_user")
def test_an_address_that_is_somebodys_user_name_gets_another_one(anonymous: APIClient) -> None:
    UserFactory(email="other@example.com", username="ada@example.com")

    assert anonymous.post(URL, GOOD).status_code == 201
    assert len(get_user_model().objects.get(email="ada@example.com").get_username()) == 32
