"""SQL compiled once for each shape of a query, from the ordinary queryset, and run again with other values.

Building a queryset and compiling it costs more than running most of them. A ``Slot`` stands in the queryset
for a value that differs from request to request; the compiled statement is kept, and binding it is all that is
left to do. What is kept is never guessed: the queryset itself says what its SQL is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models import Func, Value

Converter = Callable[[Any], Any]
KEPT_SHAPES = 512


class Slot(Value):
    """An expression whose value is given when the statement runs; ``name`` says which.

    ``output_field`` prepares the value for the database, as a lookup against that field would.
    """

    def __init__(self, name: str, output_field: models.Field[Any, Any]) -> None:
        super().__init__(f"slot {name}", output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def prepared(self, value: Any, connection: Any) -> Any:
        """``value`` as the database takes it."""
        return self.output_field.get_db_prep_value(value, connection, prepared=False)


class ManySlot(Slot):
    """A list of values in one parameter, for ``InList``."""

    def prepared(self, value: Any, connection: Any) -> Any:
        values = [super(ManySlot, self).prepared(item, connection) for item in value]
        return values if connection.vendor == "postgresql" else json.dumps(values)


class InList(Func):
    """Whether the first expression is among the values of a ``ManySlot``: one parameter, however many they are."""

    output_field = models.BooleanField()
    conditional = True

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        (left, before), (right, after) = (compiler.compile(part) for part in self.get_source_expressions())
        if connection.vendor == "postgresql":
            return f"{left} = ANY({right})", (*before, *after)
        return f"{left} IN (SELECT value FROM json_each({right}))", (*before, *after)  # noqa: S608


@dataclass(frozen=True)
class Compiled:
    """A queryset's SQL, its parameters (values and slots), and what makes Python values of its columns."""

    sql: str
    params: tuple[Any, ...]
    converters: tuple[tuple[int, Converter], ...]
    tables: frozenset[str]

    @classmethod
    def of(cls, queryset: Any, alias: str) -> Compiled | None:
        """Compiles ``queryset`` (a ``values_list``); ``None`` for one that cannot match anything."""
        query = queryset.query
        compiler = query.get_compiler(using=alias)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return None
        connection = connections[alias]
        converters = compiler.get_converters([expression for expression, _, _ in compiler.select])
        chains = tuple((index, _chain(found, connection)) for index, found in sorted(converters.items()))
        tables = frozenset(str(join.table_name) for name, join in query.alias_map.items() if query.alias_refcount[name])
        return cls(sql, tuple(params), chains, tables)


def _chain(found: Any, connection: Any) -> Converter:
    functions, expression = found
    column = expression.output_field
    if type(column) is models.JSONField and column.decoder is None and len(functions) == 1:
        return _from_json(functions[0], expression, connection)

    def convert(value: Any) -> Any:
        for function in functions:
            value = function(value, expression, connection)
        return value

    return convert


def _from_json(function: Any, expression: Any, connection: Any) -> Converter:
    """Most objects are empty."""
    return lambda value: {} if value == "{}" else function(value, expression, connection)


def bind(params: Sequence[Any], values: Mapping[str, Any], connection: Any) -> list[Any]:
    """``params`` with the slots filled from ``values``."""
    return [param.prepared(values[param.name], connection) if isinstance(param, Slot) else param for param in params]


class Shapes:
    """The statements made so far, by shape. The oldest go when there are too many."""

    def __init__(self, limit: int = KEPT_SHAPES) -> None:
        self._kept: dict[Any, Any] = {}
        self._limit = limit

    def get(self, shape: Any, make: Callable[[], Any]) -> Any:
        """What is kept for ``shape``, made by ``make`` if need be."""
        try:
            return self._kept[shape]
        except KeyError:
            made = make()
        self.put(shape, made)
        return made

    def peek(self, shape: Any) -> Any:
        return self._kept.get(shape)

    def clear(self) -> None:
        self._kept.clear()

    def put(self, shape: Any, made: Any) -> None:
        if len(self._kept) >= self._limit:
            # Another thread may be doing the same.
            for old in list(self._kept)[: self._limit // 4]:
                self._kept.pop(old, None)
        self._kept[shape] = made
