"""How many products of a list there are per category, price and stock, from one bounded read.

::

    WITH found AS (the matching rows; or those of them in a sample of the table's pages)
    SELECT the tables' tokens, the number of rows found per category and per price

Up to ``SHOPCORE_CATALOG_FACET_BOUND`` matching rows are all read. Where there are more, PostgreSQL reads pages
chosen at random (``TABLESAMPLE``), so that the cost does not grow with the table; other databases read all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models import F
from django.db.models.sql.datastructures import BaseTable

from django_shopcore.core.execution import fetch
from django_shopcore.core.plans import Compiled, Slot, bind
from django_shopcore.core.statements import VERSIONS, version_column

# Rows of the table in a sample, as multiples of the bound: more for a filter that lets few of them pass.
SMALLEST_SAMPLE, LARGEST_SAMPLE = 2, 4
# How far the planner's estimate may be from the sample's; two standard deviations of the sample come on top.
TOLERANCE = 0.05
# The same pages each time for as long as nothing changes.
SEED = 1
DIGITS = 18  # of the highest amount in cents that the database's numbers hold

# ``cell_of`` in SQL.
CELL = "".join(
    f"WHEN cents < {10**digits} THEN cents / {10 ** (digits - 2)} * {10 ** (digits - 2)} "
    for digits in range(2, DIGITS)
)
CELL = f"CASE {CELL}ELSE cents / {10 ** (DIGITS - 2)} * {10 ** (DIGITS - 2)} END"
SQL = """WITH RECURSIVE found AS {materialized} (
  SELECT "_category" AS category, "_in_stock" AS in_stock, CAST(round("_price" * 100) AS bigint) AS cents
  FROM ({rows}{limit}) matching
), counted AS (SELECT category, count(*) AS number FROM found GROUP BY category),
tree("_pk", "_parent", "_name", "_slug") AS {inline} ({categories}),
line AS (
  SELECT tree.* FROM tree WHERE "_pk" IN (SELECT category FROM counted)
  UNION SELECT tree.* FROM tree JOIN line ON tree."_pk" = line."_parent"
)
SELECT {meta}part.* FROM (SELECT 1) one LEFT JOIN (
  SELECT line.*, counted.number, NULL AS in_stock, NULL AS low, NULL AS high
  FROM line LEFT JOIN counted ON counted.category = line."_pk"
  UNION ALL
  SELECT NULL, NULL, NULL, NULL, count(*), in_stock, min(cents), max(cents) FROM found GROUP BY {cell}, in_stock
) part ON 1 = 1"""


class CategoryCount(NamedTuple):
    """A category and how many rows were found right in it."""

    id: Any
    parent: Any
    name: str
    slug: str
    number: int


class PriceCount(NamedTuple):
    """How many rows were found in one cell of prices, in stock or not; ``low`` and ``high`` of them, in cents."""

    number: int
    in_stock: bool
    low: int
    high: int


@dataclass
class Found:
    """What a statement found. ``share``: how much of the table was looked at."""

    share: float = 1.0
    categories: list[CategoryCount] = field(default_factory=list)
    prices: list[PriceCount] = field(default_factory=list)
    # How many rows match: as the table's version knows it, and as the planner expects.
    known: int | None = None
    expected: int = 0
    tokens: dict[str, str] | None = None
    # The text that was searched for instead of the request's.
    meant: str | None = None

    @property
    def number(self) -> int:
        """How many rows were found."""
        return sum(price.number for price in self.prices)

    @property
    def is_exact(self) -> bool:
        return self.share == 1

    @property
    def count(self) -> int:
        """How many rows match: where it is an estimate that of the list, unless the sample contradicts it."""
        number = self.number
        if self.is_exact:
            return number
        if self.known is not None:
            return self.known
        estimate = round(number / self.share)
        deviation = TOLERANCE + 2 / math.sqrt(number or 1)
        return self.expected if abs(self.expected - estimate) <= estimate * deviation else estimate


class Sampled(BaseTable):
    """The table of a query, some of whose pages are read, each as likely as any other."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, params = super().as_sql(compiler, connection)
        return f"{sql} TABLESAMPLE SYSTEM (%s) REPEATABLE ({SEED})", [*params, Slot("_percent", models.FloatField())]


def sampled(queryset: Any) -> Any:
    """``queryset`` on a sample of its table."""
    queryset = queryset.all()
    name = queryset.query.get_initial_alias()
    table = queryset.query.alias_map[name]
    queryset.query.alias_map[name] = Sampled(table.table_name, table.table_alias)
    return queryset


@dataclass(frozen=True)
class Counting:
    """What is counted: the products of ``queryset`` in those of ``categories``, which the caller may see.

    Up to ``bound`` of them exactly. ``counter`` names the column of the table's version that holds their number.
    Tokens are read of the tables ``watched``, if there are any.
    """

    queryset: Any
    categories: Any
    bound: int
    counter: str | None = None
    watched: frozenset[str] = frozenset()


class FacetStatement:
    """A ``Counting`` compiled: runs with any values for its slots."""

    def __init__(self, counting: Counting) -> None:
        self.counting = counting
        self.alias: str = counting.queryset.db
        self.table: str = counting.queryset.model._meta.db_table
        self.samples = connections[self.alias].vendor == "postgresql"
        self.rows = self._rows(counting.queryset)
        self.sample = self._rows(sampled(counting.queryset)) if self.samples and self.rows else None
        self.tree = self._tree()
        tables = self.rows.tables if self.rows else frozenset()
        self.versions = sorted(tables | counting.watched) if counting.watched else []

    def _rows(self, queryset: Any) -> Compiled | None:
        columns = {"_category": F("category_id"), "_price": F("price"), "_in_stock": F("in_stock")}
        # With the key: a site's DISTINCT must not take two products of a price for one.
        rows = queryset.order_by().annotate(_pk=F("pk"), **columns)
        return Compiled.of(rows.values_list("_pk", *columns), self.alias)

    def _tree(self) -> Compiled | None:
        columns = {"_pk": F("pk"), "_parent": F("parent_id"), "_name": F("name"), "_slug": F("slug")}
        rows = self.counting.categories.using(self.alias).order_by().annotate(**columns)
        return Compiled.of(rows.values_list(*columns), self.alias)

    def read(self, values: Mapping[str, Any]) -> Found:
        """All matching rows if there are few enough, a sample of them if there are not."""
        if self.rows is None or self.tree is None:
            return Found()
        if not self.samples:
            return self._run(self.rows, self.tree, values)
        bound = self.counting.bound
        expected, everything = self._expected(values), None
        if expected <= bound:
            everything = self._run(self.rows, self.tree, values, bound + 1)
            if everything.number <= bound:
                return everything
        found = self._sample(values, expected)
        if everything is None and not found.is_exact and found.count <= bound:
            everything = self._run(self.rows, self.tree, values, bound + 1)
            if everything.number <= bound:
                return everything
        return found

    def _expected(self, values: Mapping[str, Any]) -> int:
        """How many rows match, as the planner has it."""
        assert self.rows is not None  # noqa: S101
        params = bind(self.rows.params, values, connections[self.alias])
        [(plan, *_), *_] = fetch(self.alias, f"EXPLAIN {self.rows.sql}", params)
        match = re.search(r"rows=(\d+)", plan)
        return int(match[1]) if match else 0

    def _sample(self, values: Mapping[str, Any], expected: int) -> Found:
        assert self.sample is not None  # noqa: S101
        assert self.tree is not None  # noqa: S101
        sql = (
            f'SELECT greatest((SELECT total FROM {VERSIONS} WHERE "table" = %s), '  # noqa: S608 - names of ours
            "(SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)), 1)"
        )
        [[total]] = fetch(self.alias, sql, [self.table, connections[self.alias].ops.quote_name(self.table)])
        wanted = SMALLEST_SAMPLE * total / max(expected, 1)
        size = self.counting.bound * min(max(wanted, SMALLEST_SAMPLE), LARGEST_SAMPLE)
        share = min(size / total, 1)
        found = self._run(self.sample, self.tree, {**values, "_percent": 100 * share}, share=share)
        found.expected = expected
        return found

    def _run(
        self, rows: Compiled, tree: Compiled, values: Mapping[str, Any], limit: int | None = None, share: float = 1
    ) -> Found:
        connection = connections[self.alias]
        meta = [version_column("token", table) for table in self.versions]
        if self.counting.counter:
            meta.append(version_column(self.counting.counter, self.table))
        sql = SQL.format(
            rows=rows.sql,
            categories=tree.sql,
            meta="".join(f"{part}, " for part in meta),
            limit=f" LIMIT {limit}" if limit else "",
            cell=CELL,
            materialized="MATERIALIZED" if self.samples else "",
            inline="NOT MATERIALIZED" if self.samples else "",
        )
        params = [*bind(rows.params, values, connection), *bind(tree.params, values, connection)]
        return self._found(fetch(self.alias, sql, params), tree, Found(share))

    def _found(self, raw: list[tuple[Any, ...]], tree: Compiled, found: Found) -> Found:
        start = len(self.versions) + bool(self.counting.counter)
        tokens = dict(zip(self.versions, raw[0], strict=False))
        found.tokens = tokens if tokens and all(tokens.values()) else None
        found.known = raw[0][start - 1] if self.counting.counter else None
        for row in raw:
            category, (number, in_stock, low, high) = list(row[start:-4]), row[-4:]
            if low is not None:
                found.prices.append(PriceCount(number, bool(in_stock), low, high))
            elif category[0] is not None:
                for index, convert in tree.converters:
                    category[index] = convert(category[index])
                key, parent, name, slug = category
                found.categories.append(CategoryCount(key, parent, name, slug, number or 0))
        return found


def cell_of(cents: int) -> tuple[int, int]:
    """The first two digits of an amount say which cell of prices it is in: the cell's start and its end."""
    width = 10 ** max(len(str(cents)) - 2, 0)
    start = cents // width * width
    return start, start + width
