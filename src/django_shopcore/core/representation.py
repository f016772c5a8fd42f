"""What a serializer shows of a row, told from its fields once, so that rows need neither instance nor serializer.

A serializer whose every field shows a column (of the row, or of a row it refers to) is read as tuples of just
those columns; so is an extension whose serializer is such a one. One with a method field, a property or a
``to_representation`` of its own is run as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import signals
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from rest_framework import relations, serializers

from . import fields as own
from .extension_fields import ExtensionField
from .plans import Shapes
from .texts import USUAL_TEXTS, money, utc_text

Maker = Callable[[Any], Any]
Show = Callable[[Sequence[Any]], dict[str, Any]]
KEY_FIELDS = (own.KeyField, relations.PrimaryKeyRelatedField)
# What decides which fields a serializer has.
OWN_SERIALIZER = (
    *("__init__", "__new__", "many_init", "context", "fields", "_readable_fields"),
    *(name for name in dir(serializers.ModelSerializer) if name.startswith(("build_", "get_", "include_"))),
)
LIBRARIES = ("django.", "django_filters.", "django_shopcore.", "drf_spectacular.", "rest_framework.")


@dataclass(frozen=True)
class Nested:
    """An object made of ``names`` with the columns from the one after ``key`` on; null where ``key`` is null."""

    name: str
    key: int
    names: tuple[str, ...]
    table: str


@dataclass(frozen=True, eq=False)
class Representation:
    """``names`` of the fields, the ``lookups`` their values are read from, and what turns values into JSON's.

    The columns of ``nested`` fields come after those of all others.
    """

    names: tuple[str, ...]
    lookups: tuple[str, ...]
    makers: tuple[tuple[int, Maker], ...]
    # Where PostgreSQL's own text is nearly what is shown, and making a Python value of it is wasted.
    texts: frozenset[int] = frozenset()
    # Whether it holds for any request: no field of the site's own takes part, which may ask who is reading.
    is_pure: bool = True
    nested: tuple[Nested, ...] = ()

    @cached_property
    def summary(self) -> str:
        """What is shown, in a line."""
        return f"{self.names} {self.lookups} {self.nested}"

    @cached_property
    def tables(self) -> frozenset[str]:
        """Those of the nested objects."""
        return frozenset(part.table for part in self.nested)

    def maker(self, converters: Iterable[tuple[int, Maker]], start: int) -> Show:
        """What shows a row as it was read, whose columns begin at ``start`` and need these ``converters`` first."""
        changes: dict[int, list[Maker]] = {}
        for index, change in (*converters, *self.makers):
            changes.setdefault(index, []).append(change)
        if self.is_pure:
            return _written_out(self, changes, start)
        nested = {part.name: part for part in self.nested}

        def make(row: Sequence[Any]) -> dict[str, Any]:
            values = list(row[start:])
            for index, steps in changes.items():
                for step in steps:
                    values[index] = step(values[index])
            plain = iter(values)
            return {name: _object(nested[name], values) if name in nested else next(plain) for name in self.names}

        return make


class Makers:
    """What shows rows of one form in the ways that are asked for."""

    def __init__(self, converters: Iterable[tuple[int, Maker]], start: int) -> None:
        self._converters, self._start = tuple(converters), start
        self._kept = Shapes(64)

    def get(self, representation: Representation) -> Show:
        found: Show | None = self._kept.peek(representation)
        if found is None:
            found = representation.maker(self._converters, self._start)
            if representation.is_pure:  # the others are made for a request
                self._kept.put(representation, found)
        return found


def _object(part: Nested, values: Sequence[Any]) -> dict[str, Any] | None:
    if values[part.key] is None:
        return None
    return dict(zip(part.names, values[part.key + 1 :], strict=False))


def _written_out(shown: Representation, changes: Mapping[int, Sequence[Maker]], start: int) -> Show:
    """A function with a display of the dictionary, as dataclasses are made: half the time of filling one in a loop."""
    scope: dict[str, Any] = {}

    def value_of(index: int) -> str:
        value = f"row[{start + index}]"
        for step, change in enumerate(changes.get(index, ())):
            name = f"change_{index}_{step}"
            scope[name] = change
            usual = USUAL_TEXTS.get(change, "CHANGE(VALUE)")
            value = f"({usual.replace('VALUE', value).replace('CHANGE', name)})"
        return value

    def display(names: Iterable[str], first: int) -> str:
        return ", ".join(f"{name!r}: {value_of(index)}" for index, name in enumerate(names, first))

    objects = {
        part.name: f"None if row[{start + part.key}] is None else {{{display(part.names, part.key + 1)}}}"
        for part in shown.nested
    }
    plain = iter(range(len(shown.lookups)))
    parts = (f"{name!r}: {objects.get(name) or value_of(next(plain))}" for name in shown.names)
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
    found = _Columns()
    readable = list(serializer._readable_fields)  # type: ignore[attr-defined]
    for field in readable:
        found.names.append(field.field_name)
        if not isinstance(field, ExtensionField) and not found.add(field, model):
            return None
    for field in readable:
        if isinstance(field, ExtensionField) and not found.add_nested(field):
            return None
    return found.representation()


class _Columns:
    """The parts of a ``Representation``, while they are being found."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.lookups: list[str] = []
        self.makers: list[tuple[int, Maker]] = []
        self.texts: set[int] = set()
        self.is_pure = True
        self.nested: list[Nested] = []

    def add(self, field: Any, model: type[models.Model]) -> bool:
        """Whether ``field`` shows just a column, which is noted then."""
        found = own.column_of(field, model)
        if found is None:
            return False
        lookup, column = found
        if not _shows_just(field, column, model):
            return False
        index = len(self.lookups)
        self.lookups.append(lookup)
        maker, is_known = _maker(field, column)
        self.is_pure = self.is_pure and is_known
        if maker is not None:
            self.makers.append((index, maker))
        if maker in (money, utc_text) and isinstance(column, (models.DecimalField, models.DateTimeField)):
            self.texts.add(index)
        return True

    def add_nested(self, field: ExtensionField) -> bool:
        """The same of an extension, all of whose fields have to show columns."""
        extension, serializer = field.extension, field.serializer
        inner = representation_of(serializer, extension.related_model)
        if inner is None:
            return False
        key, first = len(self.lookups), len(self.lookups) + 1
        self.lookups += [f"{extension.lookup}__{name}" for name in ("pk", *inner.lookups)]
        self.makers += [(first + index, maker) for index, maker in inner.makers]
        self.texts |= {first + index for index in inner.texts}
        fixed = all(is_ours(type(serializer), name) for name in OWN_SERIALIZER)
        self.is_pure = self.is_pure and inner.is_pure and fixed
        table = extension.related_model._meta.db_table
        self.nested.append(Nested(str(field.field_name), key, inner.names, table))
        return True

    def representation(self) -> Representation:
        return Representation(
            tuple(self.names),
            tuple(self.lookups),
            tuple(self.makers),
            frozenset(self.texts),
            self.is_pure,
            tuple(self.nested),
        )


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
