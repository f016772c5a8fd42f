"""What a person gets when asking for all that is held on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.accounts.models import Session
from django_shopcore.audit.models import AuditEntry
from django_shopcore.core import personal_data
from django_shopcore.notifications.models import Notification, OutboxMessage
from tests.accounts.clients import bearer, signed_in, tokens_of
from tests.core.test_erasure import FORMER, META, PRESENT, live
from tests.problems import problem_of
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "uuid_user", "email_user")]

EXPORT = "/api/v1/auth/me/export/"
PARTS = {
    "exported_at", "account", "sessions", "registrations", "notifications", "preferences", "waiting_for_digest",
    "messages", "opt_outs", "audit", "admin_log", "cookie_sessions",
}  # fmt: skip


def body_of(response: Any) -> dict[str, Any]:
    assert response.status_code == 200
    return dict(json.loads(b"".join(response.streaming_content)))


@pytest.fixture
def boss() -> Any:
    return make_user(admin=True)


@pytest.fixture
def person(boss: Any, settings: Any) -> Any:
    return live(boss, settings)


def test_every_part_of_what_is_held_is_in_it(person: Any) -> None:
    response = signed_in(person).get(EXPORT, **META)
    found = body_of(response)

    assert AuditEntry.objects.filter(action="account.exported", actor_key=str(person.pk)).count() == 1
    assert response["Content-Disposition"] == 'attachment; filename="personal-data.json"'
    assert (response["Content-Type"], response["Cache-Control"]) == ("application/json", "no-store")
    assert found.keys() - {"second_factors"} == PARTS
    assert [name for name in sorted(PARTS) if not found[name]] == []
    assert found["account"]["email"] == PRESENT
    assert {"203.0.113.77"} <= {session["ip_address"] for session in found["sessions"]}
    assert {"welcome", "address_changed"} <= {row["kind"] for row in found["notifications"]}
    assert FORMER in {row["address"] for row in found["messages"]}
    assert "account.email_changed" in {row["action"] for row in found["audit"]}
    assert found["opt_outs"][0]["address"] == FORMER


def test_no_secret_is_in_it(person: Any) -> None:
    tokens = tokens_of(person)
    response = bearer(tokens.access).get(EXPORT)
    text = b"".join(response.streaming_content).decode()
    wish = OutboxMessage.objects.get(kind="confirm_new_address").data["wish"]
    sessions = Session.objects.filter(user=person.pk)
    hashes = [value for row in sessions for value in (row.refresh_hash, row.auth_hash, *row.spent)]
    assert hashes
    for secret in (person.password, tokens.access, tokens.refresh, wish, *hashes):
        assert secret not in text
    assert '"password"' not in text


def test_nothing_of_others_is_in_it(person: Any, boss: Any) -> None:
    client = signed_in(boss, REMOTE_ADDR="198.51.100.9")
    client.patch(f"/api/v1/users/{person.pk}/", {"is_active": True}, REMOTE_ADDR="198.51.100.9")
    Notification.objects.create(user=boss, kind="k", message="for the boss")
    AuditEntry.objects.create(
        action="user.updated", actor_key=str(boss.pk), actor=boss.email, ip_address="198.51.100.9",
        object_type=get_user_model()._meta.label_lower, object_key=str(person.pk),
    )  # fmt: skip
    text = b"".join(signed_in(person).get(EXPORT).streaming_content).decode()
    assert "user.updated" in text
    for word in (boss.email, "198.51.100.9", "for the boss"):
        assert word not in text


def test_it_is_for_the_signed_in_and_limited(settings: Any) -> None:
    assert problem_of(APIClient().get(EXPORT))[0] == 401
    settings.SHOPCORE_ACCOUNTS_EXPORT_RATE = "2/h"
    client = signed_in(make_user())
    answers = [client.get(EXPORT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"]
    for answer in answers[:2]:
        body_of(answer)


@pytest.mark.projects("full")
def test_a_long_history_is_read_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal_data, "BATCH", 50)
    user = make_user()
    Notification.objects.bulk_create(Notification(user=user, kind="k", message=str(n)) for n in range(120))
    with CaptureQueriesContext(connection) as captured:
        found = body_of(signed_in(user).get(EXPORT))
    assert [row["message"] for row in found["notifications"]] == [str(n) for n in range(120)]
    reads = [q["sql"] for q in captured.captured_queries if 'FROM "shopcore_notifications_notification"' in q["sql"]]
    assert len([sql for sql in reads if "LIMIT 50" in sql]) == 3


@pytest.fixture
def orders() -> Iterator[None]:
    personal_data.register("orders", export=lambda person: [{"number": 7, "buyer": str(person.key)}], erase=None)
    yield
    personal_data.unregister("orders")


@pytest.mark.usefixtures("orders")
def test_a_site_adds_a_part() -> None:
    user = make_user()
    assert body_of(signed_in(user).get(EXPORT))["orders"] == [{"number": 7, "buyer": str(user.pk)}]
