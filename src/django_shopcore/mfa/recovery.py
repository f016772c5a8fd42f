"""Recovery codes: for who has lost the device. Each works once."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.utils import timezone

from .conf import app_settings
from .models import RecoveryCode

# Without letters and digits that look alike. 16 of them are 79 bits: too many to guess, also for who has the digests.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, LETTERS = 4, 4


def make_codes(user: Any) -> list[str]:
    """A new set of codes for ``user``; earlier ones are void. They are shown now and never again."""
    codes = [_new_code() for _ in range(app_settings.RECOVERY_CODES)]
    RecoveryCode.objects.fresh().filter(user=user).delete()
    RecoveryCode.objects.fresh().bulk_create([RecoveryCode(user=user, digest=_digest(code)) for code in codes])
    return codes


def use_code(user: Any, code: str) -> bool:
    """Spends ``code``; whether it was one of ``user`` that was not used yet. Of many at once one gets ``True``."""
    row = RecoveryCode.objects.fresh().unused().filter(user=user, digest=_digest(code))
    return bool(row.update(used_at=timezone.now()))


def codes_left(user: Any) -> int:
    return RecoveryCode.objects.fresh().unused().filter(user=user).count()


def _new_code() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(LETTERS)) for _ in range(GROUPS))


def _digest(code: str) -> str:
    """Of the code without regard to case, hyphens and blanks."""
    return hashlib.sha256("".join(code.lower().replace("-", "").split()).encode()).hexdigest()
