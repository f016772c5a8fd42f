from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin as admin_site
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from django_shopcore.accounts.admin import UserAdmin
from django_shopcore.accounts.models import Session
from tests.accounts.clients import session_of, tokens_of, works
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory

pytestmark = [pytest.mark.projects("full", "accounts_only"), pytest.mark.django_db]

USERS = "admin:shopcore_accounts_user"
SESSIONS = "admin:shopcore_accounts_session"


@pytest.fixture
def boss() -> Any:
    return AdminFactory(email="boss@example.com", is_superuser=True)


@pytest.fixture
def site(boss: Any, client: Client) -> Client:
    client.force_login(boss)
    return client


def form_of(user: Any, **changes: Any) -> dict[str, Any]:
    """What the change form of ``user`` sends: switches that are off are left out."""
    values = {name: getattr(user, name) for name in ("email", "first_name", "last_name")}
    switches = {name: getattr(user, name) for name in ("is_active", "is_staff", "is_superuser", "email_verified")}
    values |= {name: "on" for name, on in (switches | changes).items() if on is True}
    return values | {name: value for name, value in changes.items() if not isinstance(value, bool)}


def change(site: Client, user: Any, **changes: Any) -> Any:
    return site.post(reverse(f"{USERS}_change", args=[user.pk]), form_of(user, **changes))


def act(site: Client, url: str, action: str, *rows: Any, **more: Any) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    return site.post(reverse(f"{url}_changelist"), data, follow=True)


def permission(codename: str) -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label="shopcore_accounts")


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_lists_and_finds_users(site: Client) -> None:
    UserFactory(email="ada@example.com")
    page = site.get(reverse(f"{USERS}_changelist"), {"q": "ada@"})
    assert b"ada@example.com" in page.content
    assert b"boss@example.com</a>" not in page.content
    assert site.get(reverse(f"{USERS}_changelist"), {"is_active__exact": 0, "o": "1"}).status_code == 200


def test_adds_a_user_with_a_password(site: Client) -> None:
    url = reverse(f"{USERS}_add")
    assert site.get(url).status_code == 200
    values = {"email": "Ada@Example.com", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert site.post(url, values).status_code == 302

    user: Any = get_user_model().objects.get(email="ada@example.com")
    assert user.check_password(PASSWORD)
    assert not user.is_staff
    assert b"already" in site.post(url, values | {"email": "ADA@example.com"}).content


def test_changes_a_user(site: Client) -> None:
    user = UserFactory()
    page = site.get(reverse(f"{USERS}_change", args=[user.pk]))
    assert page.status_code == 200
    assert change(site, user, is_staff=True, email="New@Example.com").status_code == 302
    user.refresh_from_db()
    assert (user.email, user.is_staff) == ("new@example.com", True)


def test_deactivating_signs_out(site: Client) -> None:
    user = UserFactory()
    tokens = tokens_of(user)
    assert change(site, user, is_active=False).status_code == 302
    assert not works(tokens.access)
    assert session_of(tokens).ended_at is not None


def test_a_new_password_signs_out(site: Client) -> None:
    user = UserFactory()
    tokens = tokens_of(user)
    values = {"password1": "another long secret", "password2": "another long secret", "usable_password": "true"}
    assert site.post(reverse("admin:auth_user_password_change", args=[user.pk]), values).status_code == 302
    assert not works(tokens.access)


@pytest.mark.parametrize("taken", [{"is_staff": False}, {"is_active": False}])
def test_the_last_active_admin_stays_one(site: Client, boss: Any, taken: dict[str, bool]) -> None:
    AdminFactory(is_active=False)

    page = change(site, boss, **taken)

    assert page.status_code == 200
    assert page.context["adminform"].form.non_field_errors() == ["This is the last active admin."]
    boss.refresh_from_db()
    assert (boss.is_staff, boss.is_active) == (True, True)

    other = AdminFactory()
    assert change(site, other, **taken).status_code == 302


def test_an_invalid_form_is_no_error(site: Client, boss: Any) -> None:
    assert change(site, boss, email="x", is_staff=False).status_code == 200


def test_activates_and_deactivates_the_selected(site: Client) -> None:
    users = UserFactory.create_batch(2)
    tokens = tokens_of(users[0])

    assert messages_of(act(site, USERS, "deactivate", *users)) == ["2 users are inactive."]
    assert not works(tokens.access)
    assert messages_of(act(site, USERS, "activate", users[0])) == ["1 user is active."]
    users[0].refresh_from_db()
    assert users[0].is_active
    assert not works(tokens.access)


def test_does_not_deactivate_the_last_active_admin(site: Client, boss: Any) -> None:
    user = UserFactory()
    assert messages_of(act(site, USERS, "deactivate", boss, user)) == ["This is the last active admin."]
    user.refresh_from_db()
    assert user.is_active


def test_does_not_delete_the_last_active_admin(site: Client, boss: Any) -> None:
    url = reverse(f"{USERS}_delete", args=[boss.pk])
    assert b"This is the last active admin." in site.get(url).content
    site.post(url, {"post": "yes"})
    act(site, USERS, "delete_selected", boss, post="yes")
    assert get_user_model().objects.filter(pk=boss.pk).exists()


def test_deletes_all_others(site: Client) -> None:
    one, *others = UserFactory.create_batch(3)
    tokens_of(one)
    assert site.post(reverse(f"{USERS}_delete", args=[one.pk]), {"post": "yes"}).status_code == 302
    act(site, USERS, "delete_selected", *others, post="yes")
    assert list(get_user_model().objects.values_list("email", flat=True)) == ["boss@example.com"]


def test_deletes_with_the_right_to_delete_users_alone_what_is_theirs(client: Client) -> None:
    clerk, user = AdminFactory(), UserFactory()
    tokens_of(user)
    url = reverse(f"{USERS}_delete", args=[user.pk])
    client.force_login(clerk)
    assert client.post(url, {"post": "yes"}).status_code == 403
    clerk.user_permissions.add(permission("delete_user"), permission("view_user"))
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not get_user_model().objects.filter(pk=user.pk).exists()
    assert not Session.objects.exists()


def test_refuses_when_the_other_admin_went_meanwhile(boss: Any, rf: Any) -> None:
    from django.core.exceptions import PermissionDenied

    users = UserAdmin(get_user_model(), admin_site.site)
    with pytest.raises(PermissionDenied):
        users.delete_model(rf.post("/"), boss)
    with pytest.raises(PermissionDenied):
        users.delete_queryset(rf.post("/"), get_user_model().objects.all())
    assert get_user_model().objects.filter(pk=boss.pk).exists()


def test_lists_sessions_and_no_secret_of_theirs(site: Client) -> None:
    user = UserFactory(email="ada@example.com")
    tokens = tokens_of(user, HTTP_USER_AGENT="A phone", REMOTE_ADDR="192.0.2.7")
    session = session_of(tokens)

    for page in (
        site.get(reverse(f"{SESSIONS}_changelist"), {"q": "ada@"}),
        site.get(reverse(f"{SESSIONS}_change", args=[session.pk])),
    ):
        assert page.status_code == 200
        for shown in (b"ada@example.com", b"A phone", b"192.0.2.7", b"icon-yes"):
            assert shown in page.content
        for secret in (session.refresh_hash, session.auth_hash):
            assert secret.encode() not in page.content
    assert site.get(reverse(f"{SESSIONS}_add")).status_code == 403
    assert site.post(reverse(f"{SESSIONS}_change", args=[session.pk]), {}).status_code == 403


def test_the_list_of_sessions_has_a_constant_number_of_statements(
    site: Client, django_assert_max_num_queries: Any
) -> None:
    for user in UserFactory.create_batch(10):
        tokens_of(user)
    with django_assert_max_num_queries(8):
        site.get(reverse(f"{SESSIONS}_changelist"))


def test_ends_the_selected_sessions(site: Client) -> None:
    mine, other = tokens_of(UserFactory()), tokens_of(UserFactory())
    page = act(site, SESSIONS, "end_sessions", session_of(mine))
    assert messages_of(page) == ["1 session was ended."]
    assert [works(tokens.access) for tokens in (mine, other)] == [False, True]


def test_ending_needs_the_permission(client: Client) -> None:
    clerk = AdminFactory()
    clerk.user_permissions.add(permission("view_session"))
    tokens = tokens_of(UserFactory())
    client.force_login(clerk)
    act(client, SESSIONS, "end_sessions", session_of(tokens))
    assert works(tokens.access)

    clerk.user_permissions.add(permission("change_session"))
    act(client, SESSIONS, "end_sessions", session_of(tokens))
    assert not works(tokens.access)
    assert Session.objects.count() == 1


@pytest.mark.projects("host_user")
def test_a_site_with_its_own_user_gets_sessions_only() -> None:
    registered = {model._meta.label for model in admin_site.site._registry}
    assert "shopcore_accounts.Session" in registered
    assert "shopcore_accounts.User" not in registered
