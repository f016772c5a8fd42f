"""The second step of signing in: the password was right, a challenge waits for a second factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from django_shopcore.accounts.admins import lock_users
from django_shopcore.accounts.signin import Tokens, sign_in
from django_shopcore.accounts.tokens import AccessToken
from django_shopcore.core.limits import take_back
from django_shopcore.core.writes import atomic_write

from . import challenges, factors, passkeys, signals
from .conf import app_settings
from .exceptions import WrongFactor, challenge_over, no_factor, wrong_at_login
from .factors import PASSKEY, Proof
from .models import Challenge, VerifiedSession


def ask(request: HttpRequest, user: Any) -> Mapping[str, Any] | None:
    """The answer to a right password where there is a second factor, with a new challenge; otherwise ``None``."""
    methods = factors.methods_of(user)
    if not methods:
        return None
    return {
        "mfa_required": True,
        "challenge": challenges.make(user, Challenge.Purpose.LOGIN),
        "methods": methods,
        "expires_in": app_settings.CHALLENGE_LIFETIME,
    }


def options(raw: str) -> dict[str, Any]:
    """What a passkey is asked for this challenge. Raises ``AuthenticationFailed``, ``Conflict`` without a passkey."""
    challenge = challenges.login_challenge(raw, attempt=False)
    if PASSKEY not in factors.methods_of(challenge.user):
        raise no_factor()
    return passkeys.request_options(challenge.user, challenges.new_passkey_challenge(challenge))


def finish(request: HttpRequest, raw: str, proof: Proof) -> Tokens:
    """Opens the session that the challenge ``raw`` was for. Raises ``AuthenticationFailed`` or ``RateLimited``.

    An attempt is counted before anything is looked at; challenge and factor are used up with the session or not
    at all.
    """
    challenge = challenges.login_challenge(raw, attempt=True)
    user = challenge.user
    counted = factors.count(proof, user, request)
    signed = challenges.take_passkey_challenge(challenge) if proof.method == PASSKEY else None
    try:
        with atomic_write(Challenge):
            rows = lock_users([user.pk])
            if not rows or not challenge.is_for(rows[0]) or not challenges.consume(challenge):
                raise challenge_over()
            factors.spend(rows[0], proof, signed)
            tokens = sign_in(request, rows[0], second_step_done=True)
            session_id = AccessToken(tokens.access).session_id
            VerifiedSession.objects.create(session_id=session_id, method=proof.method)
    except WrongFactor as exc:
        signals.second_factor_failed.send_robust(sender=type(user), user=user, method=exc.method, request=request)
        raise wrong_at_login() from exc
    take_back(counted)
    return tokens
