from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_shopcore.accounts.models import Session
from tests.accounts.clients import signed_in, tokens_of, works
from tests.accounts.test_me import body_of
from tests.factories.accounts import AdminFactory, UserFactory
from tests.problems import errors_of, problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

ROLE_IN_A_COLUMN = pytest.mark.projects("full", "accounts_only", "host_user", "email_user")
URL = "/api/v1/users/"


def emails(response: Any) -> list[str]:
    assert response.status_code == 200, response.json()
    return [row["email"] for row in response.json()["results"]]


def url_of(user: Any) -> str:
    return f"{URL}{user.pk}/"


@pytest.mark.parametrize("method", ["get", "patch"])
def test_are_for_admins(user: Any, method: str) -> None:
    client = signed_in(user)
    assert problem_of(client.get(URL)) == (403, "permission_denied")
    assert problem_of(getattr(client, method)(url_of(user))) == (403, "permission_denied")


def test_are_listed_the_latest_first(admin: Any) -> None:
    user = UserFactory(is_active=False)

    response = signed_in(admin).get(URL)

    assert response.json() == {
        "count": 2,
        "count_is_exact": True,
        "next": None,
        "previous": None,
        "results": [{**body_of(user), "is_active": False}, {**body_of(admin), "is_active": True}],
    }
    assert response["Cache-Control"] == "no-store"


@ROLE_IN_A_COLUMN
def test_cost_two_statements_however_many(admin: Any, django_assert_num_queries: Any) -> None:
    client = signed_in(admin)
    for count in (1, 10):
        UserFactory.create_batch(count)
        with django_assert_num_queries(2):
            client.get(URL)


@ROLE_IN_A_COLUMN
def test_a_narrow_list_reads_no_more_columns_than_it_shows(admin: Any, django_assert_num_queries: Any) -> None:
    client = signed_in(admin)
    with django_assert_num_queries(2) as queries:
        assert client.get(f"{URL}?fields=email").json()["results"] == [{"email": admin.email}]
    assert "password" not in queries[-1]["sql"]
    assert "first_name" not in queries[-1]["sql"]


def test_are_searched_by_address(admin: Any) -> None:
    UserFactory(email="ada@example.com")
    UserFactory(email="grace@example.org")
    client = signed_in(admin)

    assert emails(client.get(f"{URL}?search=ADA@")) == ["ada@example.com"]
    assert emails(client.get(f"{URL}?email=example.org")) == ["grace@example.org"]
    assert emails(client.get(f"{URL}?search=%25")) == []
    assert errors_of(client.get(f"{URL}?search={'x' * 300}")) == [("search", "max_length")]


def test_are_filtered_by_role_and_state(admin: Any) -> None:
    user, inactive = UserFactory(), UserFactory(is_active=False)
    client = signed_in(admin)

    assert emails(client.get(f"{URL}?is_admin=true")) == [admin.email]
    assert emails(client.get(f"{URL}?is_admin=false")) == [inactive.email, user.email]
    assert emails(client.get(f"{URL}?is_active=false")) == [inactive.email]
    assert emails(client.get(f"{URL}?is_active=true&is_admin=false")) == [user.email]
    assert errors_of(client.get(f"{URL}?is_active=maybe")) == [("is_active", "invalid")]


def test_are_ordered_by_address_or_age(admin: Any) -> None:
    a, b = UserFactory(email="a@example.com"), UserFactory(email="b@example.com")
    client = signed_in(admin)

    assert emails(client.get(f"{URL}?ordering=email")) == [a.email, admin.email, b.email]
    assert emails(client.get(f"{URL}?ordering=-email,created_at")) == [b.email, admin.email, a.email]
    assert emails(client.get(f"{URL}?ordering=created_at")) == [admin.email, a.email, b.email]
    assert errors_of(client.get(f"{URL}?ordering=password")) == [("ordering", "invalid_choice")]
    first = client.get(f"{URL}?ordering=email&size=2&cursor=")
    assert emails(first) + emails(client.get(first.json()["next"])) == [a.email, admin.email, b.email]


def test_one_is_read(admin: Any, user: Any) -> None:
    response = signed_in(admin).get(url_of(user))
    assert (response.status_code, response.json()) == (200, {**body_of(user), "is_active": True})


@pytest.mark.parametrize("method", ["get", "patch"])
def test_an_unknown_one_is_404(admin: Any, method: str) -> None:
    call = getattr(signed_in(admin), method)
    for key in (uuid.uuid4(), "x", "\u0661", "0", "-1", "9" * 30, "1.0", "%00"):
        assert problem_of(call(f"{URL}{key}/")) == (404, "not_found")


def test_deactivating_signs_out_for_good(admin: Any, user: Any) -> None:
    tokens = tokens_of(user)
    client = signed_in(admin)

    response = client.patch(url_of(user), {"is_active": False})

    assert (response.status_code, response.json()) == (200, {**body_of(user), "is_active": False})
    assert not works(tokens.access)
    assert client.patch(url_of(user), {"is_active": True}).json()["is_active"] is True
    assert not works(tokens.access)
    assert not Session.objects.open().filter(user=user).exists()


@ROLE_IN_A_COLUMN
def test_promoting_gives_the_role_and_no_superuser(admin: Any, user: Any) -> None:
    assert signed_in(admin).patch(url_of(user), {"is_admin": True}).json()["is_admin"] is True

    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert signed_in(user).get(URL).status_code == 200


@ROLE_IN_A_COLUMN
def test_demoting_takes_the_superuser_too(admin: Any) -> None:
    other = AdminFactory(is_superuser=True)
    client = signed_in(other)

    assert signed_in(admin).patch(url_of(other), {"is_admin": False}).json()["is_admin"] is False

    other.refresh_from_db()
    assert (other.is_staff, other.is_superuser) == (False, False)
    assert client.get(URL).status_code == 403


def test_all_else_is_ignored(admin: Any, user: Any) -> None:
    wishes = {"email": "x@example.com", "first_name": "x", "is_superuser": True, "password": "x", "id": 1}
    response = signed_in(admin).patch(url_of(user), wishes)
    assert (response.status_code, response.json()) == (200, {**body_of(user), "is_active": True})
    user.refresh_from_db()
    assert (user.is_superuser, body_of(user)["email"]) == (False, user.email)


@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_a_role_is_true_or_false(admin: Any, user: Any, value: Any) -> None:
    response = signed_in(admin).patch(url_of(user), {"is_admin": value})
    assert [field for field, code in errors_of(response)] == ["is_admin"]


@ROLE_IN_A_COLUMN
def test_a_change_can_name_the_version_it_means(admin: Any, user: Any) -> None:
    client = signed_in(admin)
    tag = client.get(url_of(user))["ETag"]
    assert client.patch(url_of(user), {"is_admin": True}, HTTP_IF_MATCH=tag).status_code == 200
    late = client.patch(url_of(user), {"is_admin": False}, HTTP_IF_MATCH=tag)
    assert problem_of(late) == (412, "precondition_failed")


@ROLE_IN_A_COLUMN
@pytest.mark.parametrize("change", [{"is_admin": False}, {"is_active": False}, {"is_admin": False, "is_active": True}])
def test_the_last_active_admin_stays_one(admin: Any, change: Any) -> None:
    AdminFactory(is_active=False)
    UserFactory()
    client = signed_in(admin)

    assert problem_of(client.patch(url_of(admin), change)) == (409, "last_admin")
    admin.refresh_from_db()
    assert (admin.is_staff, admin.is_active) == (True, True)

    other = AdminFactory()
    assert client.patch(url_of(other), change).status_code == 200


@ROLE_IN_A_COLUMN
def test_an_admin_may_step_down_while_another_is_there(admin: Any) -> None:
    AdminFactory()
    client = signed_in(admin)
    assert client.patch(url_of(admin), {"is_admin": False}).status_code == 200
    assert client.get(URL).status_code == 403


@ROLE_IN_A_COLUMN
def test_customers_and_inactive_admins_can_be_changed_freely(admin: Any, user: Any) -> None:
    client = signed_in(admin)
    inactive = AdminFactory(is_active=False)
    assert client.patch(url_of(user), {"is_admin": False, "is_active": False}).status_code == 200
    assert client.patch(url_of(inactive), {"is_admin": False}).status_code == 200
    assert get_user_model().objects.filter(is_staff=True).count() == 1
