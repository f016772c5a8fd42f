"""Setting up and taking away second factors. Each write has a transaction, in which the user's row is locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from django_shopcore.accounts.admins import lock_users
from django_shopcore.accounts.exceptions import session_ended, wrong_password
from django_shopcore.accounts.models import Session
from django_shopcore.accounts.services import check_password
from django_shopcore.core.limits import take_back
from django_shopcore.core.writes import atomic_write

from . import challenges, encryption, exceptions, factors, passkeys, recovery, signals, totp, verification
from .factors import PASSKEY, TOTP, Proof
from .limits import count_code
from .models import Challenge, Passkey, RecoveryCode, TotpDevice

PENDING = timedelta(minutes=15)
MAX_PASSKEYS = 20


@dataclass(frozen=True)
class Caller:
    """Who asks to change a second factor: the request, and what proves that it is the owner."""

    request: Any
    password: str
    proof: Proof | None

    @property
    def user(self) -> Any:
        return self.request.user


@contextmanager
def proven(caller: Caller) -> Iterator[Any]:
    """A transaction with the locked user, who has proved the password and, with a second factor, that too.

    Raises ``InvalidInput`` on the field that is wrong, ``RateLimited`` after too many codes.
    """
    user, proof = caller.user, caller.proof
    checked = check_password(user, caller.password, "password")
    counted = factors.count(proof, user, caller.request) if proof is not None else []
    signed = None
    if proof is not None and proof.method == PASSKEY:
        signed = challenges.take_passkey_challenge_of(user, Challenge.Purpose.PROVE)
    with atomic_write(TotpDevice):
        row = _locked(user)
        if row.password != checked:
            raise wrong_password("password")
        if factors.methods_of(row):
            if proof is None:
                raise exceptions.factor_missing()
            try:
                factors.spend(row, proof, signed)
            except exceptions.WrongFactor as exc:
                raise exceptions.wrong_factor(exc.method) from exc
        yield row
    take_back(counted)


def _locked(user: Any) -> Any:
    rows = lock_users([user.pk])
    if not rows:
        raise session_ended()
    return rows[0]


def begin_totp(caller: Caller) -> tuple[str, str]:
    """A new secret and its ``otpauth://`` address. It counts once ``confirm_totp`` has seen a code of it."""
    secret = totp.new_secret()
    with proven(caller) as user:
        values = {"pending_secret": encryption.encrypt(user, secret), "pending_until": timezone.now() + PENDING}
        TotpDevice.objects.update_or_create(user=user, defaults=values)
    return secret, totp.provisioning_uri(caller.user, secret)


def confirm_totp(request: Any, code: str) -> list[str] | None:
    """Turns the new secret on; recovery codes with the first factor. Of many at once one succeeds.

    Raises ``InvalidInput`` on ``code``.
    """
    counted = count_code(request.user, request)
    with atomic_write(TotpDevice):
        user = _locked(request.user)
        device = TotpDevice.objects.fresh().filter(user=user).exclude(pending_secret="").first()
        secret = encryption.decrypt(user, device.pending_secret) if device is not None else None
        step = totp.matching_step(secret, code) if secret is not None else None
        if device is None or step is None:
            raise exceptions.wrong_code()
        first = not factors.methods_of(user)
        now, pending = timezone.now(), device.pending_secret
        changes = {"secret": pending, "last_step": step, "enabled_at": now, "last_used_at": now, "pending_secret": ""}
        if not TotpDevice.objects.fresh().waiting_for(pending).filter(pk=device.pk).update(**changes):
            raise exceptions.wrong_code()
        codes = _added(request, user, TOTP, first=first)
    take_back(counted)
    return codes


def remove_totp(caller: Caller) -> None:
    """Raises ``Conflict`` without an authenticator app."""
    with proven(caller) as user:
        if not TotpDevice.objects.fresh().active().filter(user=user).delete()[0]:
            raise exceptions.no_factor()
        _removed(user, TOTP)


def new_recovery_codes(caller: Caller) -> list[str]:
    """A new set; the old one is void. Raises ``Conflict`` for somebody without a second factor."""
    with proven(caller) as user:
        if not factors.methods_of(user):
            raise exceptions.no_factor()
        codes = recovery.make_codes(user)
        signals.recovery_codes_made.send(sender=type(user), user=user)
    return codes


def begin_passkey(caller: Caller) -> dict[str, Any]:
    """What the browser is asked for, to make a passkey. Raises ``Conflict`` when there are too many."""
    with proven(caller) as user:
        if Passkey.objects.fresh().filter(user=user).count() >= MAX_PASSKEYS:
            raise exceptions.too_many_passkeys()
        challenge = challenges.passkey_challenge_for(user, Challenge.Purpose.REGISTER)
        return passkeys.registration_options(user, challenge)


def add_passkey(request: Any, answer: Mapping[str, Any], *, name: str) -> tuple[Passkey, list[str] | None]:
    """Saves the passkey; recovery codes with the first factor. Raises ``InvalidInput`` on ``passkey``."""
    challenge = challenges.take_passkey_challenge_of(request.user, Challenge.Purpose.REGISTER)
    if challenge is None:
        raise exceptions.unusable_passkey()
    passkey = passkeys.registered(request.user, answer, challenge, name=name)
    with atomic_write(Passkey, recheck=lambda: _refuse_known(passkey)):
        user = _locked(request.user)
        if Passkey.objects.fresh().filter(user=user).count() >= MAX_PASSKEYS:
            raise exceptions.too_many_passkeys()
        first = not factors.methods_of(user)
        passkey.save(force_insert=True)
        codes = _added(request, user, PASSKEY, first=first)
    return passkey, codes


def _refuse_known(passkey: Passkey) -> None:
    if Passkey.objects.fresh().filter(credential_id=passkey.credential_id).exists():
        raise exceptions.unusable_passkey()


def remove_passkey(caller: Caller, key: Any) -> bool:
    """Whether there was this passkey of the caller's; it is gone then."""
    with proven(caller) as user:
        deleted = bool(Passkey.objects.fresh().filter(user=user, pk=key).delete()[0])
        if deleted:
            _removed(user, PASSKEY)
    return deleted


def reset(user: Any) -> bool:
    """Takes every second factor from ``user`` and ends all sessions, for an admin; whether there was one."""
    with atomic_write(TotpDevice):
        user = _locked(user)
        found = bool(factors.methods_of(user))
        for model in (TotpDevice, Passkey, RecoveryCode, Challenge):
            model._default_manager.filter(user=user).delete()
        if found:
            Session.objects.filter(user=user).end()
            verification.forget(user)
            signals.factors_reset.send(sender=type(user), user=user)
    return found


def _added(request: Any, user: Any, method: str, *, first: bool) -> list[str] | None:
    """What follows a new factor: with the first one other sessions end, which were opened by the password alone."""
    codes = recovery.make_codes(user) if first else None
    if first:
        auth = getattr(request, "auth", None)
        others = Session.objects.filter(user=user)
        (others.exclude(pk=auth.pk) if isinstance(auth, Session) else others).end()
    verification.show(request, user, method)
    signals.factor_added.send(sender=type(user), user=user, method=method, first=first)
    return codes


def _removed(user: Any, method: str) -> None:
    last = not factors.methods_of(user)
    if last:
        RecoveryCode.objects.fresh().filter(user=user).delete()
        Challenge.objects.fresh().filter(user=user).delete()
        verification.forget(user)
    signals.factor_removed.send(sender=type(user), user=user, method=method, last=last)
