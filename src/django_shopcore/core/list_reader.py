"""Reads what a request of a view of ours asks for: a page of a list, or one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import models

from . import replicas, response_cache
from .anchors import SHALLOW
from .binding import Binding, UnboundError
from .conf import core_settings
from .errors import InvalidInput
from .filters import OrderingFilter
from .keyset import is_uniform
from .lists import ListShape, Window, instances, total_order
from .reading import RANK, bind_request, is_compiled, is_known, is_plain, kept_shapes, representation
from .representation import Representation
from .row_statements import RowStatement
from .statements import Rows, Walk
from .tracking import is_versioned

ALL = 2**62  # more rows than any table has
# How the matches of a search are put into an order, each way for more of them than the one before: all are ranked; all
# are sorted as the list is; the list's rows are looked through for the first of them; all are sorted, however many.
RANKED, SORTED, WALKED, SORTED_ALL = "ranked", "sorted", "walked", "sorted all"


class TooManyError(Exception):
    """There are more matches than this way of ordering them is for."""


class NothingFoundError(Exception):
    """No row matches the search."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows


class ListReader:
    """Reads the page that a list view's request asks for."""

    def __init__(self, view: Any) -> None:
        self.view = view
        self.request = view.request
        self.representation = representation(view)

    def read(self) -> Rows:
        if is_compiled(self.view):
            try:
                return self._compiled()
            except UnboundError:
                pass
        queryset = self.view.filter_queryset(self.view.get_queryset())
        return self._paginate(ListShape(queryset), {}, queryset=queryset)

    def _compiled(self) -> Rows:
        return replicas.read(type(self.view), self.view.model, self._read_from)

    def _read_from(self, alias: str) -> Rows:
        for _attempt in range(2):
            self.view.paginator.corrected = {}
            rows = self._read_shape(*bind_request(self.view, alias))
            if rows is not None:
                return rows
        raise UnboundError

    def _read_shape(self, binding: Binding, bound: Any) -> Rows | None:
        """``None`` when something that was kept, and is forgotten now, was of another version of the tables."""
        read = self._read_plainly if binding.searched is None else self._search
        rows = read(binding, bound)
        if any((rows.tokens or {}).get(table) != token for table, token in binding.expected.items()):
            self.view.outdated(binding.alias)
            return None
        return rows

    def _read_plainly(self, binding: Binding, bound: Any) -> Rows:
        return self._paginate(self._shape(binding, bound), binding.values)

    def _shape(self, binding: Binding, bound: Any, way: str = "") -> ListShape:
        view = self.view
        candidates = {RANKED: binding.candidates, SORTED: core_settings.COUNT_BOUND, SORTED_ALL: ALL}.get(way)
        most = binding.backend.walk_bound if way == WALKED else candidates
        key = (type(view), view.model, binding.alias, view.audience(), bound, binding.shape, most, way)

        def make() -> ListShape:
            rows = view.get_queryset().using(binding.alias)
            queryset, filters = binding.apply(rows, bound), dict(binding.shape)
            if way not in ("", RANKED) and queryset.query.order_by[:1] == (f"-{RANK}",):
                queryset = queryset.order_by(*rows.query.order_by)
            walk = None
            if way == WALKED and most:
                filters = {name: part for name, part in filters.items() if not hasattr(bound.binders[name], "mark")}
                walk = Walk(binding.mark(rows, bound).order_by(*queryset.query.order_by), most)
            narrowed = any(not isinstance(bound.filters[name], OrderingFilter) for name, _part in binding.shape)
            counter = None if narrowed else view.counter()
            watched = frozenset({*binding.expected, *getattr(view, "tables", ())})
            stable = view.has_one_plan(filters, total_order(queryset), candidates is not None)
            return ListShape(queryset, counter, candidates, watched, stable, walk)

        shape: ListShape = kept_shapes.get(key, make)
        return shape

    def _search(self, binding: Binding, bound: Any) -> Rows:
        """Matches in order of rank; where there are too many to rank, in the order of the list without a search."""
        parameters = self.request.query_params
        known = self._shape(binding, bound, RANKED).ways
        key = (repr(binding.values), parameters.get("page"), parameters.get("size"), core_settings.COUNT_BOUND)
        tokens, ways = known.peek(key) or (None, ())
        if tokens is not None and "cursor" not in parameters:
            rows = self._first_of(ways, binding, bound)[0]
            if rows.tokens == tokens:
                return rows
        many = (SORTED, WALKED, SORTED_ALL) if binding.backend.walk_bound else (WALKED,)
        try:
            rows, ways = self._first_of((RANKED, *many), binding, bound)
        except NothingFoundError as exc:
            return self._meant(binding, bound, exc.rows)
        except InvalidInput as exc:
            if not parameters.get("cursor"):
                raise
            try:  # a cursor of the order in which too many are shown
                return self._first_of(many[-2:], binding, bound)[0]
            except InvalidInput:
                raise exc from None
        if rows.tokens is not None and ways[0] != RANKED:
            known.put(key, (rows.tokens, ways))
        return rows

    def _first_of(self, ways: tuple[str, ...], binding: Binding, bound: Any) -> tuple[Rows, tuple[str, ...]]:
        """The page by the first of ``ways`` that there are not too many matches for, and the ways from that one."""
        while True:
            try:
                return self._paginate(self._shape(binding, bound, ways[0]), binding.values), ways
            except TooManyError:
                ways = ways[1:]

    def _meant(self, binding: Binding, bound: Any, nothing: Rows) -> Rows:
        """The matches of what was probably meant."""
        backend = binding.backend
        queryset = self.view.get_queryset().using(binding.alias)
        meant = backend.suggest(queryset, binding.searched)
        query = backend.parse(meant) if meant else None
        if query is None or self.view.paginator.corrected:
            return self._paginate(self._shape(binding, bound, RANKED), binding.values, last=True)
        self.view.paginator.corrected = {"search": meant}
        rows = self._search(replace(binding, values={**binding.values, "search": query}, searched=meant), bound)
        if rows.tokens != nothing.tokens:
            rows.tokens = None  # something may match by now
        return rows

    def _paginate(self, shape: ListShape, values: Mapping[str, Any], queryset: Any = None, last: bool = False) -> Rows:
        # Tokens say nothing of what else the site's own queryset may depend on.
        versioned = queryset is None and self.view.conditional and is_versioned(shape.alias)

        def read(window: Window) -> Rows:
            scanned = shape.candidates is None and shape.walk is None
            if versioned and window.offset >= SHALLOW and scanned and is_uniform(window.ordering):
                return shape.read_deep(window, values, self.representation)
            rows = shape.read(window, values, self.representation, versioned)
            if shape.candidates is not None and window.position is None and not last:
                if rows.count == 0:
                    raise NothingFoundError(rows)
                if (rows.count or 0) > shape.candidates:
                    raise TooManyError
            if shape.walk is not None and len(rows.keys) < window.limit:
                raise TooManyError
            return rows

        rows: Rows = self.view.paginator.paginate(self.request, shape.ordering, read)
        if self.representation is not None and not (self.representation.is_pure and is_known(self.view.paginator)):
            rows.tokens = None  # a field or a page of the site's own may show something else next time
        if self.representation is None:
            source = self.view.get_queryset().using(shape.alias) if queryset is None else queryset
            found = self.instances(source, [key[0] for key in rows.keys])
            rows.rows, rows.tokens = self.view.get_serializer(found, many=True).data, None
        return rows

    def instances(self, queryset: Any, keys: Sequence[Any]) -> list[models.Model]:
        serializer = self.view.get_serializer([], many=True)
        return instances(self.view.narrow(queryset, serializer.child), keys)


def read_row(view: Any, key: Any, shown: Representation, versioned: bool) -> Rows | None:
    """The row with the primary ``key``, as ``shown``, if the view's caller may see it. For a compiled view.

    ``versioned``: whether its tokens are of use to the caller.
    """
    versioned = (versioned and response_cache.is_usable()) or bool(core_settings.REPLICAS)
    return replicas.read(type(view), view.model, lambda alias: _read_row(view, alias, key, shown, versioned))


def _read_row(view: Any, alias: str, key: Any, shown: Representation, versioned: bool) -> Rows | None:
    versioned = versioned and is_versioned(alias)
    statement: RowStatement = kept_shapes.get(
        ("row", type(view), view.model, alias, view.audience(), shown.lookups, shown.texts, versioned),
        lambda: RowStatement(view.get_queryset().using(alias), shown, versioned),
    )
    found = statement.run(key, shown)
    return found if found.rows else None


def read_all(queryset: Any, shown: Representation) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
    """All rows of ``queryset``, which has an order, and the tokens of their tables.

    Without tokens where the model's manager is not an ordinary one.
    """
    plain = is_plain(queryset.model._default_manager)
    versioned = plain and is_versioned(queryset.db)
    shape: ListShape = ListShape(queryset)
    if plain:
        shape = kept_shapes.get(("all", queryset.model, queryset.db, str(queryset.query.order_by)), lambda: shape)
    rows = shape.read(Window(shape.ordering, ALL), {}, shown, versioned)
    return rows.rows, rows.tokens
