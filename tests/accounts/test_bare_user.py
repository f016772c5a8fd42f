"""A user model of the host's that has no more than it must: no names, no dates, an integer key."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from tests.accounts.clients import signed_in
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory

pytestmark = [pytest.mark.projects("email_user"), pytest.mark.django_db]

GOOD = "a quite long secret"


def body_of(user: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": user.pk,
        "email": user.email,
        "first_name": "",
        "last_name": "",
        "is_admin": user.is_staff,
        "email_verified": False,
        "created_at": None,
        **more,
    }


def test_what_it_lacks_is_blank() -> None:
    values = {"email": "Ada@Example.com", "password": GOOD, "first_name": "Ada"}
    response = APIClient().post("/api/v1/auth/register/", values)

    user = get_user_model().objects.get()
    assert (response.status_code, response.json()) == (201, body_of(user))
    assert response.json()["email"] == "ada@example.com"
    client = signed_in(user)
    changed = client.patch("/api/v1/auth/me/", {"first_name": "Ada"})
    assert (changed.status_code, changed.json()) == (200, body_of(user))


def test_signs_in_by_an_address_that_is_stored_in_another_case() -> None:
    user = UserFactory()
    get_user_model().objects.update(email="Ada@Example.com")
    for email in ("ada@example.com", "ADA@example.com"):
        response = APIClient().post("/api/v1/auth/login/", {"email": email, "password": PASSWORD})
        assert response.status_code == 200
    taken = APIClient().post("/api/v1/auth/register/", {"email": "ada@example.com", "password": GOOD})
    assert taken.json()["errors"][0]["code"] == "unique"
    assert get_user_model().objects.get() == user


def test_its_users_are_listed_the_latest_key_first() -> None:
    user, admin = UserFactory(), AdminFactory()
    client = signed_in(admin)

    answer = client.get("/api/v1/users/").json()["results"]
    assert answer == [body_of(admin, is_active=True), body_of(user, is_active=True)]
    ordered = client.get("/api/v1/users/?ordering=created_at&fields=id&cursor=").json()["results"]
    assert ordered == [{"id": user.pk}, {"id": admin.pk}]
    assert client.patch(f"/api/v1/users/{user.pk}/", {"is_admin": True}).json()["is_admin"] is True
    for key in ("x", "0", "\u0661", "9" * 30):
        assert client.get(f"/api/v1/users/{key}/").status_code == 404
