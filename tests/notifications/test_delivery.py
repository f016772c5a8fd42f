"""From an event to a mail: what commits is delivered, what is rolled back is not."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import transaction
from rest_framework.test import APIClient

from django_shopcore.notifications.models import Notification, OutboxMessage
from django_shopcore.notifications.worker import drain

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

REGISTRATION = {"email": "ada@example.com", "password": "correct horse battery staple", "first_name": "Ada"}


def register() -> None:
    assert APIClient().post("/api/v1/auth/register/", REGISTRATION, format="json").status_code == 201


def test_a_registration_is_followed_by_a_welcome_once_a_worker_delivers() -> None:
    register()
    assert mail.outbox == []
    assert drain()["sent"]
    [welcome] = [message for message in mail.outbox if "Welcome" in message.subject]
    assert welcome.to == ["ada@example.com"]
    assert welcome.body.startswith("Hello Ada,\n\nWelcome to")
    assert drain() == {}


def test_what_is_rolled_back_leaves_no_trace() -> None:
    with transaction.atomic():
        register()
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()
    assert not Notification.objects.exists()
    assert drain() == {}
