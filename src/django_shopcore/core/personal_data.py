"""What is held on a person: where it is, how to show it to them, and how to take it away.

Whoever stores something of users says so in the ``ready()`` of its app::

    from django_shopcore.core import personal_data

    personal_data.register("orders", models=["orders.Order"], export=export_orders, erase=erase_orders)

``GET auth/me/export/`` shows it all, and deleting an account erases it all, in one transaction.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models, router, transaction
from django.utils import timezone

from .extensions import extensions_of
from .json import dumps
from .locking import take_write_lock
from .redaction import SECRET_NAME
from .users import email_column, email_of, fresh_users, user_model

BATCH = 500


@dataclass(frozen=True)
class Person:
    """A user whose data is asked for. ``pseudonym`` takes the person's place in what has to stay.

    ``addresses`` are all e-mail addresses, in small letters, that are known to be, or to have been, theirs.
    """

    user: Any
    addresses: frozenset[str]
    pseudonym: str

    @property
    def key(self) -> Any:
        return self.user.pk

    @property
    def words(self) -> frozenset[str]:
        """What names this person and nobody else, wherever it stands: addresses, and a key that is no number."""
        keys = () if isinstance(self.key, int) else (str(self.key), getattr(self.key, "hex", str(self.key)))
        return frozenset({*self.addresses, *keys})

    @property
    def name(self) -> str:
        """The user name in small letters. It may be part of other texts, so it counts only as a whole one."""
        return str(self.user.get_username()).lower()

    def leave(self, document: Any, more: Iterable[str] = ()) -> Any:
        """``document``, of JSON's types, with the pseudonym in place of the person; of ``more`` words too."""
        words = sorted({*self.words, *more} - {""}, key=len, reverse=True)
        pattern = re.compile(rf"(?<![\w.+@-])(?:{'|'.join(map(re.escape, words))})(?![\w@-]|\.\w)", re.IGNORECASE)

        def clean(value: Any) -> Any:
            if isinstance(value, str):
                return self.pseudonym if value.lower() == self.name else pattern.sub(self.pseudonym, value)
            if isinstance(value, Mapping):
                return {clean(name): clean(inner) for name, inner in value.items()}
            return [clean(inner) for inner in value] if isinstance(value, list) else value

        return clean(document) if words else document

    def may_be_in(self, *columns: str) -> models.Q:
        """Rows whose columns may name the person; whether they do is for ``leave`` to say."""
        found = models.Q(pk__in=[])
        for word in {*self.words, self.name} - {""}:
            for spelling in {word, dumps(word).decode()[1:-1], ascii(word)[1:-1]}:  # as databases keep JSON
                for column in columns:
                    found |= models.Q(**{f"{column}__icontains": spelling})
        return found


Export = Callable[[Person], Any]
Erase = Callable[[Person], object]


@dataclass(frozen=True)
class PersonalData:
    """One registered part."""

    name: str
    export: Export | None
    erase: Erase | None
    models: tuple[str, ...]
    addresses: Callable[[Any], Iterable[str]] | None


_registered: dict[str, PersonalData] = {}


def register(
    name: str,
    *,
    export: Export | None,
    erase: Erase | None,
    models: Sequence[str] = (),
    addresses: Callable[[Any], Iterable[str]] | None = None,
) -> None:
    """Declares what an app holds on people, under a name in the export; an earlier one of that name is replaced.

    ``export`` gets a ``Person`` and returns what JSON can hold, or an iterator of such things for a list that may be
    long; ``None``: there is nothing to show. ``erase`` gets a ``Person`` whose row is still there and locked, and
    deletes or changes rows; what it raises undoes the erasure. ``None``: the rows go with the user's, by ``CASCADE``.
    ``models`` are the labels of the models that this takes care of, and ``addresses`` returns addresses of a user
    besides the present one.
    """
    _registered[name] = PersonalData(name, export, erase, tuple(models), addresses)


def unregister(name: str) -> None:
    """Takes a declaration back; without one of this name it does nothing."""
    _registered.pop(name, None)


def registered() -> list[PersonalData]:
    return list(_registered.values())


def person_of(user: Any) -> Person:
    known = {email_of(user), *(one for part in registered() if part.addresses for one in part.addresses(user))}
    found = {address.strip().lower() for address in known if address.strip()}
    # A former address may be another person's by now.
    others = fresh_users().exclude(pk=user.pk)
    addresses = {address for address in found if not others.filter(**{f"{email_column()}__iexact": address}).exists()}
    return Person(user, frozenset(addresses), f"erased-{secrets.token_hex(6)}")


def erase(user: Any) -> Person:
    """Deletes ``user`` and erases all that is registered, in one transaction; returns who it was.

    Raises ``ProtectedError`` or ``RestrictedError`` when something of the site's refers to the user and protects it:
    then nothing is erased. Whether the user may go is for the caller to know. The instance keeps its ``pk``.
    """
    with transaction.atomic(using=router.db_for_write(user_model())):
        take_write_lock(user_model())
        person = person_of(user)
        for part in registered():
            if part.erase is not None:
                part.erase(person)
        key = user.pk
        user.delete()
        user.pk = key
    return person


def export(user: Any) -> Iterator[bytes]:
    """All that is held on ``user`` as one JSON object, a piece at a time."""
    person = person_of(user)
    yield b'{"exported_at":' + dumps(timezone.now())
    for part in registered():
        if part.export is not None:
            yield b"," + dumps(part.name) + b":"
            yield from _pieces(part.export(person))
    yield b"}\n"


def _pieces(found: Any) -> Iterator[bytes]:
    if not isinstance(found, Iterator):
        yield dumps(found)
        return
    yield b"["
    for number, item in enumerate(found):
        yield (b"," if number else b"") + dumps(item)
    yield b"]"


def in_batches(queryset: models.QuerySet[Any]) -> Iterator[Any]:
    """The rows of ``queryset`` by their keys, some at a time, however many there are."""
    queryset = queryset.order_by("pk")
    rows = list(queryset[:BATCH])
    while rows:
        yield from rows
        rows = list(queryset.filter(pk__gt=rows[-1].pk)[:BATCH]) if len(rows) == BATCH else []


def columns_of(row: Any, *, leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """All columns of ``row`` by the names of their fields, without those that are called like a secret."""
    fields = (field for field in row._meta.concrete_fields if field.name not in leave_out)
    return {field.name: getattr(row, field.attname) for field in fields if not SECRET_NAME.search(field.name)}


def relations_to_users() -> Iterator[Any]:
    """The fields of all models that refer to the user model, and those that may refer to anything."""
    users = user_model()
    for model in apps.get_models(include_auto_created=True):
        if issubclass(users, model) or model._meta.proxy:
            continue
        fields: list[Any] = [*model._meta.local_fields, *model._meta.private_fields]
        for field in fields:
            if isinstance(field, GenericForeignKey) or (
                field.is_relation and field.related_model is not None and issubclass(users, field.related_model)
            ):
                yield field


def keyed_by_users() -> list[type[models.Model]]:
    """The user model, and the models whose rows have their user's key."""
    return [user_model(), *(field.model for field in relations_to_users() if getattr(field, "primary_key", False))]


def misnamed() -> dict[str, str]:
    """Labels that were registered and are no model's, by them the name they were registered under."""
    models_by_label = {model._meta.label_lower for model in apps.get_models(include_auto_created=True)}
    labels = ((label, part.name) for part in registered() for label in part.models)
    return {label: name for label, name in labels if label.lower() not in models_by_label}


def kept_with_the_person() -> list[str]:
    """Relations whose rows would outlive the user although it was said that they go with it: ``app.Model.field``."""
    gone = {label.lower() for part in registered() if part.erase is None for label in part.models}
    relations = (field for field in relations_to_users() if field.model._meta.label_lower in gone)
    return [
        f"{field.model._meta.label}.{field.name}"
        for field in relations
        if getattr(field.remote_field, "on_delete", models.CASCADE) is not models.CASCADE
    ]


def unregistered() -> list[str]:
    """Relations to users of which nobody has said what becomes of them: ``app.Model.field``.

    The rows of a many-to-many field of the user model itself, such as ``groups``, go with the user, and the extensions
    of users are shown with them. For a test of the site's, and told by ``shopcore_doctor``.
    """
    known = {label.lower() for part in registered() for label in part.models}
    known |= {extension.related_model._meta.label_lower for extension in extensions_of(user_model())}
    own = {field.remote_field.through for field in user_model()._meta.local_many_to_many}
    return [
        f"{field.model._meta.label}.{field.name}"
        for field in relations_to_users()
        if field.model._meta.label_lower not in known and field.model not in own
    ]
