from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .querysets import NotificationQuerySet, OutboxQuerySet


class OutboxMessage(models.Model):
    """One message for one recipient on one channel, on its way or arrived."""

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        SENT = "sent", _("sent")
        SKIPPED = "skipped", _("skipped")
        DEAD = "dead", _("given up")

    dedupe_key = models.CharField(
        _("key"), max_length=300, unique=True, help_text=_("Two messages with one key are one.")
    )
    kind = models.CharField(_("kind"), max_length=100)
    channel = models.CharField(_("channel"), max_length=50)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user"),
    )
    address = models.CharField(
        _("address"), max_length=254, blank=True, help_text=_("Where it goes if not to the user's present address.")
    )
    data = models.JSONField(_("data"), default=dict, blank=True)
    # It is part of the Message-ID, so that a mail that goes out twice after a crash is one to its reader.
    message_uuid = models.UUIDField(_("Message-ID"), default=uuid.uuid4, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    available_at = models.DateTimeField(
        _("available"), default=timezone.now, help_text=_("Not tried before; while a worker holds it, until then.")
    )
    lease = models.CharField(_("lease"), max_length=150, blank=True, help_text=_("The worker that holds it."))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    last_error = models.TextField(_("last error"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now, help_text=_("Moves on when it is sent again."))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects: ClassVar[OutboxQuerySet[Any]] = OutboxQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("outgoing message")
        verbose_name_plural = _("outbox")
        indexes = [
            models.Index(
                fields=["channel", "available_at", "id"], name="shopcore_outbox_due", condition=Q(state="pending")
            ),
            models.Index(fields=["queued_at"], name="shopcore_outbox_queued", condition=Q(state="pending")),
            models.Index(fields=["lease"], name="shopcore_outbox_lease", condition=~Q(lease="")),
            models.Index(fields=["finished_at"], name="shopcore_outbox_finished"),
            models.Index(fields=["finished_at"], name="shopcore_outbox_dead", condition=Q(state="dead")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.channel})"


class Notification(models.Model):
    """A line in a user's inbox."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shopcore_notifications", verbose_name=_("user")
    )
    kind = models.CharField(_("kind"), max_length=100)
    message = models.TextField(_("message"))
    data = models.JSONField(_("data"), default=dict, blank=True)
    seen = models.BooleanField(_("seen"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    objects: ClassVar[NotificationQuerySet[Any]] = NotificationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="shopcore_notification_inbox"),
            models.Index(fields=["user"], name="shopcore_notification_unseen", condition=Q(seen=False)),
        ]

    def __str__(self) -> str:
        return self.message


class Preferences(models.Model):
    """What a user chose; without a row, or for what it leaves out, the defaults hold."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="shopcore_preferences",
        verbose_name=_("user"),
    )
    kinds = models.JSONField(
        _("kinds"),
        default=dict,
        blank=True,
        help_text=_("By kind: a switch for each channel, and the digest it is collected in."),
    )
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    language = models.CharField(_("language"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return gettext("Preferences of %(user)s") % {"user": self.pk}


class DigestEntry(models.Model):
    """Something that waits for its user's next digest."""

    class Frequency(models.TextChoices):
        DAILY = "daily", _("daily")
        WEEKLY = "weekly", _("weekly")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    kind = models.CharField(_("kind"), max_length=100)
    data = models.JSONField(_("data"), default=dict, blank=True)
    frequency = models.CharField(_("frequency"), max_length=10, choices=Frequency)
    due_at = models.DateTimeField(
        _("due"), help_text=_("The next digest hour after it was made, in the user's time zone.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("digest entry")
        verbose_name_plural = _("digest entries")
        indexes = [
            models.Index(fields=["due_at"], name="shopcore_digest_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.frequency})"


class OptOut(models.Model):
    """An address without an account that wants no more of a kind."""

    address = models.CharField(_("address"), max_length=254)
    kind = models.CharField(_("kind"), max_length=100)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("opt-out")
        verbose_name_plural = _("opt-outs")
        constraints = [models.UniqueConstraint(fields=["address", "kind"], name="shopcore_optout_once")]

    def __str__(self) -> str:
        return f"{self.address}: {self.kind}"
