"""Passwords: what looks alike is alike, none is endless, and a hash that is renewed signs nobody out."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth import authenticate, hashers
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    get_default_password_validators,
)
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxLengthValidator
from django.db import router
from django.http import HttpRequest

from django_shopcore.core.users import fresh_users, user_model
from django_shopcore.core.writes import atomic_write

from .conf import app_settings
from .querysets import auth_hashes

MAX_LENGTH = 1024  # a hasher reads all of it


class PasswordLengthError(PermissionDenied, ValueError):
    """Nobody has such a password. ``authenticate`` takes it as a refusal, and so hashes it for nobody."""


def spellings(raw: str) -> list[str]:
    """How ``raw`` may have been hashed: by Unicode's compatibility form (NFKC), or as it was typed."""
    normalised = unicodedata.normalize("NFKC", raw)
    return [normalised] if normalised == raw else [normalised, raw]


class NormalisedPasswords:
    """For a user model, before ``AbstractBaseUser``: passwords by their compatibility form, whoever asks.

    So an accent is the same from every keyboard, in Django's own forms as well. Hashes of before, of what was
    typed, go on working and are replaced.
    """

    pk: Any
    password: str

    def set_password(self, raw_password: Any) -> None:
        """Raises ``PasswordLengthError``."""
        if isinstance(raw_password, str):
            if len(raw_password) > MAX_LENGTH:
                raise PasswordLengthError(f"A password has at most {MAX_LENGTH} characters.")
            raw_password, *others = spellings(raw_password)
            for other in others:
                # As much work as a check: for a name that nobody has, Django's backend hashes by this method.
                hashers.make_password(other)
        super().set_password(raw_password)  # type: ignore[misc]

    def check_password(self, raw_password: Any) -> bool:
        """Whether it is the password. A hash by outdated means is replaced; no session ends by that."""
        if not isinstance(raw_password, str):
            return bool(super().check_password(raw_password))  # type: ignore[misc]
        return len(raw_password) <= MAX_LENGTH and any(map(self._is_hash_of, spellings(raw_password)))

    async def acheck_password(self, raw_password: Any) -> bool:
        return await sync_to_async(self.check_password)(raw_password)

    def _is_hash_of(self, spelling: str) -> bool:
        renewed: list[str] = []
        found = hashers.check_password(spelling, self.password, renewed.append)
        if found and (renewed or spelling != spellings(spelling)[0]):
            _renew(self, spelling)
        return found


def _renew(user: Any, raw: str) -> None:
    """Stores a new hash of ``raw``, which was just found to be the password of ``user``.

    Of several requests at once one stores its hash, and the others take that over. A new password that came
    meanwhile stays.
    """
    known, model = auth_hashes(user), type(user)
    fresh = hashers.make_password(spellings(raw)[0])
    row = model._base_manager.using(router.db_for_write(model, instance=user)).filter(pk=user.pk)
    with atomic_write(model):
        if row.filter(password=user.password).update(password=fresh):
            user.password = fresh
            keep_sessions(user, known)
            return
    current = row.values_list("password", flat=True).first()
    if current and hashers.check_password(spellings(raw)[0], current):
        user.password = current


def keep_sessions(user: Any, known: list[str]) -> None:
    """Lets the sessions of ``user`` that hold one of ``known`` go on under the new hash of the same password."""
    if apps.is_installed("django_shopcore.accounts") and isinstance(user, user_model()):
        from .models import Session

        sessions = Session.objects.fresh().open().filter(user=user, auth_hash__in=known)
        sessions.update(auth_hash=user.get_session_auth_hash())


def set_password(user: Any, raw: str) -> None:
    """What ``user.set_password`` does, with any user model, by the compatibility form."""
    user.set_password(spellings(raw)[0])


def check_password(user: Any, raw: str) -> bool:
    """What ``user.check_password`` does, with any user model, in each spelling; ends no session."""
    if isinstance(user, NormalisedPasswords):
        return user.check_password(raw)
    before, known = user.password, auth_hashes(user)
    found = any(user.check_password(spelling) for spelling in spellings(raw))
    if found and user.password != before:
        keep_sessions(user, known)
    return found


def sign_in_by(request: HttpRequest, name: str, raw: str) -> Any:
    """The user whom the site's backends know by ``name`` and ``raw``, or ``None``; ends no session."""
    if issubclass(user_model(), NormalisedPasswords):
        return authenticate(request, username=name, password=raw)
    # The backend renews an outdated hash in its own way. What it was is asked for first, of everybody.
    before: Any = fresh_users().filter(**{user_model().USERNAME_FIELD: name}).first()
    for spelling in spellings(raw):
        user: Any = authenticate(request, username=name, password=spelling)
        if user is None:
            continue
        renewed = before is not None and user.pk == before.pk and user.password != before.password
        if renewed and hashers.check_password(spelling, before.password):
            keep_sessions(user, auth_hashes(before))
        return user
    return None


def validate(raw: str, user: Any) -> None:
    """Raises Django's ``ValidationError`` with all that speaks against ``raw`` as the new password of ``user``.

    The site's validators are asked, and besides them, whatever the site has, for the least length and for
    passwords that everybody knows. Of two that say the same the stricter is heard.
    """
    password = spellings(raw)[0]
    for spelling in (raw, password):  # one character may stand for eighteen
        MaxLengthValidator(MAX_LENGTH)(spelling)
    faults: list[ValidationError] = []
    for validator in (*get_default_password_validators(), MinimumLengthValidator(_least()), _common()):
        try:
            validator.validate(password, user)
        except ValidationError as exc:
            faults += [fault for fault in exc.error_list if not _is_said(fault, faults)]
    if faults:
        raise ValidationError(faults)


def _is_said(fault: ValidationError, faults: list[ValidationError]) -> bool:
    """Whether ``faults`` has the same; a smaller least length in it makes room for ``fault``."""
    if fault.code not in ("password_too_short", "password_too_common"):
        return False
    same = next((other for other in faults if other.code == fault.code), None)
    if same is None:
        return False
    if _length(same) < _length(fault):
        faults[faults.index(same)] = fault
    return True


def _length(fault: ValidationError) -> int:
    return int((fault.params or {}).get("min_length", 0))


def _least() -> int:
    return app_settings.PASSWORD_MIN_LENGTH


@functools.cache  # it reads a list of 20,000 passwords
def _common() -> CommonPasswordValidator:
    return CommonPasswordValidator()
