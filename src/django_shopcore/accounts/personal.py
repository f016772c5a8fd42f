"""What accounts holds on a person, for ``core.personal_data``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django_shopcore.core import personal_data
from django_shopcore.core.extensions import extensions_of
from django_shopcore.core.personal_data import Person, columns_of, in_batches
from django_shopcore.core.users import user_model

from .models import Session
from .registration import forget, pending_of
from .serializers import SessionSerializer


def register() -> None:
    personal_data.register("account", export=_account, erase=None)  # its row is the last to go
    personal_data.register("sessions", export=_sessions, erase=None, models=["shopcore_accounts.Session"])
    personal_data.register(
        "registrations",
        export=_registrations,
        erase=lambda person: forget(person.addresses),
        models=["shopcore_accounts.PendingRegistration"],
    )


def _account(person: Person) -> dict[str, Any]:
    """All columns of the user, the names of what it is in, and the site's extensions."""
    user = user_model()._default_manager.get(pk=person.key)
    many = {field.name: [str(one) for one in getattr(user, field.name).all()] for field in user._meta.many_to_many}
    rows = {one.name: one.row_of(user) for one in extensions_of(type(user))}
    return {
        **columns_of(user),
        **many,
        **{name: columns_of(row) if row is not None else None for name, row in rows.items()},
    }


def _sessions(person: Person) -> Iterator[Any]:
    for session in in_batches(Session.objects.fresh().filter(user=person.key)):
        shown = SessionSerializer(session).data
        yield {**{name: value for name, value in shown.items() if name != "is_current"}, "ended_at": session.ended_at}


def _registrations(person: Person) -> Iterator[Any]:
    return (columns_of(pending) for pending in in_batches(pending_of(person.addresses)))
