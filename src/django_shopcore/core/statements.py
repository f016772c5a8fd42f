"""The one statement that reads a page of a list, or one row: made from querysets by ``plans``.

::

    WITH keys AS (the page's keys in their order, from an index alone where there is one)
    SELECT the tables' tokens, the count, the columns shown
    FROM keys JOIN the rows

Deep pages skip index entries and not rows; tokens, count and rows are of one snapshot. Near the start of a list keys
and columns come from one scan, which saves finding each row by its key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connections, models
from django.db.models import F
from django.db.models.functions import Cast

from .conf import core_settings
from .execution import fetch
from .models import TableVersion
from .plans import Compiled, Shapes, Slot, bind
from .representation import Makers, Representation

VERSIONS = TableVersion._meta.db_table
HIT = "_hit"
LIMIT = "LIMIT /* rows */"  # where the page's limits go in the SQL
# Up to here rows are read and thrown away; beyond it only their keys.
NEAR = 100


@dataclass
class Rows:
    """What a statement read. ``keys`` holds each row's place in the order, its primary key first."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    count: int | None = None
    count_is_exact: bool = True
    # None where the tables have no versions, or this transaction's own writes are not in them yet.
    tokens: dict[str, str] | None = None

    def cut(self, size: int) -> bool:
        """Keeps the first ``size`` rows; returns whether there were more."""
        more = len(self.keys) > size
        del self.keys[size:], self.rows[size:]
        return more

    def reverse(self) -> None:
        self.keys.reverse()
        self.rows.reverse()


@dataclass(frozen=True)
class Walk:
    """The first so many of ``rows`` are looked through for those that match: whose annotation ``HIT`` is true."""

    rows: Any
    most: int


@dataclass(frozen=True)
class Reading:
    """What is read: ``queryset``, filtered and in a total order of ``ordering`` (names, ``-`` for descending).

    ``whole`` is the queryset without the place to start from: what is counted.
    ``lookups`` name the columns; without any only keys are read. ``counted``: whether matching rows
    are counted; ``counter`` names the column of the table's version that holds their number. ``candidates``
    bounds how many matching rows are looked at, all before they are ordered. ``versioned``: whether tokens are
    read, those of the tables ``watched`` in any case. ``stable``: one plan is the best for all values. With a
    ``walk`` there are known to be more than are counted.
    """

    queryset: Any
    whole: Any
    ordering: Sequence[str]
    alias: str
    lookups: tuple[str, ...] | None = None
    texts: frozenset[int] = frozenset()
    counted: bool = False
    counter: str | None = None
    candidates: int | None = None
    versioned: bool = False
    watched: frozenset[str] = frozenset()
    stable: bool = False
    walk: Walk | None = None


class Statement:
    """A ``Reading`` compiled: runs with any values for its slots."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._limited = Shapes(16)
        self.vendor = connections[reading.alias].vendor
        model = reading.queryset.model
        self.names = [name.lstrip("-") for name in reading.ordering]
        aliases = {f"_o{index}": F(name) for index, name in enumerate(self.names)}
        keys = reading.queryset.annotate(_pk=F(model._meta.pk.name), **aliases)
        alias, keys_only = reading.alias, keys.order_by().values_list("_pk", *aliases)
        # With bounded candidates the order comes after the bound.
        ordered = keys_only.order_by(*reading.ordering) if reading.candidates is None else keys_only
        self.keys = Compiled.of(ordered, alias) if reading.walk is None else self._walked(reading.walk, aliases)
        self.matching: Compiled | None = None
        if reading.counted and reading.candidates is None:
            self.matching = Compiled.of(reading.whole.order_by().values_list("pk"), alias)
        self.columns = self._columns(model)
        self.near = self._near(keys)
        self.tables: frozenset[str] = frozenset()
        if self.keys is not None:
            self.tables = self.keys.tables | reading.watched | (self.columns.tables if self.columns else frozenset())
            self._assemble()

    def _columns(self, model: type[models.Model]) -> Compiled | None:
        if self.reading.lookups is None:
            return None
        shown = shown_columns(self.reading.lookups, self.reading.texts, self.vendor)
        # No manager of the site's: the keys say which rows.
        rows = models.QuerySet(model).order_by().annotate(_pk=F(model._meta.pk.name), **shown)
        return Compiled.of(rows.values_list("_pk", *shown), self.reading.alias)

    def _walked(self, walk: Walk, aliases: Mapping[str, Any]) -> Compiled | None:
        rows = walk.rows.annotate(_pk=F(walk.rows.model._meta.pk.name), **aliases).order_by(*self.reading.ordering)
        compiled = Compiled.of(rows.values_list("_pk", *aliases, HIT)[: walk.most], self.reading.alias)
        if compiled is None:
            return None
        names = ", ".join(f'"{name}"' for name in ("_pk", *aliases))
        return replace(
            compiled,
            sql=f'SELECT {names} FROM ({compiled.sql}) walked WHERE "{HIT}" ORDER BY {self._order()}',
        )

    def _order(self) -> str:
        directions = enumerate(self.reading.ordering)
        return ", ".join(f'"_o{index}"{" DESC" if name.startswith("-") else ""}' for index, name in directions)

    def _near(self, keys: Any) -> Compiled | None:
        """Keys and columns in one, where adding columns changes nothing about which rows there are."""
        query = keys.query
        if self.columns is None or self.reading.candidates is not None or self.reading.walk is not None:
            return None
        if query.distinct or query.combinator or query.extra or query.group_by is not None:
            return None
        # With a filter the planner may expect a single row, and join other tables as is best for one.
        if self.keys is None or any(isinstance(value, Slot) and value.name[:2] != "_k" for value in self.keys.params):
            return None
        shown = shown_columns(self.reading.lookups or (), self.reading.texts, self.vendor)
        places = [f"_o{index}" for index in range(len(self.names))]
        rows = keys.order_by(*self.reading.ordering).annotate(**shown).values_list("_pk", *places, *shown)
        return Compiled.of(rows, self.reading.alias)

    def _assemble(self) -> None:
        assert self.keys is not None  # noqa: S101
        order = self._order()
        materialized = " MATERIALIZED" if self.vendor == "postgresql" else ""
        meta, params = self._meta()
        if self.reading.candidates is None:
            with_keys = f"WITH keys AS{materialized} ({self.keys.sql} {LIMIT})"
        else:
            with_keys = (
                f"WITH found AS{materialized} ({self.keys.sql} LIMIT {self.reading.candidates + 1}), "
                f"keys AS (SELECT * FROM found ORDER BY {order} {LIMIT})"
            )
        places = "".join(f', keys."_o{index}"' for index in range(len(self.names)))
        source, shown = "keys", ""
        if self.columns is not None:
            source = f'(keys JOIN ({self.columns.sql}) page ON page."_pk" = keys."_pk")'
            shown = "".join(f', page."_c{index}"' for index in range(len(self.reading.lookups or ())))
        outer = re.sub(r'"(_o\d+)"', r'keys."\1"', order)
        # The outer join gives a row with the count and the tokens also where the page is empty.
        self.sql = (
            f'{with_keys} SELECT {meta}keys."_pk"{places}{shown} FROM (SELECT 1) one '
            f"LEFT JOIN {source} ON 1 = 1 ORDER BY {outer}"
        )
        if self.near is not None:
            order = re.sub(r'"(_o\d+)"', r'page."\1"', order)
            # A page without rows has no count and no tokens either: then the other one is asked.
            self.near_sql = f"SELECT {meta}page.* FROM ({self.near.sql} {LIMIT}) page ORDER BY {order}"
            self.near_params = (*params, *self.near.params)
        slots = [param.name for param in (*self.keys.params, *params) if isinstance(param, Slot)]
        # Where only a place in an index differs, one plan is the best too.
        self.is_stable = self.reading.stable or all(name.startswith("_k") for name in slots)
        converters = self.columns.converters if self.columns else ()
        before = self.meta_columns + 1 + len(self.names)
        self._makers = Makers([(index - 1, convert) for index, convert in converters if index], before)
        self.params = (*self.keys.params, *params, *(self.columns.params if self.columns else ()))

    def _meta(self) -> tuple[str, tuple[Any, ...]]:
        """The columns about the whole: tokens, then counter and count."""
        self.versions = sorted(self.tables) if self.reading.versioned else []
        parts = [version_column("token", table) for table in self.versions]
        params: tuple[Any, ...] = ()
        if self.reading.counted:
            counter = self.reading.counter and version_column(
                self.reading.counter, self.reading.queryset.model._meta.db_table
            )
            if self.reading.candidates is not None:
                count = "(SELECT count(*) FROM found)"
            elif self.matching is None:
                count = "0"
            elif self.reading.walk is not None:
                count = str(core_settings.COUNT_BOUND + 1)
            else:
                bound = f" LIMIT {core_settings.COUNT_BOUND + 1}" if self.vendor == "postgresql" else ""
                count, params = f"(SELECT count(*) FROM ({self.matching.sql}{bound}) matching)", self.matching.params
            parts += [counter, f"CASE WHEN {counter} IS NULL THEN {count} END"] if counter else ["NULL", count]
        self.meta_columns = len(parts)
        return "".join(f"{part}, " for part in parts), params

    def run(
        self, values: Mapping[str, Any], limit: int, offset: int = 0, representation: Representation | None = None
    ) -> Rows:
        """Reads at most ``limit`` rows after the first ``offset``; shows them as ``representation`` says.

        Of as many as ``limit`` the last only tells that there are more: it is not shown.
        """
        result = Rows()
        if self.keys is None:
            result.count = 0 if self.reading.counted else None
            return result
        raw: list[Any] = []
        if self.near is not None and offset <= NEAR:
            raw = self._fetch(self.near_sql, self.near_params, values, limit, offset)
        if not raw:
            raw = self._fetch(self.sql, self.params, values, limit, offset)
        self._read_meta(raw[0], result, values)
        if raw[0][self.meta_columns] is not None:
            self._read_rows(raw, result, representation, limit - 1)
        return result

    def _fetch(
        self, sql: str, params: Sequence[Any], values: Mapping[str, Any], limit: int, offset: int
    ) -> list[tuple[Any, ...]]:
        # Literals: the planner is to know how few rows are wanted.
        limited = f"LIMIT {limit} OFFSET {offset}" if offset else f"LIMIT {limit}"
        sql = self._limited.get((sql is self.sql, limited), lambda: sql.replace(LIMIT, limited, 1))
        bound = bind(params, values, connections[self.reading.alias])
        return fetch(self.reading.alias, sql, bound, prepare=self.is_stable and not offset)

    def _read_meta(self, row: Sequence[Any], result: Rows, values: Mapping[str, Any]) -> None:
        if self.reading.versioned:
            tokens = dict(zip(self.versions, row, strict=False))
            result.tokens = tokens if all(tokens.values()) else None
        if self.reading.counted:
            counter, count = row[self.meta_columns - 2], row[self.meta_columns - 1]
            result.count = counter if counter is not None else count
            if counter is None and self.vendor == "postgresql" and self.reading.candidates is None:
                self._estimate(result, values)

    def _estimate(self, result: Rows, values: Mapping[str, Any]) -> None:
        """Above the bound the planner's estimate."""
        assert self.matching is not None  # noqa: S101
        assert result.count is not None  # noqa: S101
        if result.count <= core_settings.COUNT_BOUND:
            return
        connection = connections[self.reading.alias]
        params = bind(self.matching.params, values, connection)
        [(first, *_), *_] = fetch(self.reading.alias, f"EXPLAIN {self.matching.sql}", params)
        match = re.search(r"rows=(\d+)", first)
        result.count, result.count_is_exact = max(result.count, int(match[1]) if match else 0), False

    def _read_rows(
        self, raw: Sequence[Sequence[Any]], result: Rows, representation: Representation | None, most: int
    ) -> None:
        assert self.keys is not None  # noqa: S101
        first, shown = self.meta_columns, self.meta_columns + 1 + len(self.names)
        result.keys = [tuple(row[first:shown]) for row in raw]
        if self.keys.converters:
            result.keys = [_converted(list(key), self.keys.converters) for key in result.keys]
        if representation is None or self.columns is None:
            return
        show = self._makers.get(representation)
        result.rows = [show(row) for row in raw[:most]]


def shown_columns(lookups: Sequence[str], texts: frozenset[int], vendor: str) -> dict[str, Any]:
    return {
        f"_c{index}": Cast(lookup, models.TextField()) if index in texts and vendor == "postgresql" else F(lookup)
        for index, lookup in enumerate(lookups)
    }


def version_column(column: str, table: str) -> str:
    """SQL for what the version of ``table`` says, in the snapshot of the statement it is part of."""
    name = table.replace("'", "''").replace("%", "%%")
    return f"""(SELECT {column} FROM {VERSIONS} WHERE "table" = '{name}')"""


def _converted(values: list[Any], converters: Sequence[tuple[int, Any]]) -> tuple[Any, ...]:
    for index, convert in converters:
        values[index] = convert(values[index])
    return tuple(values)
