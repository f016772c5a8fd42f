"""Writes of accounts: those of several rows or with effects. Each has a transaction of its own."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection
from typing import Any

from django.db.models import Q
from django.utils import timezone

from django_shopcore.core import personal_data
from django_shopcore.core.adapters import admin_adapter
from django_shopcore.core.changes import Changes
from django_shopcore.core.users import column, user_model
from django_shopcore.core.writes import atomic_write

from . import passwords, signals
from .admins import lock_for_removal, lock_users
from .conf import app_settings
from .exceptions import role_not_changeable, session_ended, wrong_password
from .models import Session
from .querysets import SessionQuerySet


def register(user: Any, *, recheck: Callable[[], object] | None = None) -> Any:
    """Saves the new ``user`` and sends ``user_registered``.

    ``recheck`` raises the error to answer with when another request took the address meanwhile.
    """
    with atomic_write(type(user), recheck):
        user.save()
        signals.user_registered.send(sender=type(user), user=user)
    return user


def end_all_sessions(user: Any) -> int:
    """Ends every session of ``user`` and sends ``user_signed_out``; returns how many were open."""
    return len(_sign_out(user, Session.objects.filter(user=user)))


def end_sessions(user: Any, keys: Collection[Any]) -> int:
    """Ends these sessions of ``user`` and sends ``user_signed_out``; returns how many were open."""
    return len(_sign_out(user, Session.objects.filter(user=user, pk__in=keys)))


def _sign_out(user: Any, sessions: SessionQuerySet[Session]) -> list[Any]:
    with atomic_write(Session):
        lock_users([user.pk])  # two at once would lock the sessions in different orders
        keys = sessions.fresh().end_each()
        if keys:
            signals.user_signed_out.send(sender=type(user), user=user, sessions=keys)
    return keys


def change_password(user: Any, *, current: str, new: str, session: Session | None) -> None:
    """Sets a new password, ends all other sessions and sends ``user_password_changed``.

    Raises ``InvalidInput`` on ``current_password`` when that is wrong.
    """
    checked = check_password(user, current, "current_password")
    passwords.set_password(user, new)  # slow on purpose, so before anything is locked
    with atomic_write(user_model()):
        _still_same(lock_users([user.pk]), checked, "current_password")
        user.save(update_fields=["password"])
        others = Session.objects.filter(user=user)
        if session is not None:
            others = others.exclude(pk=session.pk)
            Session.objects.filter(pk=session.pk).update(auth_hash=user.get_session_auth_hash())
        others.end()
        signals.user_password_changed.send(sender=type(user), user=user)


def delete_account(user: Any, *, password: str) -> None:
    """Erases ``user`` and all that is held on the person, and sends ``user_deleted``.

    Raises ``InvalidInput`` on ``password`` when that is wrong, ``Conflict`` for the last active admin and for a user
    whom something of the site's protects.
    """
    checked = check_password(user, password, "password")
    with atomic_write(user_model()):
        erase_account(_still_same(lock_for_removal([user.pk]), checked, "password"))


def erase_account(user: Any) -> None:
    """Erases a locked user as ``delete_account`` does, in the caller's transaction."""
    person = personal_data.erase(user)
    signals.user_deleted.send(sender=type(user), user=user, pseudonym=person.pseudonym)


def check_password(user: Any, password: str, field: str) -> str:
    """The stored password, once ``password`` has proved right. Raises ``InvalidInput`` on ``field``."""
    if not passwords.check_password(user, password):
        signals.password_refused.send(sender=type(user), user=user)
        raise wrong_password(field)
    return str(user.password)


def _still_same(rows: list[Any], checked: str, field: str) -> Any:
    """The locked user, if it is there and has the password that was checked before the lock."""
    if not rows:
        raise session_ended()
    if rows[0].password != checked:
        raise wrong_password(field)
    return rows[0]


def change_role(user: Any, *, is_active: bool | None = None, is_admin: bool | None = None) -> Any:
    """Saves what is not ``None`` of a locked user; the lock is ``lock_for_removal`` to take something away.

    Deactivating ends the sessions for good: they do not come back with the account. Demoting takes the
    superuser's rights too, promoting gives none. Raises ``InvalidInput`` for a role that no column holds.
    """
    changes: dict[str, bool] = {}
    active, admin = column("is_active"), admin_adapter().column()
    if admin is None and is_admin is not None and is_admin != admin_adapter().is_admin(user):
        raise role_not_changeable()
    if active and is_active is not None:
        changes[active] = is_active
    if admin and is_admin is not None:
        changes[admin] = is_admin
        if not is_admin and column("is_superuser"):
            changes["is_superuser"] = False
    before = {name: getattr(user, name) for name in changes}
    for name, value in changes.items():
        setattr(user, name, value)
    if changes:
        user.save(update_fields=list(changes))
    if is_active is False:
        Session.objects.filter(user=user).end()
    announce_changes(user, {name: (before[name], value) for name, value in changes.items() if before[name] != value})
    return user


def announce_changes(user: Any, changed: Changes) -> None:
    """Sends ``user_changed`` unless nothing has; ``changed`` has the names of columns."""
    if changed:
        named = {"is_admin" if name == admin_adapter().column() else name: pair for name, pair in changed.items()}
        signals.user_changed.send(sender=type(user), user=user, changes=named)


def prune_sessions() -> int:
    """Deletes sessions that are over for ``SHOPCORE_ACCOUNTS_SESSION_RETENTION``; returns how many."""
    before = timezone.now() - datetime.timedelta(days=app_settings.SESSION_RETENTION)
    return int(Session.objects.filter(Q(expires_at__lt=before) | Q(ended_at__lt=before)).delete()[0])
