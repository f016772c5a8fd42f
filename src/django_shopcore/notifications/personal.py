"""What notifications hold on a person, for ``core.personal_data``: also what others were told of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models, router
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from django_shopcore.core import personal_data
from django_shopcore.core.personal_data import Person, columns_of, in_batches
from django_shopcore.core.redaction import SECRET_NAME

from .models import DigestEntry, Notification, OptOut, OutboxMessage, Preferences
from .serializers import NotificationSerializer

# Proofs in the data of a message, which nobody but its mail may have.
PROOFS = {"wish", "registration"}
USER_KEY = "data__user_id"  # where kinds of ours name a user


def register() -> None:
    personal_data.register(
        "notifications", export=_inbox, erase=_forget_told, models=_labels(Notification), addresses=_former_addresses
    )
    personal_data.register("preferences", export=_preferences, erase=None, models=_labels(Preferences))
    personal_data.register("waiting_for_digest", export=_entries, erase=None, models=_labels(DigestEntry))
    personal_data.register("messages", export=_messages, erase=_forget_messages, models=_labels(OutboxMessage))
    personal_data.register("opt_outs", export=_opt_outs, erase=_forget_opt_outs, models=_labels(OptOut))


def _labels(model: type[models.Model]) -> list[str]:
    return [model._meta.label]


def _rows(model: Any) -> Any:
    return model._default_manager.using(router.db_for_write(model))


def _former_addresses(user: Any) -> Iterable[str]:
    told = _rows(Notification).filter(user=user, kind="address_changed").values_list("data", flat=True)
    return [str(data.get("old_email", "")) for data in told]


def _inbox(person: Person) -> Iterator[Any]:
    return (NotificationSerializer(row).data for row in in_batches(_rows(Notification).filter(user=person.key)))


def _preferences(person: Person) -> dict[str, Any] | None:
    row = _rows(Preferences).filter(pk=person.key).first()
    return columns_of(row, leave_out=["user"]) if row is not None else None


def _entries(person: Person) -> Iterator[Any]:
    return (columns_of(row, leave_out=["user"]) for row in in_batches(_rows(DigestEntry).filter(user=person.key)))


def _messages(person: Person) -> Iterator[Any]:
    for row in in_batches(_rows(OutboxMessage).filter(_to(person))):
        data = {name: value for name, value in row.data.items() if name not in PROOFS and not SECRET_NAME.search(name)}
        shown = ("kind", "channel", "address", "state", "created_at", "finished_at")
        yield {**{name: getattr(row, name) for name in shown}, "data": data}


def _opt_outs(person: Person) -> Iterator[Any]:
    return (columns_of(row) for row in in_batches(_rows(OptOut).filter(address__in=person.addresses)))


def _forget_opt_outs(person: Person) -> None:
    _rows(OptOut).filter(address__in=person.addresses).delete()


def _to(person: Person) -> Q:
    found = Q(user=person.key)
    for address in person.addresses:
        found |= Q(address__iexact=address)
    return found


def _forget_messages(person: Person) -> None:
    """What is on its way to the person is stopped; what others are told goes on, and names them no more."""
    _rows(OutboxMessage).filter(_to(person)).delete()
    for row in _telling_of(OutboxMessage, person, "dedupe_key", "last_error"):
        row.data, _words = _cleaned(row.data, person)
        if person.leave(row.dedupe_key) != row.dedupe_key:
            row.dedupe_key = uuid.uuid4().hex
        row.last_error = person.leave(row.last_error)
        row.save(update_fields=["data", "dedupe_key", "last_error"])


def _forget_told(person: Person) -> None:
    """What others have been told of the person, or are to be told, as of one who has just registered."""
    for row in _telling_of(Notification, person, "message"):
        row.data, words = _cleaned(row.data, person)
        row.message = person.leave(row.message, words)
        row.save(update_fields=["data", "message"])
    for row in _telling_of(DigestEntry, person):
        row.data, _words = _cleaned(row.data, person)
        row.save(update_fields=["data"])


def _telling_of(model: Any, person: Person, *columns: str) -> Iterator[Any]:
    """Others' rows that may name the person. No index helps: it reads the table, once for an erasure."""
    found = person.may_be_in("data_text", *columns) | Q(**{USER_KEY: str(person.key)})
    theirs = Q(user=person.key) & Q(user__isnull=False)
    return in_batches(_rows(model).annotate(data_text=Cast("data", TextField())).filter(found & ~theirs))


def _cleaned(data: dict[str, Any], person: Person) -> tuple[Any, set[str]]:
    """``data`` without the person, and what else names them in a text that was made of it."""
    more: set[str] = set()
    if str(data.get("user_id")) == str(person.key):
        # The kinds that say so tell of nobody else.
        more = {str(data["email"])} if data.get("email") else set()
        data = {**data, "user_id": person.pseudonym}
    cleaned = person.leave(data, more)
    return cleaned, more | ({person.name} if cleaned != data else set())
