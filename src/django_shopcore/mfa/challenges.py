"""What the server remembers between a question and its answer: single use, for a short while, for one purpose."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.utils import timezone

from .conf import app_settings
from .exceptions import challenge_over
from .models import Challenge

PASSKEY_CHALLENGE = 32  # bytes; WebAuthn asks for 16 at least


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def make(user: Any, purpose: str, passkey_challenge: bytes = b"") -> str:
    """A new challenge; returns what the client gets of it, which is stored as a digest only."""
    raw = secrets.token_urlsafe(32)
    now = timezone.now()
    Challenge.objects.create(
        user=user,
        purpose=purpose,
        digest=_digest(raw),
        auth_hash=user.get_session_auth_hash(),
        passkey_challenge=passkey_challenge,
        created_at=now,
        expires_at=now + timedelta(seconds=app_settings.CHALLENGE_LIFETIME),
    )
    return raw


def login_challenge(raw: str, *, attempt: bool) -> Challenge:
    """The open log-in that ``raw`` stands for, with its user; with ``attempt`` one of those it has left is spent.

    That is written at once, whatever becomes of the attempt. Raises ``AuthenticationFailed``.
    """
    rows = Challenge.objects.fresh().filter(purpose=Challenge.Purpose.LOGIN)
    digest = _digest(raw)
    if attempt and not rows.count_attempt(digest):
        raise challenge_over()
    found = rows.open().select_related("user").filter(digest=digest).first()
    if found is None or not found.is_for(found.user):
        raise challenge_over()
    challenge: Challenge = found
    return challenge


def consume(challenge: Challenge) -> bool:
    """Uses the challenge up; of many at once one gets ``True``."""
    return bool(Challenge.objects.fresh().open().filter(pk=challenge.pk).update(used_at=timezone.now()))


def new_passkey_challenge(challenge: Challenge) -> bytes:
    """What a passkey has to sign for this log-in; an earlier one is void."""
    value = secrets.token_bytes(PASSKEY_CHALLENGE)
    if not Challenge.objects.fresh().open().filter(pk=challenge.pk).update(passkey_challenge=value):
        raise challenge_over()
    return value


def take_passkey_challenge(challenge: Challenge) -> bytes | None:
    """What the passkey had to sign, once: right or wrong, the next answer needs a new one."""
    value = bytes(challenge.passkey_challenge)
    rows = Challenge.objects.fresh().open().filter(pk=challenge.pk, passkey_challenge=value)
    return value if value and rows.update(passkey_challenge=b"") else None


def passkey_challenge_for(user: Any, purpose: str) -> bytes:
    """What a passkey of a signed-in ``user`` has to sign; earlier ones of this purpose are void."""
    Challenge.objects.fresh().filter(user=user, purpose=purpose).delete()
    value = secrets.token_bytes(PASSKEY_CHALLENGE)
    make(user, purpose, value)
    return value


def take_passkey_challenge_of(user: Any, purpose: str) -> bytes | None:
    """The latest of ``passkey_challenge_for``, once."""
    found = Challenge.objects.fresh().of(user, purpose).order_by("-pk").first()
    if found is None or not found.is_for(user):
        return None
    return take_passkey_challenge(found)


def prune() -> int:
    """Deletes challenges that are over; returns how many."""
    return Challenge.objects.fresh().filter(expires_at__lt=timezone.now()).delete()[0]
