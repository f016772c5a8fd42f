"""Somebody with a second factor, as the API makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework.test import APIClient

from tests.accounts.clients import bearer, tokens_of
from tests.mfa.clock import Clock
from tests.users import PASSWORD

LOGIN = "/api/v1/auth/login/"
MFA = "/api/v1/auth/mfa/"


@dataclass
class Member:
    user: Any
    client: APIClient
    secret: str
    recovery_codes: list[str]
    clock: Clock

    @classmethod
    def enrolled(cls, user: Any, clock: Clock) -> Member:
        client = bearer(tokens_of(user).access)
        secret = client.post(f"{MFA}totp/", {"password": PASSWORD}).json()["secret"]
        answer = client.post(f"{MFA}totp/confirm/", {"code": clock.code(secret)})
        assert answer.status_code == 200, answer.json()
        clock.tick()
        return cls(user, client, secret, answer.json()["recovery_codes"], clock)

    def code(self) -> str:
        """The next code that was not used yet."""
        self.clock.tick()
        return self.clock.code(self.secret)

    def challenge(self) -> str:
        answer = APIClient().post(LOGIN, {"email": self.user.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.json()
        raw: str = answer.json()["challenge"]
        return raw

    def proofs(self) -> dict[str, str]:
        """The password and a fresh code."""
        return {"password": PASSWORD, "code": self.code()}


def second_step(challenge: str, **proof: Any) -> Any:
    return APIClient().post(f"{MFA}login/", {"challenge": challenge, **proof})
