"""The vocabulary of second factors; the conditions are what lets one of many requests through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, router
from django.db.models import F, Q
from django.utils import timezone

from .conf import app_settings

if TYPE_CHECKING:
    from .models import Challenge, Passkey, RecoveryCode, TotpDevice

D = TypeVar("D", bound="TotpDevice")
P = TypeVar("P", bound="Passkey")
R = TypeVar("R", bound="RecoveryCode")
C = TypeVar("C", bound="Challenge")


class TotpDeviceQuerySet(models.QuerySet[D]):
    def fresh(self) -> TotpDeviceQuerySet[D]:
        return self.using(router.db_for_write(self.model))

    def active(self) -> TotpDeviceQuerySet[D]:
        return self.exclude(secret="")

    def before(self, step: int) -> TotpDeviceQuerySet[D]:
        """Those that have taken no code of this time step or a later one: what makes a code work once."""
        return self.filter(last_step__lt=step)

    def waiting_for(self, pending: str) -> TotpDeviceQuerySet[D]:
        """Those that still wait for the first code of the secret ``pending``, as it is stored."""
        return self.filter(pending_secret=pending, pending_until__gt=timezone.now())


class PasskeyQuerySet(models.QuerySet[P]):
    def fresh(self) -> PasskeyQuerySet[P]:
        return self.using(router.db_for_write(self.model))

    def before(self, sign_count: int) -> PasskeyQuerySet[P]:
        """Those whose counter is below ``sign_count``; many passkeys do not count and say 0 each time."""
        return self.filter(Q(sign_count__lt=sign_count) if sign_count else Q(sign_count=0))


class RecoveryCodeQuerySet(models.QuerySet[R]):
    def fresh(self) -> RecoveryCodeQuerySet[R]:
        return self.using(router.db_for_write(self.model))

    def unused(self) -> RecoveryCodeQuerySet[R]:
        return self.filter(used_at=None)


class ChallengeQuerySet(models.QuerySet[C]):
    def fresh(self) -> ChallengeQuerySet[C]:
        return self.using(router.db_for_write(self.model))

    def open(self) -> ChallengeQuerySet[C]:
        """Neither used nor too old."""
        return self.filter(used_at=None, expires_at__gt=timezone.now())

    def count_attempt(self, digest: str) -> int:
        """Counts an attempt, if one is left; returns whether one was. Of many at once no more get through."""
        left = self.open().filter(digest=digest, attempts__lt=app_settings.CHALLENGE_ATTEMPTS)
        return left.update(attempts=F("attempts") + 1)

    def of(self, user: Any, purpose: str) -> ChallengeQuerySet[C]:
        return self.open().filter(user=user, purpose=purpose)
