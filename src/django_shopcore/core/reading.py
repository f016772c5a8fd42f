"""How a view of ours reads: by statements compiled once where it may, by its serializer where it must.

The ways, from the fastest (``way_of`` says which one a view goes, ``shopcore_doctor`` prints it):

``compiled``: the SQL of each shape of request is kept, rows are shown without instances.
``columns``: the site builds the queryset (its own ``get_queryset``, manager or filter); rows are shown alike.
``instances``: the serializer has a field that is no column; keys are read first, then instances.
``view``: the site's own ``list``, pagination or filter backend; DRF's ordinary way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any

from django.db import models, router
from rest_framework import serializers

from . import replicas, response_cache
from .anchors import SHALLOW
from .binding import Binding, UnboundError, bind_filters, bound_filterset
from .conf import core_settings
from .errors import InvalidInput
from .filters import OrderingFilter, ShopcoreFilterBackend
from .keyset import is_uniform
from .pagination import ListShape, ShopcorePagination, Window, instances, total_order
from .plans import Shapes
from .representation import LIBRARIES, Representation, is_ours, representation_of
from .statements import Rows, RowStatement
from .tracking import is_versioned

OWN_LIST = ("list", "filter_queryset", "paginate_queryset", "get_paginated_response", "get_serializer")
OWN_QUERY = ("get_queryset", "filter_queryset", "get_serializer_context", "audience", "model")
# What decides which fields a serializer has.
OWN_SERIALIZER = (
    *("__init__", "__new__", "many_init", "context", "fields", "_readable_fields"),
    *(name for name in dir(serializers.ModelSerializer) if name.startswith(("build_", "get_", "include_"))),
)
OWN_SHOWING = ("audience", "get_serializer", "get_serializer_class", "get_serializer_context", "requested_fields")

ALL = 2**62  # more rows than any table has
UNNAMED = ("__dict__", "__weakref__")
RANK = "search_rank"  # what a search annotates its matches with

_shapes = Shapes()
_representations = Shapes(256)


def way_of(view: Any) -> str:
    """``compiled``, ``columns``, ``instances`` or ``view``: how ``view``, about to answer a request, reads."""
    if not reads_our_way(view):
        return "view"
    if representation(view) is None:
        return "instances"
    try:
        if is_compiled(view):
            bind_request(view, router.db_for_read(view.model))
            return "compiled"
    except UnboundError:
        pass
    return "columns"


def reads_our_way(view: Any) -> bool:
    """Whether the view's lists are ours to read, none of its parts being replaced by the site."""
    key = ("reads our way", type(view), type(view.paginator))
    return bool(_shapes.get(key, lambda: _lists_our_way(view)))


def _lists_our_way(view: Any) -> bool:
    pagination = isinstance(view.paginator, ShopcorePagination) and is_ours(type(view.paginator), "paginate_queryset")
    return pagination and all(is_ours(type(view), name) for name in OWN_LIST)


def is_compiled(view: Any) -> bool:
    """Whether all that makes the view's querysets is ours, so that a kept one is what it would make again."""
    if view.audience() is None:
        return False
    return is_all_ours(view)


def is_all_ours(view: Any) -> bool:
    """The same, of a view that has no request yet."""
    model = view.model
    key = ("is ours", type(view), model, model._default_manager, tuple(view.filter_backends))
    return bool(_shapes.get(key, lambda: _is_all_ours(view)))


def _is_all_ours(view: Any) -> bool:
    backends = list(view.filter_backends) in ([], [ShopcoreFilterBackend])
    backends = backends and getattr(view, "filterset_fields", None) is None
    manager = view.model._default_manager
    named = manager.name == "objects" and is_plain(manager)
    return backends and named and all(is_ours(type(view), name) for name in OWN_QUERY)


def shows_all_the_same(view: Any) -> bool:
    """Whether no request can change which fields the view shows, but by its parameters; asks none."""
    key = ("shows", type(view))
    if not _shapes.get(key, lambda: all(is_ours(type(view), name) for name in OWN_SHOWING)):
        return False
    serializer_class = view.get_serializer_class()
    key = ("shows", serializer_class)
    return bool(_shapes.get(key, lambda: all(is_ours(serializer_class, name) for name in OWN_SERIALIZER)))


def _is_known(part: Any) -> bool:
    return f"{type(part).__module__}.".startswith(LIBRARIES)


def is_plain(manager: Any) -> bool:
    """A manager or queryset of the site's may look at who asks, at the tenant, at the time."""
    classes = [*type(manager).__mro__, *manager._queryset_class.__mro__]
    parts = [(base, name, value) for base in classes for name, value in vars(base).items()]
    methods = [value for _, _, value in parts if isinstance(value, FunctionType)]
    # Properties and class methods too.
    active = [base for base, name, value in parts if hasattr(value, "__get__") and name not in UNNAMED]
    known = ("django.", "django_shopcore.")
    return all(part.__module__.startswith((*known, "builtins", "typing")) for part in (*methods, *active))


def representation(view: Any) -> Representation | None:
    """What the view's serializer shows of a row, for this caller and request."""
    serializer_class, audience, names = view.get_serializer_class(), view.audience(), view.requested_fields()
    key = (serializer_class, view.model, audience, tuple(names) if names else None)
    return _kept_representation(view, key, lambda: _representation(view))


def representations(view: Any) -> tuple[Representation | None, Representation | None]:
    """What the view's serializer shows of one row, of all its fields and for this caller and request."""
    serializer_class = view.get_serializer_class()

    def complete() -> Representation | None:
        context = {**view.get_serializer_context(), "complete": True}
        return representation_of(serializer_class(context=context), view.model)

    return _kept_representation(view, (serializer_class, view.model, "complete"), complete), representation(view)


def _kept_representation(
    view: Any, key: tuple[Any, ...], make: Callable[[], Representation | None]
) -> Representation | None:
    found: Representation | None = _representations.peek(key)
    if found is not None and view.audience() is not None and shows_all_the_same(view):
        return found
    found = make()
    if view.audience() is None or not shows_all_the_same(view):
        return replace(found, is_pure=False) if found else None
    if found is not None and found.is_pure:
        _representations.put(key, found)
    return found


def _representation(view: Any) -> Representation | None:
    serializer = view.get_serializer([], many=True)
    if not all(is_ours(type(serializer), name) for name in ("to_representation", "data")):
        return None
    return representation_of(getattr(serializer, "child", serializer), view.model)


def bind_request(view: Any, alias: str) -> tuple[Binding, Any]:
    """The request's filters as values for slots. Raises ``UnboundError`` where the filterset has to be asked."""
    filterset_class = view.filterset_class if view.filter_backends else None
    if filterset_class is None:
        return Binding(alias), None
    key = ("filterset", type(view), view.model, filterset_class)
    bound = _shapes.get(key, lambda: bound_filterset(filterset_class, view.get_queryset()))
    if not bound.usable:
        raise UnboundError
    parameters = view.request.query_params
    return bind_filters(bound, parameters, alias) if parameters else Binding(alias), bound


def fingerprint(serializer_class: Any, model: type[models.Model]) -> str:
    """What ``serializer_class`` shows of ``model``'s rows, in a word."""

    def make() -> str:
        found = representation_of(serializer_class(context={"complete": True}), model)
        parts = (serializer_class, found and (found.names, found.lookups))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    name: str = _shapes.get(("fingerprint", serializer_class, model), make)
    return name


class TooManyError(Exception):
    """More candidates than are ordered by rank."""


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

    def _shape(self, binding: Binding, bound: Any, candidates: int | None = None, broad: bool = False) -> ListShape:
        view = self.view
        key = (type(view), view.model, binding.alias, view.audience(), bound, binding.shape, candidates, broad)

        def make() -> ListShape:
            queryset = binding.apply(view.get_queryset().using(binding.alias), bound)
            if broad and queryset.query.order_by[:1] == (f"-{RANK}",):
                queryset = queryset.order_by(*view.get_queryset().query.order_by)
            narrowed = any(not isinstance(bound.filters[name], OrderingFilter) for name, _part in binding.shape)
            counter = None if narrowed else view.counter()
            watched = frozenset({*binding.expected, *getattr(view, "tables", ())})
            stable = view.has_one_plan(dict(binding.shape), total_order(queryset), candidates is not None)
            return ListShape(queryset, counter, candidates, watched, stable)

        shape: ListShape = _shapes.get(key, make)
        return shape

    def _search(self, binding: Binding, bound: Any) -> Rows:
        """Matches in order of rank; where there are too many to rank, in the order of the list without a search."""
        narrow = self._shape(binding, bound, binding.candidates)
        try:
            return self._paginate(narrow, binding.values)
        except TooManyError:
            return self._paginate(self._shape(binding, bound, broad=True), binding.values)
        except NothingFoundError as exc:
            return self._meant(binding, bound, exc.rows)
        except InvalidInput as exc:
            if not self.request.query_params.get("cursor"):
                raise
            try:  # a cursor of the order in which too many are shown
                return self._paginate(self._shape(binding, bound, broad=True), binding.values)
            except InvalidInput:
                raise exc from None

    def _meant(self, binding: Binding, bound: Any, nothing: Rows) -> Rows:
        """The matches of what was probably meant."""
        backend = binding.backend
        queryset = self.view.get_queryset().using(binding.alias)
        meant = backend.suggest(queryset, binding.searched)
        query = backend.parse(meant) if meant else None
        if query is None or self.view.paginator.corrected:
            return self._paginate(self._shape(binding, bound, binding.candidates), binding.values, last=True)
        self.view.paginator.corrected = {"search": meant}
        rows = self._search(replace(binding, values={**binding.values, "search": query}, searched=meant), bound)
        if rows.tokens != nothing.tokens:
            rows.tokens = None  # something may match by now
        return rows

    def _paginate(self, shape: ListShape, values: Mapping[str, Any], queryset: Any = None, last: bool = False) -> Rows:
        # Tokens say nothing of what else the site's own queryset may depend on.
        versioned = queryset is None and self.view.conditional and is_versioned(shape.alias)

        def read(window: Window) -> Rows:
            deep = versioned and window.offset >= SHALLOW and shape.candidates is None and is_uniform(window.ordering)
            if deep:
                return shape.read_deep(window, values, self.representation)
            rows = shape.read(window, values, self.representation, versioned)
            if shape.candidates is not None and window.position is None and not last:
                if rows.count == 0:
                    raise NothingFoundError(rows)
                if (rows.count or 0) > shape.candidates:
                    raise TooManyError
            return rows

        rows: Rows = self.view.paginator.paginate(self.request, shape.ordering, read)
        if self.representation is not None and not (self.representation.is_pure and _is_known(self.view.paginator)):
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
    statement: RowStatement = _shapes.get(
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
        shape = _shapes.get(("all", queryset.model, queryset.db, str(queryset.query.order_by)), lambda: shape)
    rows = shape.read(Window(shape.ordering, ALL), {}, shown, versioned)
    return rows.rows, rows.tokens
