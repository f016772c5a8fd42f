"""A mail channel that misbehaves as a test says, and messages to send by it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import ClassVar

from django.utils import timezone

from django_shopcore.notifications.channels import EmailChannel
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.rendering import Delivery
from tests.factories.accounts import UserFactory
from tests.notifications.workers import welcome


class Scripted(EmailChannel):
    """Mail that does ``before`` and ``after`` around each sending."""

    before: ClassVar[Callable[[Delivery], object]]
    after: ClassVar[Callable[[Delivery], object]]

    def send(self, delivery: Delivery) -> None:
        type(self).before(delivery)
        super().send(delivery)
        type(self).after(delivery)


def fails_with(error: Exception) -> Callable[[Delivery], None]:
    def fail(delivery: Delivery) -> None:
        raise error

    return staticmethod(fail)  # type: ignore[return-value]


def queue(count: int = 1) -> list[OutboxMessage]:
    return welcome(UserFactory() for _ in range(count))


def age(*rows: OutboxMessage, **by: float) -> None:
    OutboxMessage.objects.filter(pk__in=[row.pk for row in rows]).update(
        queued_at=timezone.now() - datetime.timedelta(**by), available_at=timezone.now()
    )
