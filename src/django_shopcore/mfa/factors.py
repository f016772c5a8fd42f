"""What second factors somebody has, and whether what they send proves one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from django_shopcore.core.limits import Usage

from . import encryption, limits, passkeys, recovery, signals, totp
from .exceptions import FIELDS, WrongFactor
from .models import Passkey, TotpDevice

TOTP, RECOVERY_CODE, PASSKEY = FIELDS
METHODS = tuple(FIELDS)


@dataclass(frozen=True)
class Proof:
    """One second factor as it came: its method and what belongs to it, a text or a passkey's answer."""

    method: str
    value: Any

    @classmethod
    def among(cls, values: Mapping[str, Any]) -> Proof | None:
        """The proof among the values of a request's body, of which there is at most one."""
        found = [cls(method, values[field]) for method, field in FIELDS.items() if field in values]
        return found[0] if found else None


def methods_of(user: Any) -> list[str]:
    """The ways in which ``user`` can take the second step; empty without a second factor."""
    found = [TOTP] if TotpDevice.objects.fresh().active().filter(user=user).exists() else []
    has_passkeys = Passkey.objects.fresh().filter(user=user).exists()
    if (found or has_passkeys) and recovery.codes_left(user):
        found.append(RECOVERY_CODE)
    return [*found, PASSKEY] if has_passkeys else found


def enrolled_since(user: Any) -> datetime | None:
    """When the oldest of the second factors was added; ``None`` for somebody without one."""
    apps = TotpDevice.objects.fresh().active().filter(user=user).values_list("enabled_at", flat=True)
    keys = Passkey.objects.fresh().filter(user=user).values_list("created_at", flat=True)
    return min(filter(None, [*apps, *keys]), default=None)


def count(proof: Proof, user: Any, request: Any) -> list[Usage]:
    """Counts an attempt that could be a guess, before the transaction; ``take_back`` the result if it was right."""
    return limits.count_code(user, request) if proof.method == TOTP else []


def spend(user: Any, proof: Proof, passkey_challenge: bytes | None) -> None:
    """Uses the factor, in the transaction at hand, so that it does not work again. Raises ``WrongFactor``.

    The user's row is locked. ``passkey_challenge`` is what a passkey had to sign.
    """
    if not _is_right(user, proof, passkey_challenge):
        raise WrongFactor(proof.method)
    if proof.method == RECOVERY_CODE:
        left = recovery.codes_left(user)
        signals.recovery_code_used.send(sender=type(user), user=user, left=left)


def _is_right(user: Any, proof: Proof, passkey_challenge: bytes | None) -> bool:
    if proof.method == TOTP:
        return _use_code(user, proof.value)
    if proof.method == RECOVERY_CODE:
        return recovery.use_code(user, proof.value)
    return passkey_challenge is not None and passkeys.use(user, proof.value, passkey_challenge)


def _use_code(user: Any, code: str) -> bool:
    device = TotpDevice.objects.fresh().active().filter(user=user).first()
    secret = encryption.decrypt(user, device.secret) if device is not None else None
    step = totp.matching_step(secret, code) if secret is not None else None
    if device is None or step is None:
        return False
    rows = TotpDevice.objects.fresh().before(step).filter(pk=device.pk, secret=device.secret)
    return bool(rows.update(last_step=step, last_used_at=timezone.now(), secret=encryption.renewed(device.secret)))
