"""There is always an active admin: nobody else could make a new one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q

from django_shopcore.core.access import active_admins, is_admin
from django_shopcore.core.locking import lock_rows
from django_shopcore.core.users import fresh_users

from .exceptions import last_admin


def lock_users(keys: Collection[Any]) -> list[Any]:
    """Locks these users and returns them fresh, for changes that take nobody's role."""
    return lock_rows(fresh_users().filter(pk__in=keys))


def lock_for_removal(keys: Collection[Any]) -> list[Any]:
    """Locks these users and every active admin, for demoting, deactivating or deleting them.

    Two requests that each remove one of the last two admins wait for each other here, and the second sees
    what the first has done. Returns the users fresh; raises ``Conflict`` when no active admin would be left.
    """
    rows = lock_rows(fresh_users().filter(Q(pk__in=keys) | active_admins()))
    admins = {row.pk for row in rows if is_admin(row)}
    if admins and admins <= set(keys):
        raise last_admin()
    return [row for row in rows if row.pk in keys]
