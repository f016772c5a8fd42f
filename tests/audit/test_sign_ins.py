"""What is logged of signing in and of accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from django_shopcore.accounts import link_tokens
from django_shopcore.audit.models import AuditEntry
from tests.accounts.clients import bearer, signed_in, tokens_of
from tests.audit.log import actions, entries
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "uuid_user", "email_user")]

LOGIN = "/api/v1/auth/login/"
NEW = "another long secret"


@pytest.fixture
def user() -> Any:
    return make_user()


def login(email: str, password: str = PASSWORD, **meta: Any) -> Any:
    return APIClient().post(LOGIN, {"email": email, "password": password}, **meta)


def about(user: Any) -> list[str]:
    return actions(object=f"{get_user_model()._meta.label_lower}:{user.pk}")


def test_a_sign_in_and_a_failed_one(user: Any) -> None:
    assert login(user.email, "wrong", REMOTE_ADDR="192.0.2.7").status_code == 401
    assert login(user.email, REMOTE_ADDR="192.0.2.8").status_code == 200

    signed, failed = entries(object=f"{get_user_model()._meta.label_lower}:{user.pk}")
    assert (failed["action"], failed["actor_id"], failed["object"]) == ("auth.login_failed", "", user.email)
    assert (failed["ip_address"], failed["data"]) == ("192.0.2.7", {"reason": "invalid_credentials"})
    assert (signed["action"], signed["actor_id"], signed["ip_address"]) == (
        "auth.signed_in", str(user.pk), "192.0.2.8",
    )  # fmt: skip


def test_the_reason_is_for_admins_only(user: Any) -> None:
    user.is_active = False
    user.save()
    assert login(user.email).json() == login("nobody@example.com").json()
    reasons = [row["data"]["reason"] for row in entries(action="auth.login_failed")]
    assert reasons[0] == "invalid_credentials"
    assert len(reasons) == 2


def test_a_name_that_is_nobodys_is_kept_as_a_hash_only() -> None:
    typed = "My-Secret-Passw0rd@example.com"
    for name in (typed, typed.upper(), "other@example.com"):
        assert login(name, "wrong").status_code == 401

    found = entries(action="auth.login_failed")
    assert [row["object_type"] for row in found] == ["name"] * 3
    assert found[1]["object_id"] == found[2]["object_id"] != found[0]["object_id"]
    kept = json.dumps(list(AuditEntry.objects.values()), default=str).lower()
    assert "passw0rd" not in kept
    assert "other@" not in kept


@pytest.mark.projects("full", "host_user")
def test_known_and_unknown_names_cost_the_same_statements(user: Any, django_assert_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for name in (user.email, "nobody@example.com"):
        with CaptureQueriesContext(connection) as captured:
            login(name, "wrong")
        counts.append([q["sql"].split()[0] for q in captured.captured_queries if "audit" in q["sql"]])
    assert counts[0] == counts[1] == ["INSERT"]


@pytest.mark.projects("host_user")
@pytest.mark.django_db(transaction=True)
def test_a_failed_sign_in_survives_atomic_requests() -> None:
    assert login("nobody@example.com").status_code == 401
    assert AuditEntry.objects.filter(action="auth.login_failed").count() == 1


def test_signing_out(user: Any) -> None:
    tokens, other, third = tokens_of(user), tokens_of(user), tokens_of(user)
    bearer(tokens.access).post("/api/v1/auth/logout/")
    bearer(other.access).post("/api/v1/auth/logout-all/")
    assert (
        not AuditEntry.objects.filter(action="auth.signed_out").values_list("actor_key").exclude(actor_key=str(user.pk))
    )
    assert [len(row["data"]["sessions"]) for row in entries(action="auth.signed_out")] == [2, 1]
    assert third


def test_a_refresh_token_that_comes_back(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_REFRESH_REUSE_LEEWAY = 0
    tokens = tokens_of(user)
    refresh = {"refresh": tokens.refresh}
    assert APIClient().post("/api/v1/auth/refresh/", refresh).status_code == 200
    for _ in range(2):
        assert APIClient().post("/api/v1/auth/refresh/", refresh).status_code == 401
    [entry] = entries(action="auth.refresh_token_reused")
    assert (entry["object_id"], entry["actor_id"]) == (str(user.pk), "")
    assert tokens.refresh not in json.dumps(entry)


def test_passwords(user: Any) -> None:
    client = signed_in(user)
    change = "/api/v1/auth/password/change/"
    assert client.post(change, {"current_password": "wrong", "new_password": NEW}).status_code == 400
    assert client.post(change, {"current_password": PASSWORD, "new_password": NEW}).status_code == 204
    user.refresh_from_db()
    reset = {
        "uid": link_tokens.encode(user.pk),
        "token": link_tokens.password_reset.make_token(user),
        "new_password": "a third long secret",
    }
    assert APIClient().post("/api/v1/auth/password/reset/", {"email": user.email}).status_code == 202
    assert APIClient().post("/api/v1/auth/password/reset/confirm/", reset).status_code == 204

    assert about(user) == [
        "auth.signed_in", "auth.password_refused", "account.password_changed",
        *(["account.email_verified"] if hasattr(user, "email_verified") else []),
        "account.password_changed", "account.password_reset",
    ]  # fmt: skip
    assert len(entries(action="account.password_reset_requested")) == 1
    user.refresh_from_db()
    kept = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert not any(secret in kept for secret in (NEW, PASSWORD, reset["token"], user.password))


def test_another_address(user: Any) -> None:
    old = user.email
    change = {"new_email": "new@example.com", "password": PASSWORD}
    assert signed_in(user).post("/api/v1/auth/email/change/", change).status_code == 202
    token = link_tokens.make_email_change_token(user, "new@example.com")
    body = {"uid": link_tokens.encode(user.pk), "token": token}
    assert APIClient().post("/api/v1/auth/email/change/confirm/", body).status_code == 204

    assert about(user)[1:] == ["account.email_change_requested", "account.email_changed"]
    [entry] = entries(action="account.email_changed")
    assert entry["changes"] == {"email": [old, "new@example.com"]}


@pytest.mark.projects("full", "host_user", "email_user")
def test_roles_and_deactivation(user: Any) -> None:
    admin = make_user(admin=True)
    client = signed_in(admin)
    path = f"/api/v1/users/{user.pk}/"
    for body in (
        {"is_admin": True},
        {"is_admin": True},
        {"is_admin": False},
        {"is_active": False},
        {"is_active": True},
    ):
        assert client.patch(path, body).status_code == 200
    assert about(user) == ["user.promoted", "user.demoted", "user.deactivated", "user.activated"]
    assert {row["actor_id"] for row in entries(action="user.demoted")} == {str(admin.pk)}
    assert entries(action="user.demoted")[0]["changes"] == {"is_admin": [True, False]}


@pytest.mark.projects("full", "host_user", "uuid_user")
def test_names_of_ones_own(user: Any) -> None:
    old = user.first_name
    signed_in(user).patch("/api/v1/auth/me/", {"first_name": "Grace"})
    [entry] = entries(action="user.updated")
    assert (entry["actor_id"], entry["changes"]) == (str(user.pk), {"first_name": [old, "Grace"]})


def test_a_new_account() -> None:
    body = {"email": "ada@example.com", "password": "a long secret of ada"}
    made = APIClient().post("/api/v1/auth/register/", body, REMOTE_ADDR="192.0.2.7")
    assert made.status_code == 201
    [entry] = entries(action="account.registered")
    assert (entry["actor_id"], entry["ip_address"]) == (str(made.json()["id"]), "192.0.2.7")
