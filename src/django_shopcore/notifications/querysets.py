"""The vocabulary of reading the outbox and the inbox."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, router

if TYPE_CHECKING:
    from .models import Notification, OutboxMessage

O = TypeVar("O", bound="OutboxMessage")  # noqa: E741
N = TypeVar("N", bound="Notification")


class OutboxQuerySet(models.QuerySet[O]):
    def fresh(self) -> OutboxQuerySet[O]:
        """From the database that is written to."""
        return self.using(router.db_for_write(self.model))

    def pending(self) -> OutboxQuerySet[O]:
        return self.filter(state=self.model.State.PENDING)

    def due(self, now: datetime.datetime) -> OutboxQuerySet[O]:
        """Those that a worker may take, the longest waiting first."""
        return self.pending().filter(available_at__lte=now).order_by("available_at", "id")

    def held(self) -> OutboxQuerySet[O]:
        """Those that a worker has taken, or had taken when it died."""
        return self.pending().exclude(lease="")


class NotificationQuerySet(models.QuerySet[N]):
    def of(self, user: Any) -> NotificationQuerySet[N]:
        return self.filter(user=user)

    def unseen(self) -> NotificationQuerySet[N]:
        return self.filter(seen=False)
