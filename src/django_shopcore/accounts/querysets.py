"""The vocabulary of reading sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, router
from django.utils import timezone

if TYPE_CHECKING:
    from .models import Session

S = TypeVar("S", bound="Session")


def auth_hashes(user: Any) -> list[str]:
    """What a session of ``user`` may hold: made from the password with the secret key or a fallback key."""
    return [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]


class SessionQuerySet(models.QuerySet[S]):
    def fresh(self) -> SessionQuerySet[S]:
        """From the database that is written to: on a replica an ended session would live a little longer."""
        return self.using(router.db_for_write(self.model))

    def open(self) -> SessionQuerySet[S]:
        """Neither ended nor expired; a change of the password may have made them useless all the same."""
        return self.filter(ended_at=None, expires_at__gt=timezone.now())

    def live_of(self, user: Any) -> SessionQuerySet[S]:
        """The sessions whose tokens work for ``user``."""
        return self.open().filter(user=user, auth_hash__in=auth_hashes(user))

    def holding(self, pk: Any, refresh_hash: str) -> SessionQuerySet[S]:
        """The session as it must still be to be refreshed: what an UPDATE makes sure of."""
        return self.filter(pk=pk, refresh_hash=refresh_hash, ended_at=None)

    def end(self) -> int:
        """Ends them; returns how many were not ended yet."""
        return self.filter(ended_at=None).update(ended_at=timezone.now())

    def end_each(self) -> list[Any]:
        """Ends them; returns the keys of those that were not ended yet. In a transaction that holds their user."""
        keys = list(self.filter(ended_at=None).values_list("pk", flat=True))
        if keys:
            self.filter(pk__in=keys).end()
        return keys
