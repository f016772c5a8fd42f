"""The whole way of an account, and what looks after it, with each kind of user model."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from django_shopcore.accounts.models import Session
from tests.accounts.clients import bearer, signed_in, works
from tests.accounts.mails import API, credentials_in, deliver, link_in, post
from tests.catalog.admin_pages import browser, make_superuser
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory
from tests.problems import problem_of

pytestmark = [pytest.mark.projects("full", "host_user", "email_user", "uuid_user"), pytest.mark.django_db]

ADDRESS, MOVED = "ada@example.com", "lovelace@example.com"
FIRST, SECOND, THIRD = (f"the {number} long secret" for number in ("first", "second", "third"))


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 0


def tokens(email: str, password: str) -> Any:
    response = post("login/", {"email": email, "password": password})
    return response.json() if response.status_code == 200 else problem_of(response)


def mail_with_link(address: str) -> Any:
    [message] = [mail for mail in deliver() if mail.to == [address] and f"{API}" not in link_line(mail)]
    return message


def link_line(message: Any) -> str:
    try:
        return link_in(message)
    except ValueError:
        return API


def test_the_whole_way_of_an_account() -> None:
    refused = (401, "invalid_credentials")
    registered = post("register/", {"email": "Ada@Example.com", "password": FIRST, "first_name": "Ada"})
    assert registered.status_code == 201
    user = get_user_model().objects.get()
    assert registered.json()["id"] == (str(user.pk) if isinstance(registered.json()["id"], str) else user.pk)
    assert registered.json()["email"] == ADDRESS

    first = tokens(ADDRESS, FIRST)
    refreshed = post("refresh/", {"refresh": first["refresh"]}).json()
    client = bearer(refreshed["access"])
    me = client.get(f"{API}me/")
    assert (me.status_code, me.json()) == (200, registered.json())
    assert client.patch(f"{API}me/", {"first_name": "Augusta"}).status_code == 200

    change = {"current_password": FIRST, "new_password": SECOND}
    assert client.post(f"{API}password/change/", change).status_code == 204
    assert tokens(ADDRESS, FIRST) == refused
    assert works(refreshed["access"])

    deliver()
    assert post("password/reset/", {"email": ADDRESS}).status_code == 202
    link = credentials_in(mail_with_link(ADDRESS))
    assert post("password/reset/confirm/", {**link, "new_password": THIRD}).status_code == 204
    assert not works(refreshed["access"])

    second = tokens(ADDRESS, THIRD)
    client = bearer(second["access"])
    deliver()
    assert client.post(f"{API}email/change/", {"new_email": MOVED, "password": THIRD}).status_code == 202
    assert post("email/change/confirm/", credentials_in(mail_with_link(MOVED))).status_code == 204
    assert client.get(f"{API}me/").json()["email"] == MOVED
    assert tokens(ADDRESS, THIRD) == refused

    assert client.post(f"{API}logout/").status_code == 204
    assert not works(second["access"])
    third = bearer(tokens(MOVED, THIRD)["access"])
    assert third.post(f"{API}me/delete/", {"password": THIRD}).status_code == 204
    assert not get_user_model().objects.exists()
    assert not Session.objects.exists()


def test_admins_look_after_users_and_are_told_of_new_ones() -> None:
    admin, user = AdminFactory(), UserFactory()
    client = signed_in(admin)
    assert client.get("/api/v1/users/").json()["count"] == 2
    page = f"/api/v1/users/{user.pk}/"
    assert client.patch(page, {"is_active": False}).json()["is_active"] is False
    assert tokens(user.email, PASSWORD) == (401, "invalid_credentials")
    assert client.patch(page, {"is_admin": True}).status_code in (200, 400)

    post("register/", {"email": ADDRESS, "password": FIRST})
    outbox = apps.get_model("shopcore_notifications", "OutboxMessage").objects
    assert admin in {row.user for row in outbox.filter(kind="new_registration")}
    assert any(mail.to == [admin.email] and ADDRESS in mail.body for mail in deliver())


def test_the_admin_site_lets_admins_in_and_shows_our_pages() -> None:
    page = Client()
    admin, user = make_superuser(), UserFactory()
    for person, answer in ((user, 302), (admin, 200)):
        page.post("/admin/login/?next=/admin/", {"username": person.get_username(), "password": PASSWORD})
        assert page.get("/admin/").status_code == answer
        page.logout()
    signed_in(user)
    site = browser(admin)
    ours = [model._meta for model in apps.get_models() if model._meta.app_label.startswith("shopcore_")]
    pages = {meta.model_name: site.get(f"/admin/{meta.app_label}/{meta.model_name}/").status_code for meta in ours}
    shown = {name for name, status in pages.items() if status == 200}
    assert {"session", "product", "category", "notification", "outboxmessage"} <= shown
    assert user.email in site.get(f"/admin/shopcore_accounts/session/?q={user.email}").content.decode()


def test_the_schema_is_made_and_names_the_key() -> None:
    schema = APIClient().get("/schema/?format=json").json()["components"]["schemas"]["User"]["properties"]["id"]
    key = get_user_model()._meta.pk
    assert schema["type"] == ("string" if key.get_internal_type() == "UUIDField" else "integer")


def test_the_checks_find_nothing() -> None:
    call_command("check", fail_level="WARNING")


def test_an_address_is_not_verified_where_no_column_says_so(settings: Any, ours: bool) -> None:
    user = UserFactory()
    deliver()
    assert post("email/verify/resend/", {"email": user.email}).status_code == 202
    assert bool(deliver()) is ours
    from django_shopcore.accounts import checks

    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    assert [message.id for message in checks.check_verification(None)] == ([] if ours else ["shopcore.E205"])
