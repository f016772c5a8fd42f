"""A site's own model beside its user model: read and written by its owner and by admins."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.accounts.clients import signed_in
from tests.factories.accounts import AdminFactory, UserFactory
from tests.problems import errors_of
from tests.projects.extras.models import Profile

pytestmark = [pytest.mark.django_db, pytest.mark.projects("extended", "extended_swapped")]

ME = "/api/v1/auth/me/"
USERS = "/api/v1/users/"


def test_its_owner_makes_changes_and_deletes_it(user: Any) -> None:
    client = signed_in(user)
    assert client.get(ME).json()["profile"] is None
    made = client.patch(ME, {"first_name": "Ada", "profile": {"phone": "1"}}).json()
    assert (made["first_name"], made["profile"]) == ("Ada", {"phone": "1", "credit": 0})
    assert client.get(ME).json() == made
    assert client.patch(ME, {"first_name": "Eva"}).json()["profile"] == made["profile"]
    assert client.patch(ME, {"profile": {"phone": "2"}}).json()["profile"]["phone"] == "2"
    assert client.patch(ME, {"profile": None}).json()["profile"] is None
    assert not Profile.objects.exists()


def test_what_is_read_only_is_not_theirs_to_write(user: Any) -> None:
    assert signed_in(user).patch(ME, {"profile": {"phone": "1", "credit": 99, "user": 5}}).status_code == 200
    assert Profile.objects.values_list("user", "credit").get() == (user.pk, 0)


def test_errors_have_their_place_and_nothing_is_written(user: Any) -> None:
    client = signed_in(user)
    body = {"first_name": "x" * 200, "profile": {"phone": "1" * 41}}
    assert errors_of(client.patch(ME, body)) == [("first_name", "max_length"), ("profile.phone", "max_length")]
    assert errors_of(client.patch(ME, {"first_name": "New", "profile": {}})) == [("profile.phone", "required")]
    user.refresh_from_db()
    assert (user.first_name == "New", Profile.objects.exists()) == (False, False)


def test_the_tag_changes_with_it(user: Any) -> None:
    client = signed_in(user)
    tag = client.patch(ME, {"profile": {"phone": "1"}})["ETag"]
    assert client.get(ME)["ETag"] == tag
    Profile.objects.update(phone="2")
    assert client.get(ME)["ETag"] != tag
    assert client.patch(ME, {"profile": {"phone": "3"}}, headers={"if-match": tag}).status_code == 412


def test_admins_read_all_of_them_by_a_join_and_write_them() -> None:
    admin = AdminFactory.create()
    client = signed_in(admin)
    for user in UserFactory.create_batch(5):
        Profile.objects.create(user=user, phone=user.email)
    with CaptureQueriesContext(connection) as captured:
        rows = client.get(USERS).json()["results"]
    assert len(captured) == 2  # the session, and the list
    assert {row["email"]: row["profile"] and row["profile"]["phone"] for row in rows} == {
        admin.email: None,
        **{profile.phone: profile.phone for profile in Profile.objects.all()},
    }
    [found, *_] = [row for row in rows if row["profile"]]
    path = f"{USERS}{found['id']}/"
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).json() == found
    assert len(captured) == 2
    changed = client.patch(path, {"is_active": False, "profile": {"phone": "9"}}).json()
    assert changed == {**found, "is_active": False, "profile": {"phone": "9", "credit": 0}}
    assert errors_of(client.patch(path, {"profile": {"phone": ""}})) == [("profile.phone", "blank")]
    assert client.patch(path, {"profile": None}).json()["profile"] is None


def test_a_wrong_profile_leaves_the_role_as_it_is() -> None:
    user = UserFactory.create()
    client = signed_in(AdminFactory.create())
    response = client.patch(f"{USERS}{user.pk}/", {"is_admin": True, "profile": {"phone": ""}})
    assert errors_of(response) == [("profile.phone", "blank")]
    user.refresh_from_db()
    assert user.is_staff is False
