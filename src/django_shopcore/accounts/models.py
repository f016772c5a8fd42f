from __future__ import annotations

import datetime
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from .abstract_models import AbstractUser
from .addresses import MAX_LENGTH
from .querysets import SessionQuerySet, auth_hashes

MAX_USER_AGENT = 300


class User(AbstractUser):
    """The user of sites that bring none of their own: ``AUTH_USER_MODEL = "shopcore_accounts.User"``."""

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"


class Session(models.Model):
    """One sign-in on one device. Every token names its session, and works while that lives.

    It holds digests of refresh tokens, never a token: who reads the table cannot sign in.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shopcore_sessions", verbose_name=_("user")
    )
    refresh_hash = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the current refresh token."))
    spent = models.JSONField(
        default=dict, help_text=_("Digests of refresh tokens that were spent just now, and when (epoch seconds).")
    )
    auth_hash = models.CharField(
        max_length=128, help_text=_("Stands for the password at sign-in: another one ends the session.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), default=timezone.now)
    rotated_at = models.DateTimeField(_("refreshed"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=MAX_USER_AGENT, blank=True)

    objects: ClassVar[SessionQuerySet[Any]] = SessionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes = [
            models.Index(fields=["ended_at"], name="shopcore_session_ended", condition=Q(ended_at__isnull=False))
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def is_live(self, now: datetime.datetime | None = None) -> bool:
        """Whether its tokens work: not ended, not expired, the user active and the password the same."""
        if self.ended_at is not None or self.expires_at <= (now or timezone.now()) or not self.user.is_active:
            return False
        return any(constant_time_compare(self.auth_hash, expected) for expected in auth_hashes(self.user))


class PendingRegistration(models.Model):
    """A registration that waits for its address to be confirmed, where that is mandatory. It is no account.

    There may be several of one address, and of one that is taken: making it tells nobody anything.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("email address"), max_length=MAX_LENGTH)
    password = models.CharField(_("password"), max_length=128, help_text=_("Hashed."))
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("pending registration")
        verbose_name_plural = _("pending registrations")
        indexes = [
            models.Index(fields=["email"], name="shopcore_pending_email"),
            models.Index(fields=["created_at"], name="shopcore_pending_created"),
        ]

    def __str__(self) -> str:
        return self.email
