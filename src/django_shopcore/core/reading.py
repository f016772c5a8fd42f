"""How a view of ours reads: by statements compiled once where it may, by its serializer where it must.

The ways, from the fastest (``way_of`` says which one a view goes, ``shopcore_doctor`` prints it):

``compiled``: the SQL of each shape of request is kept, rows are shown without instances.
``columns``: the site builds the queryset (its own ``get_queryset``, manager or filter); rows are shown alike.
``instances``: the serializer has a field that is no column; keys are read first, then instances.
``view``: the site's own ``list``, pagination or filter backend; DRF's ordinary way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

from django.core.signals import setting_changed
from django.db import models, router

from .binding import Binding, UnboundError, bind_filters, bound_filterset
from .extensions import extensions_of
from .filters import ShopcoreFilterBackend
from .pagination import ShopcorePagination
from .plans import Shapes
from .representation import LIBRARIES, OWN_SERIALIZER, Representation, is_ours, representation_of

OWN_LIST = ("list", "filter_queryset", "paginate_queryset", "get_paginated_response", "get_serializer")
OWN_QUERY = ("get_queryset", "filter_queryset", "get_serializer_context", "audience", "model")
OWN_SHOWING = ("audience", "get_serializer", "get_serializer_class", "get_serializer_context", "requested_fields")

ALL = 2**62  # more rows than any table has
UNNAMED = ("__dict__", "__weakref__")
RANK = "search_rank"  # what a search annotates its matches with

kept_shapes = Shapes()
_representations = Shapes(256)


def _forget(**kwargs: Any) -> None:
    # A setting may name another adapter, which fields ask.
    _representations.clear()
    kept_shapes.clear()


setting_changed.connect(_forget, dispatch_uid="shopcore.reading")


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
    return bool(kept_shapes.get(key, lambda: _lists_our_way(view)))


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
    return bool(kept_shapes.get(key, lambda: _is_all_ours(view)))


def _is_all_ours(view: Any) -> bool:
    backends = list(view.filter_backends) in ([], [ShopcoreFilterBackend])
    backends = backends and getattr(view, "filterset_fields", None) is None
    manager = view.model._default_manager
    named = manager.name == "objects" and is_plain(manager)
    return backends and named and all(is_ours(type(view), name) for name in OWN_QUERY)


def shows_all_the_same(view: Any) -> bool:
    """Whether no request can change which fields the view shows, but by its parameters; asks none."""
    key = ("shows", type(view))
    if not kept_shapes.get(key, lambda: all(is_ours(type(view), name) for name in OWN_SHOWING)):
        return False
    serializer_class = view.get_serializer_class()
    extensions = extensions_of(view.model)

    def make() -> bool:
        classes = [serializer_class, *(extension.serializer_class for extension in extensions)]
        return all(is_ours(cls, name) for cls in classes for name in OWN_SERIALIZER)

    return bool(kept_shapes.get(("shows", serializer_class, extensions), make))


def is_known(part: Any) -> bool:
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
    key = _representation_key(view, view.get_serializer_class())
    return _kept_representation(_shows_the_same_here(view), key, lambda: _representation(view))


def representations(view: Any) -> tuple[Representation | None, Representation | None]:
    """What the view's serializer shows of one row, of all its fields and for this caller and request."""
    serializer_class = view.get_serializer_class()
    lasts = _shows_the_same_here(view)

    def complete() -> Representation | None:
        context = {**view.get_serializer_context(), "complete": True}
        return representation_of(serializer_class(context=context), view.model)

    key = (serializer_class, view.model, extensions_of(view.model), "complete")
    shown = _kept_representation(lasts, _representation_key(view, serializer_class), lambda: _representation(view))
    return _kept_representation(lasts, key, complete), shown


def _representation_key(view: Any, serializer_class: Any) -> tuple[Any, ...]:
    names = view.requested_fields()
    return (serializer_class, view.model, extensions_of(view.model), view.audience(), tuple(names) if names else None)


def _shows_the_same_here(view: Any) -> bool:
    """Whether the view's next request with the same parameters and audience sees the same fields."""
    return view.audience() is not None and shows_all_the_same(view)


def _kept_representation(
    lasts: bool, key: tuple[Any, ...], make: Callable[[], Representation | None]
) -> Representation | None:
    found: Representation | None = _representations.peek(key) if lasts else None
    if found is not None:
        return found
    found = make()
    if not lasts:
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
    bound = kept_shapes.get(key, lambda: bound_filterset(filterset_class, view.get_queryset()))
    if not bound.usable:
        raise UnboundError
    parameters = view.request.query_params
    return bind_filters(bound, parameters, alias) if parameters else Binding(alias), bound


def fingerprint(serializer_class: Any, model: type[models.Model]) -> str:
    """What ``serializer_class`` shows of ``model``'s rows, in a word."""

    def make() -> str:
        found = representation_of(serializer_class(context={"complete": True}), model)
        parts = (serializer_class, found and found.summary)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    name: str = kept_shapes.get(("fingerprint", serializer_class, model, extensions_of(model)), make)
    return name
