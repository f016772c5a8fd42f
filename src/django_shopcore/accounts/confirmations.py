"""What the links in mails do. Each is checked once more under the lock: of two at once, one gets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_shopcore.core.users import column, email_column, email_of, fresh_users, user_model
from django_shopcore.core.writes import atomic_write

from . import link_tokens, passwords, registration, signals
from .admins import lock_users
from .exceptions import address_taken, invalid_link
from .models import Session
from .users import VERIFIED, is_unverified, users_with_email


def user_of_reset_link(uid: str, token: str) -> Any:
    """Whose password the link may set. Raises ``InvalidInput`` for one that is not valid."""
    user = _user_of(uid)
    if not link_tokens.password_reset.check_token(user, token):
        raise invalid_link()
    return user


def reset_password(user: Any, *, token: str, new: str) -> None:
    """Sets a new password for the holder of ``token`` and ends every session.

    Sends ``user_password_changed`` and ``password_reset_completed``. Raises ``InvalidInput`` when the token has
    been used meanwhile.
    """
    passwords.set_password(user, new)  # slow on purpose, so before anything is locked
    with atomic_write(user_model()):
        row = _lock(user, lambda row: link_tokens.password_reset.check_token(row, token))
        user.save(update_fields=["password"])
        Session.objects.filter(user=user).end()
        if is_unverified(row):
            _note_verified(row)  # the link came by mail to that address
        signals.user_password_changed.send(sender=type(user), user=user)
        signals.password_reset_completed.send(sender=type(user), user=user)


def verify_email(*, uid: str, token: str) -> None:
    """Notes that an address is its owner's and sends ``user_email_verified``.

    Where that is mandatory and the link is of a registration, it makes the account. Raises ``InvalidInput``.
    """
    user = _user_of(uid)
    if user is None or not _may_verify(user, token):
        registration.confirm(uid=uid, token=token)
        return
    with atomic_write(user_model()):
        _note_verified(_lock(user, lambda row: _may_verify(row, token)))


def change_email(*, uid: str, token: str) -> None:
    """Gives an account the new, confirmed address in ``token`` and sends ``user_email_changed``.

    Raises ``InvalidInput``, also when somebody has taken the address meanwhile.
    """
    user = _user_of(uid)
    new_email = link_tokens.new_email_in(user, token)
    if new_email is None:
        raise invalid_link()
    with atomic_write(user_model(), lambda: _check_free(new_email, user)):
        row = _lock(user, lambda row: link_tokens.new_email_in(row, token) is not None)
        _check_free(new_email, row)
        old_email = email_of(row)
        changes = {email_column(): new_email} | ({VERIFIED: True} if column(VERIFIED) else {})
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=list(changes))
        signals.user_email_changed.send(sender=type(row), user=row, old_email=old_email)


def _user_of(uid: str) -> Any:
    """The user that a link names, or ``None``; whether the link is theirs is still to be seen."""
    key = link_tokens.key_in(user_model(), uid)
    return fresh_users().filter(pk=key).first() if key is not None else None


def _may_verify(user: Any, token: str) -> bool:
    return column(VERIFIED) is not None and link_tokens.email_verification.check_token(user, token)


def _note_verified(user: Any) -> None:
    setattr(user, VERIFIED, True)
    user.save(update_fields=[VERIFIED])
    signals.user_email_verified.send(sender=type(user), user=user)


def _lock(user: Any, is_valid: Callable[[Any], bool]) -> Any:
    """The locked row of ``user``; raises ``InvalidInput`` when it is inactive or the link not valid for it now."""
    rows = lock_users([user.pk])
    if not rows or not rows[0].is_active or not is_valid(rows[0]):
        raise invalid_link()
    return rows[0]


def _check_free(email: str, user: Any) -> None:
    if any(other.pk != user.pk for other in users_with_email(email)):
        raise address_taken()
