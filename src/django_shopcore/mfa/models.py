from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from django_shopcore.accounts.querysets import auth_hashes

from .querysets import ChallengeQuerySet, PasskeyQuerySet, RecoveryCodeQuerySet, TotpDeviceQuerySet

MAX_PASSKEY_NAME = 60


class TotpDevice(models.Model):
    """An authenticator app. Its secrets are encrypted: who reads the table cannot make codes.

    A new secret waits in ``pending_secret`` for its first code; an earlier one works until then.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shopcore_totp", verbose_name=_("user")
    )
    secret = models.CharField(max_length=400, blank=True, editable=False)
    last_step = models.BigIntegerField(
        default=0, editable=False, help_text=_("Time step of the last code: it and earlier ones do not work again.")
    )
    enabled_at = models.DateTimeField(_("enabled"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    pending_secret = models.CharField(max_length=400, blank=True, editable=False)
    pending_until = models.DateTimeField(_("to be confirmed until"), null=True, blank=True)

    objects: ClassVar[TotpDeviceQuerySet[Any]] = TotpDeviceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")

    def __str__(self) -> str:
        return str(self.user_id)


class Passkey(models.Model):
    """A WebAuthn credential: the public key of what stays in the owner's device."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shopcore_passkeys", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=MAX_PASSKEY_NAME)
    credential_id = models.CharField(max_length=1400, unique=True, editable=False, help_text=_("In base64url."))
    public_key = models.BinaryField(editable=False)
    sign_count = models.BigIntegerField(default=0, editable=False)
    transports = models.JSONField(default=list, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects: ClassVar[PasskeyQuerySet[Any]] = PasskeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("passkey")
        verbose_name_plural = _("passkeys")

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code for who has lost the device. Only its digest is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shopcore_recovery_codes", verbose_name=_("user")
    )
    digest = models.CharField(max_length=64, editable=False, help_text=_("SHA-256 of the code."))
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    objects: ClassVar[RecoveryCodeQuerySet[Any]] = RecoveryCodeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="shopcore_mfa_recovery_code_once")]

    def __str__(self) -> str:
        return str(self.pk)


class Challenge(models.Model):
    """Something that waits for a second factor: a log-in whose password was right, or a passkey's answer."""

    class Purpose(models.TextChoices):
        LOGIN = "login", _("Sign in")
        PROVE = "prove", _("Change the second factor")
        REGISTER = "register", _("Add a passkey")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    digest = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of what the client holds."))
    auth_hash = models.CharField(
        max_length=128, help_text=_("Stands for the password at its time: another one makes it useless.")
    )
    passkey_challenge = models.BinaryField(default=b"", help_text=_("What a passkey has to sign."))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    objects: ClassVar[ChallengeQuerySet[Any]] = ChallengeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")

    def __str__(self) -> str:
        return str(self.pk)

    def is_for(self, user: Any) -> bool:
        """Whether ``user``, fresh, is active and has the password of the moment when it was made."""
        return bool(user.is_active) and any(
            constant_time_compare(self.auth_hash, expected) for expected in auth_hashes(user)
        )


class VerifiedSession(models.Model):
    """A session whose owner has shown a second factor."""

    session = models.OneToOneField(
        "shopcore_accounts.Session", models.CASCADE, primary_key=True, related_name="+", verbose_name=_("session")
    )
    method = models.CharField(_("method"), max_length=20)
    verified_at = models.DateTimeField(_("verified"), default=timezone.now)

    class Meta:
        verbose_name = _("verified session")
        verbose_name_plural = _("verified sessions")

    def __str__(self) -> str:
        return str(self.pk)
