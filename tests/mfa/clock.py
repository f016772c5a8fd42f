"""The time of authenticator apps: a code lasts 30 seconds, and no test waits for the next one."""

from __future__ import annotations

import time

import pyotp
import pytest

from django_shopcore.mfa import totp


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0
        now = time.time
        monkeypatch.setattr(totp, "now", lambda: int(now()) // totp.SECONDS + self.ahead)

    def tick(self, steps: int = 1) -> None:
        self.ahead += steps

    def code(self, secret: str, offset: int = 0) -> str:
        """What an authenticator app shows now, or ``offset`` steps from now."""
        return pyotp.TOTP(secret).generate_otp(totp.now() + offset)
