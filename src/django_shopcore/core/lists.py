"""Lists of rows in an order, of which parts are read: by statements made once, from places and pages that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import models

from .anchors import Anchors
from .conf import core_settings
from .keyset import after, place_slots
from .pages import Page, is_worth_keeping
from .plans import Shapes
from .representation import Representation
from .row_statements import KeysStatement
from .statements import Reading, Rows, Statement, Walk


def total_order(queryset: models.QuerySet[Any]) -> list[str]:
    """The queryset's ordering as names with ``-`` for descending, made total by the primary key."""
    ordering = [str(name) for name in (queryset.query.order_by or queryset.model._meta.ordering)]
    pk = queryset.model._meta.pk.name
    names = [name.lstrip("-") for name in ordering]
    if "pk" in names or pk in names:
        return ordering
    return [*ordering, f"-{pk}" if ordering and ordering[0].startswith("-") else pk]


@dataclass
class Window:
    """A part of a list in ``ordering``: ``limit`` rows after the first ``offset``, counted from after ``position``.

    ``inclusive``: the row at ``position`` counts too.
    """

    ordering: Sequence[str]
    limit: int
    offset: int = 0
    position: Sequence[Any] | None = None
    counted: bool = False
    inclusive: bool = False


class ListShape:
    """A filtered queryset whose values may be slots, with the statements made for parts of it so far."""

    def __init__(
        self,
        queryset: Any,
        counter: str | None = None,
        candidates: int | None = None,
        watched: frozenset[str] = frozenset(),
        stable: bool = False,
        walk: Walk | None = None,
    ) -> None:
        self.queryset = queryset
        self.ordering = total_order(queryset)
        self.alias: str = queryset.db
        self.counter = counter
        self.candidates = candidates
        self.watched = watched
        self.stable = stable
        self._statements = Shapes(64)
        self._anchors = Shapes(64)
        self._pages = Shapes(128)
        self.walk = walk
        # Of a search: how its matches were put in order, and in which version, by the values.
        self.ways = Shapes(128)

    def read_deep(
        self,
        window: Window,
        values: Mapping[str, Any],
        representation: Representation | None,
    ) -> Rows:
        """As ``read`` with tokens, from the nearest place that is known of this version of the list."""
        anchors: Anchors = self._anchors.get(repr(values), Anchors)
        known = anchors.nearest(window.offset)
        rows = None
        if known is not None:
            tokens, offset, place = known
            near = replace(window, offset=window.offset - offset, position=place, inclusive=True)
            rows = self.read(near, values, representation, versioned=True)
            if rows.tokens != tokens:
                rows = None
        if rows is None:
            rows = self.read(window, values, representation, versioned=True)
        if rows.tokens is not None and rows.keys:
            last = len(rows.keys) - 1
            places = {window.offset: rows.keys[0][1:], window.offset + last: rows.keys[last][1:]}
            anchors.note(rows.tokens, places)
        return rows

    def read(
        self,
        window: Window,
        values: Mapping[str, Any],
        representation: Representation | None = None,
        versioned: bool = False,
    ) -> Rows:
        """The rows of ``window`` as ``representation`` shows them, or only their keys."""
        statement = self._statement(window, representation, versioned)
        position = {f"_k{index}": value for index, value in enumerate(window.position or ())}
        bound = {**values, **position}
        if not versioned or representation is None or not window.counted or (self.counter and not self.candidates):
            return statement.run(bound, window.limit, window.offset, representation)
        place = (tuple(window.ordering), window.offset, window.limit, window.inclusive)
        key = (*place, core_settings.COUNT_BOUND, repr(bound))
        page: Page | None = self._pages.peek(key)
        rows = self._read_again(page, window, representation) if page is not None else None
        if rows is None:
            rows = statement.run(bound, window.limit, window.offset, representation)
            if rows.tokens and rows.keys and is_worth_keeping(rows.count, self.candidates is not None):
                known = (rows.count, rows.count_is_exact)
                self._pages.put(key, Page(rows.tokens, tuple(statement.versions), tuple(rows.keys), *known))
        return rows

    def _read_again(self, page: Page, window: Window, representation: Representation) -> Rows | None:
        """The rows of ``page``, if it still is what it was."""
        look = representation.lookups, representation.texts, page.versions

        def make() -> KeysStatement:
            return KeysStatement(models.QuerySet(self.queryset.model).using(self.alias), *look, kept=True)

        statement: KeysStatement = self._statements.get(("again", *look), make)
        keys = [key[0] for key in page.keys[: window.limit - 1]]
        tokens, found = statement.run(keys, representation)
        if tokens != page.tokens or not all(key in found for key in keys):
            return None
        rows = [found[key] for key in keys]
        return Rows(rows, list(page.keys), page.count, page.count_is_exact, dict(tokens))

    def _statement(self, window: Window, representation: Representation | None, versioned: bool) -> Statement:
        lookups = representation.lookups if representation else None
        placed = window.position is not None
        candidates = None if placed else self.candidates
        texts = representation.texts if representation else frozenset()
        place = (placed, window.inclusive)
        key = (tuple(window.ordering), place, window.counted, lookups, texts, versioned, core_settings.COUNT_BOUND)

        def make() -> Statement:
            queryset, walk = self.queryset, self.walk
            if placed:
                slots = place_slots(queryset, window.ordering)
                beyond = after(window.ordering, slots, window.inclusive)
                queryset, walk = queryset.filter(beyond), walk and replace(walk, rows=walk.rows.filter(beyond))
            return Statement(
                Reading(
                    queryset=queryset,
                    whole=self.queryset,
                    ordering=window.ordering,
                    alias=self.alias,
                    lookups=lookups,
                    texts=texts,
                    counted=window.counted or candidates is not None,
                    counter=self.counter if versioned else None,
                    candidates=candidates,
                    versioned=versioned,
                    watched=self.watched,
                    stable=self.stable,
                    walk=walk,
                )
            )

        statement: Statement = self._statements.get(key, make)
        return statement


def instances(queryset: Any, keys: Sequence[Any]) -> list[Any]:
    """The rows of ``queryset`` with the primary ``keys``, in their order; without those that are gone."""
    if not keys:
        return []
    rows = {row.pk: row for row in queryset.order_by().filter(pk__in=keys)}
    return [rows[key] for key in keys if key in rows]
