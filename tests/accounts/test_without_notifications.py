"""Accounts in a site without notifications: the same routes and answers, and no mail."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection

from django_shopcore.accounts import link_tokens, signals
from django_shopcore.accounts.models import PendingRegistration
from tests.accounts.clients import signed_in
from tests.accounts.mails import post
from tests.factories.accounts import PASSWORD
from tests.problems import errors_of

pytestmark = [pytest.mark.projects("accounts_only"), pytest.mark.django_db]

NEW = "another quite long secret"


@pytest.fixture(autouse=True)
def no_mail() -> Any:
    assert not apps.is_installed("django_shopcore.notifications")
    yield
    assert not getattr(mail, "outbox", [])
    assert not [table for table in connection.introspection.table_names() if "outbox" in table]


def heard(name: str) -> list[dict[str, Any]]:
    """The events of that name, from now on."""
    events: list[dict[str, Any]] = []

    def note(sender: Any, signal: Any, **event: Any) -> None:
        events.append(event)

    getattr(signals, name).connect(note, weak=False)
    return events


def test_a_reset_is_asked_for_and_done(user: Any) -> None:
    events = heard("password_reset_requested")
    answers = [post("password/reset/", {"email": email}) for email in (user.email, "nobody@example.com")]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert events == [{"email": user.email}, {"email": "nobody@example.com"}]
    link = {"uid": link_tokens.encode(user.pk), "token": link_tokens.password_reset.make_token(user)}
    assert post("password/reset/confirm/", {**link, "new_password": NEW}).status_code == 204
    assert errors_of(post("password/reset/confirm/", {**link, "new_password": NEW})) == [("token", "invalid_link")]


def test_an_address_is_verified(user: Any) -> None:
    events = heard("email_verification_requested")
    assert post("email/verify/resend/", {"email": user.email}).status_code == 202
    assert events == [{"email": user.email}]
    link = {"uid": link_tokens.encode(user.pk), "token": link_tokens.email_verification.make_token(user)}
    assert post("email/verify/", link).status_code == 204
    user.refresh_from_db()
    assert user.email_verified


def test_an_address_is_changed(user: Any) -> None:
    events = heard("email_change_requested")
    body = {"new_email": "new@example.com", "password": PASSWORD}
    assert signed_in(user).post("/api/v1/auth/email/change/", body).status_code == 202
    assert events == [{"user": user, "new_email": "new@example.com"}]
    link = {"uid": link_tokens.encode(user.pk), "token": link_tokens.make_email_change_token(user, "new@example.com")}
    assert post("email/change/confirm/", link).status_code == 204
    user.refresh_from_db()
    assert user.email == "new@example.com"


def test_a_registration_waits_where_it_has_to(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    events = heard("registration_requested")
    assert post("register/", {"email": "ada@example.com", "password": NEW}).status_code == 202
    pending = PendingRegistration.objects.get()
    assert events == [{"registration": pending}]
    link = {"uid": link_tokens.encode(pending.pk), "token": link_tokens.registration.make_token(pending)}
    assert post("email/verify/", link).status_code == 204
    assert get_user_model().objects.get().email_verified
