"""What a serializer shows of a row, told from its fields once, so that rows need neither instance nor serializer.

A serializer whose every field shows a column (of the row, or of a row it refers to) is read as tuples of just
those columns. One with a method field, a property or a ``to_representation`` of its own is run as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import signals
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from django.utils.dateparse import parse_datetime
from rest_framework import relations, serializers

from . import fields as own

Maker = Callable[[Any], Any]
Show = Callable[[Sequence[Any]], dict[str, Any]]
CENTS = Decimal("0.01")
KEY_FIELDS = (own.KeyField, relations.PrimaryKeyRelatedField)
WITHOUT_FRACTION = len("2026-01-31 12:00:00+00")
WITH_MICROSECONDS = WITHOUT_FRACTION + len(".123456")
WITH_FRACTION = range(WITHOUT_FRACTION + 2, WITH_MICROSECONDS)
LIBRARIES = ("django.", "django_filters.", "django_shopcore.", "drf_spectacular.", "rest_framework.")


@dataclass(frozen=True)
class Representation:
    """``names`` of the fields, the ``lookups`` their values are read from, and what turns values into JSON's."""

    names: tuple[str, ...]
    lookups: tuple[str, ...]
    makers: tuple[tuple[int, Maker], ...]
    # Where PostgreSQL's own text is nearly what is shown, and making a Python value of it is wasted.
    texts: frozenset[int] = frozenset()
    # Whether it holds for any request: no field of the site's own takes part, which may ask who is reading.
    is_pure: bool = True

    @cached_property
    def summary(self) -> str:
        """What is shown, in a line."""
        return f"{self.names} {self.lookups}"

    def maker(self, converters: Iterable[tuple[int, Maker]], start: int) -> Show:
        """What shows a row as it was read, whose columns begin at ``start`` and need these ``converters`` first."""
        changes: dict[int, list[Maker]] = {}
        for index, change in (*converters, *self.makers):
            changes.setdefault(index, []).append(change)
        if self.is_pure:
            return _written_out(self.names, changes, start)

        def make(row: Sequence[Any]) -> dict[str, Any]:
            values = list(row[start:])
            for index, steps in changes.items():
                for step in steps:
                    values[index] = step(values[index])
            return dict(zip(self.names, values, strict=True))

        return make


class Makers:
    """What shows rows of one form in the ways that are asked for."""

    def __init__(self, converters: Iterable[tuple[int, Maker]], start: int) -> None:
        self._converters, self._start = tuple(converters), start
        self._kept: dict[Representation, Show] = {}

    def get(self, representation: Representation) -> Show:
        found = self._kept.get(representation)
        if found is None:
            found = representation.maker(self._converters, self._start)
            if representation.is_pure:  # the others are made for a request
                self._kept[representation] = found
        return found


def _written_out(names: Sequence[str], changes: Mapping[int, Sequence[Maker]], start: int) -> Show:
    """A function with a display of the dictionary, as dataclasses are made: half the time of filling one in a loop."""
    scope: dict[str, Any] = {}
    parts = []
    for index, name in enumerate(names):
        value = f"row[{start + index}]"
        for step, change in enumerate(changes.get(index, ())):
            scope[f"change_{index}_{step}"] = change
            value = f"change_{index}_{step}({value})"
        parts.append(f"{name!r}: {value}")
    made: Show = eval(f"lambda row: {{{', '.join(parts)}}}", scope)  # noqa: S307
    return made


def is_ours(cls: type, name: str) -> bool:
    """Whether ``cls`` has ``name`` from us or from DRF, and not from the site."""
    for base in cls.__mro__:
        if name in vars(base):
            return f"{base.__module__}.".startswith(LIBRARIES)
    return True


def representation_of(serializer: serializers.BaseSerializer[Any], model: type[models.Model]) -> Representation | None:
    """How to show ``model``'s rows as ``serializer`` would, or ``None`` when only the serializer itself can."""
    if not all(is_ours(type(serializer), name) for name in ("to_representation", "data", "_readable_fields")):
        return None
    names, lookups, makers, texts = [], [], [], set()
    is_pure = True
    readable: Any = serializer._readable_fields  # type: ignore[attr-defined]
    for index, field in enumerate(readable):
        found = own.column_of(field, model)
        if found is None:
            return None
        lookup, column = found
        if not _shows_just(field, column, model):
            return None
        names.append(field.field_name)
        lookups.append(lookup)
        maker, is_known = _maker(field, column)
        is_pure = is_pure and is_known
        if maker is not None:
            makers.append((index, maker))
        if maker in (money, utc_text) and isinstance(column, (models.DecimalField, models.DateTimeField)):
            texts.add(index)
    return Representation(tuple(names), tuple(lookups), tuple(makers), frozenset(texts), is_pure)


def _shows_just(field: Any, column: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether what ``field`` shows is made of the value of ``column`` alone, as the database has it."""
    if type(field).get_attribute not in (serializers.Field.get_attribute, relations.RelatedField.get_attribute):
        return False
    if isinstance(field, relations.RelatedField) and (
        type(field) not in KEY_FIELDS or getattr(field, "pk_field", None)
    ):
        return False
    # A file, for one, has a descriptor that makes an object of the value.
    if type(getattr(column.model, column.attname)) not in (DeferredAttribute, ForeignKeyDeferredAttribute):
        return False
    owner: Any = model
    for step in field.source.split(".")[:-1]:
        relation = owner._meta.get_field(step)
        if relation.null and not (field.allow_null and field.default is serializers.empty):
            return False  # left out, or a default, where there is no such row
        owner = relation.related_model
    return all(_is_loaded_plainly(cls) for cls in {model, owner})


def _is_loaded_plainly(model: Any) -> bool:
    """Whether instances have the values that the database has."""
    ordinary: Any = models.Model
    loads = model.from_db.__func__ is ordinary.from_db.__func__ and model.__init__ is ordinary.__init__
    return loads and not signals.post_init.has_listeners(model)


def _maker(field: Any, column: models.Field[Any, Any]) -> tuple[Maker | None, bool]:
    """What ``field`` makes of a value of ``column`` (``None``: the value itself), and whether we know the field."""
    kind = type(field)
    if "to_representation" in vars(field):
        return (lambda value: None if value is None else field.to_representation(value)), False
    if kind is own.MoneyField and isinstance(column, models.DecimalField) and _is_usual_money(field):
        return money, True
    if kind is own.UTCDateTimeField and isinstance(column, models.DateTimeField):
        return utc_text, True
    same: tuple[type, ...] = (serializers.ReadOnlyField, *KEY_FIELDS)
    if not type(column).__module__.startswith("django."):
        pass  # its values may be of a type of its own
    elif isinstance(column, (models.CharField, models.TextField)):
        same += (serializers.CharField, own.TextField, serializers.EmailField, serializers.URLField)
    elif isinstance(column, models.IntegerField):
        same += (serializers.IntegerField,)
    elif isinstance(column, models.BooleanField):
        same += (serializers.BooleanField, own.StrictBooleanField)
    if kind in same or (kind is own.JSONObjectField and not field.binary):
        return None, True
    # Those go by the time zone and the language of whoever asks.
    for_the_caller = isinstance(field, serializers.DateTimeField) or getattr(field, "localize", False)
    known = kind.__module__.startswith(("rest_framework.", "django_shopcore.")) and not for_the_caller
    return (lambda value: None if value is None else field.to_representation(value)), known


def _is_usual_money(field: Any) -> bool:
    as_text = field.coerce_to_string and not field.normalize_output
    return field.decimal_places == 2 and as_text and field.rounding is None


def utc_text(value: Any) -> str | None:
    """A time, or PostgreSQL's text of one, as RFC 3339 in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        length, in_utc = len(value), value[-3:] == "+00"
        if in_utc and length == WITH_MICROSECONDS:
            return f"{value[:10]}T{value[11:26]}Z"
        if in_utc and length in WITH_FRACTION:
            return f"{value[:10]}T{value[11:-3]:0<15}Z"
        if in_utc and length == WITHOUT_FRACTION:
            return f"{value[:10]}T{value[11:-3]}Z"
        value = parse_datetime(value)
    text: str = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else own.utc(value).isoformat().replace("+00:00", "Z")


def money(value: Any) -> str | None:
    """An amount, or PostgreSQL's text of one, with two places."""
    if value is None:
        return None
    text = str(value)
    return text if text[-3:-2] == "." and "E" not in text else str(Decimal(value).quantize(CENTS))
