"""Rows of the notifications' models."""

from __future__ import annotations

from typing import Any

import factory
from factory.django import DjangoModelFactory

from tests.factories.accounts import UserFactory


class NotificationFactory(DjangoModelFactory[Any]):
    """A line that nobody has seen yet, in the inbox of a customer of its own."""

    class Meta:
        # A label: factory-boy finds the model when the first row is made.
        model = "shopcore_notifications.Notification"

    user = factory.SubFactory(UserFactory)
    kind = "welcome"
    message = factory.Sequence(lambda number: f"Line {number}")


class DigestEntryFactory(DjangoModelFactory[Any]):
    """Something that waits for a digest."""

    class Meta:
        model = "shopcore_notifications.DigestEntry"

    user = factory.SubFactory(UserFactory)
    kind = "welcome"
