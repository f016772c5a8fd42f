"""Who is an admin is the adapter's answer, wherever the library asks."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Q

from django_shopcore.core.adapters import AdminAdapter
from tests.accounts.clients import signed_in, tokens_of, works
from tests.accounts.test_me import body_of
from tests.factories.accounts import AdminFactory, UserFactory, demote, promote
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.projects("uuid_user"), pytest.mark.django_db]

USERS = "/api/v1/users/"
NOT_CHANGEABLE = [("is_admin", "not_changeable")]


def url_of(user: Any) -> str:
    return f"{USERS}{user.pk}/"


def shown(client: Any, query: str = "") -> dict[str, bool]:
    response = client.get(f"{USERS}{query}")
    assert response.status_code == 200, response.content
    return {row["email"]: row["is_admin"] for row in response.json()["results"]}


def test_the_list_shows_the_role_of_each_user_once(admin: Any, user: Any) -> None:
    inactive = AdminFactory(is_active=False)
    expected = {admin.email: True, user.email: False, inactive.email: True}
    client = signed_in(admin)
    assert shown(client) == expected
    assert shown(client, "?cursor=") == expected
    assert client.get(USERS).json()["count"] == 3
    assert client.get(f"{USERS}?fields=email,is_admin&ordering=email").json()["results"] == [
        {"email": email, "is_admin": role} for email, role in sorted(expected.items())
    ]


@pytest.mark.parametrize("query", ["", "?cursor=", "?fields=is_admin"])
def test_with_as_many_statements_for_many_as_for_one(admin: Any, django_assert_num_queries: Any, query: str) -> None:
    client = signed_in(admin)
    for batch in (AdminFactory, UserFactory):
        batch.create_batch(9)
        with django_assert_num_queries(4):  # session and user, the role for the policy, the rows' keys, the rows
            assert len(client.get(f"{USERS}{query}").json()["results"]) > 9


def test_the_list_is_filtered_by_it(admin: Any, user: Any) -> None:
    inactive = AdminFactory(is_active=False)
    client = signed_in(admin)
    assert set(shown(client, "?is_admin=true")) == {admin.email, inactive.email}
    assert set(shown(client, "?is_admin=false")) == {user.email}
    assert set(shown(client, "?is_admin=true&is_active=true")) == {admin.email}


def test_one_user_and_ones_own_account_show_it(admin: Any, user: Any) -> None:
    client = signed_in(admin)
    response = client.get(url_of(user))
    assert (response.status_code, response.json()) == (200, {**body_of(user), "is_active": True})
    promote(user)
    assert client.get(url_of(user)).json()["is_admin"] is True
    assert signed_in(user).get("/api/v1/auth/me/").json()["is_admin"] is True


@pytest.mark.parametrize("change", [True, False])
def test_the_role_cannot_be_written_where_no_column_holds_it(admin: Any, change: bool) -> None:
    other = UserFactory() if change else AdminFactory()
    client = signed_in(admin)

    response = client.patch(url_of(other), {"is_admin": change, "is_active": False})

    assert errors_of(response) == NOT_CHANGEABLE
    other.refresh_from_db()
    assert other.is_active, "half of it was written"
    assert client.get(url_of(other)).json()["is_admin"] is not change


def test_the_role_as_it_is_may_be_sent_along(admin: Any, user: Any) -> None:
    tokens = tokens_of(user)
    response = signed_in(admin).patch(url_of(user), {"is_admin": False, "is_active": False})
    assert (response.status_code, response.json()["is_active"]) == (200, False)
    assert not works(tokens.access)


def test_the_last_active_admin_stays_active(admin: Any) -> None:
    AdminFactory(is_active=False)
    client = signed_in(admin)
    assert problem_of(client.patch(url_of(admin), {"is_active": False})) == (409, "last_admin")
    other = AdminFactory()
    assert client.patch(url_of(admin), {"is_active": False}).status_code == 200
    assert problem_of(signed_in(other).patch(url_of(other), {"is_active": False})) == (409, "last_admin")


def test_a_role_that_is_taken_elsewhere_holds_for_the_next_request(admin: Any) -> None:
    client = signed_in(admin)
    assert client.get(USERS).status_code == 200
    demote(admin)
    assert problem_of(client.get(USERS)) == (403, "permission_denied")


def test_each_active_admin_is_alerted_once(admin: Any) -> None:
    from tests.accounts.mails import post

    other = AdminFactory()
    AdminFactory(is_active=False)
    assert post("register/", {"email": "ada@example.com", "password": "a quite long secret"}).status_code == 201
    for name in ("OutboxMessage", "Notification"):
        rows = apps.get_model("shopcore_notifications", name).objects.filter(kind="new_registration")
        assert sorted(rows.values_list("user__email", flat=True)) == sorted([admin.email, other.email]), name


class EditorsAreAdmins(AdminAdapter):
    """Those whose address says so, against what any column says."""

    def is_admin(self, user: Any) -> bool:
        return bool(user.email.startswith("editor"))

    def admins(self) -> Q:
        return Q(email__startswith="editor")


@pytest.mark.projects("full", "host_user", "email_user", "uuid_user")
def test_all_that_is_for_admins_goes_by_the_adapter_and_nothing_by_the_column(settings: Any) -> None:
    from tests.accounts.mails import post
    from tests.catalog.shapes import path_of
    from tests.factories.catalog import CategoryFactory, ProductFactory

    settings.SHOPCORE_ADMIN_ADAPTER = f"{__name__}.EditorsAreAdmins"
    draft, category = ProductFactory(is_published=False), CategoryFactory()
    editor, staff = UserFactory(email="editor@example.com"), AdminFactory()
    answers = {}
    for name, client in (("editor", signed_in(editor)), ("staff", signed_in(staff))):
        answers[name] = {
            "the drafts": client.get(path_of(draft)).status_code,
            "a new product": client.post(
                "/api/v1/products/", {"name": "N", "price": "1.00", "category": category.pk}
            ).status_code,
            "the private part": "private_metadata" in client.get(path_of(category)).json(),
            "the users": client.get(USERS).status_code,
            "the role shown": client.get("/api/v1/auth/me/").json()["is_admin"],
            "kinds for admins": "new_registration" in client.get("/api/v1/notifications/preferences/").json()["kinds"],
            "the write of a role": client.patch(url_of(staff), {"is_admin": True}).status_code,
        }
    refused = dict(zip(answers["editor"], [404, 403, False, 403, False, False, 403], strict=True))
    assert answers == {
        "editor": dict(zip(refused, [200, 201, True, 200, True, True, 400], strict=True)),
        "staff": refused,
    }
    assert shown(signed_in(editor)) == {editor.email: True, staff.email: False}
    assert set(shown(signed_in(editor), "?is_admin=true")) == {editor.email}

    assert post("register/", {"email": "ada@example.com", "password": "a quite long secret"}).status_code == 201
    outbox = apps.get_model("shopcore_notifications", "OutboxMessage").objects
    assert [row.user for row in outbox.filter(kind="new_registration")] == [editor]
    assert problem_of(signed_in(editor).patch(url_of(editor), {"is_active": False})) == (409, "last_admin")
