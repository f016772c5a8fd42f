"""Codes of authenticator apps (RFC 6238): six digits from a shared secret and the time, for 30 seconds each."""

from __future__ import annotations

import hmac
import re
import time
from typing import Any

from django_shopcore.core.users import email_of

from .conf import issuer

SECONDS = 30
# One step before and one after the present: for clocks that differ, and for slow hands.
WINDOW = (-1, 0, 1)
CODE = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """160 random bits in base32, as authenticator apps take them."""
    import pyotp

    return pyotp.random_base32()


def provisioning_uri(user: Any, secret: str) -> str:
    """The ``otpauth://`` address, which front ends show as a QR code."""
    import pyotp

    name = email_of(user) or str(user.get_username())
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer())


def now() -> int:
    """The present time step."""
    return int(time.time()) // SECONDS


def matching_step(secret: str, code: str) -> int | None:
    """The time step that ``code`` is right for; ``None`` when it is wrong. It takes as long for any code."""
    import pyotp

    if not CODE.fullmatch(code):
        return None
    maker, present = pyotp.TOTP(secret), now()
    found = None
    for step in (present + offset for offset in WINDOW):
        if hmac.compare_digest(maker.generate_otp(step), code):
            found = step
    return found
