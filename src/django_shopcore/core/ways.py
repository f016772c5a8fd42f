"""Why a view does not read the fastest way (``reading.way_of``): which of its parts are the site's own."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any

from django.db import models

from .binding import OWN_WORK, bound_filterset
from .filters import ShopcoreFilterBackend
from .pagination import ShopcorePagination
from .reading import OWN_LIST, OWN_QUERY, OWN_SHOWING, is_plain, representation, way_of
from .representation import LIBRARIES, OWN_SERIALIZER, Representation, is_ours, representation_of

OWN_REPRESENTATION = ("to_representation", "data", "_readable_fields")


def reasons(view: Any) -> list[str]:
    """What keeps ``view``, about to answer a list's request, from reading compiled; empty if nothing does."""
    way = way_of(view)
    if way == "compiled":
        return []
    found = {"view": _list_parts, "instances": _serializer_parts, "columns": _query_parts}[way](view)
    return found or ["audience: what it reads depends on the caller" if view.audience() is None else "unknown"]


def slower_filters(view: Any) -> list[str]:
    """The site's filters whose requests go the way ``columns``: only the filterset knows what they do."""
    filterset_class = getattr(view, "filterset_class", None)
    if filterset_class is None:
        return []
    bound = bound_filterset(filterset_class, view.get_queryset())
    slower = [name for name, binder in bound.binders.items() if binder is None] if bound.usable else []
    bases = [base.base_filters for base in filterset_class.__mro__ if hasattr(base, "base_filters") and _is_known(base)]
    return [name for name in slower if not any(base.get(name) is filterset_class.base_filters[name] for base in bases)]


def may_vary(view: Any) -> list[str]:
    """What may show something else to another reader, so that answers are not kept in the response cache."""
    shown = representation(view)
    if shown is None or shown.is_pure:
        return []
    serializer = _serializer_of(view)
    alone = _alone(serializer, view.model)
    fields = [f"field {name}" for name, found in alone.items() if found and not found.is_pure]
    return fields or [*_own(type(serializer), OWN_SERIALIZER), *_own(type(view), OWN_SHOWING)]


def _is_known(cls: type) -> bool:
    """Whether a class is ours, or of a library that we know."""
    return f"{cls.__module__}.".startswith(LIBRARIES)


def _own(cls: type, names: Iterable[str]) -> list[str]:
    """Those of the members ``names`` that ``cls`` has from the site, by the class they are in."""
    found = []
    for name in names:
        if not is_ours(cls, name):
            owner = next(base for base in cls.__mro__ if name in vars(base))
            found.append(f"{owner.__module__}.{owner.__qualname__}.{name}")
    return found


def _list_parts(view: Any) -> list[str]:
    found = _own(type(view), OWN_LIST)
    paginator = type(view.paginator)
    if not issubclass(paginator, ShopcorePagination):
        return [*found, f"pagination {paginator.__module__}.{paginator.__qualname__}"]
    return found + _own(paginator, [name for name in dir(paginator) if not name.startswith("__")])


def _serializer_parts(view: Any) -> list[str]:
    serializer = _serializer_of(view)
    own = _own(type(serializer), OWN_REPRESENTATION)
    several = view.get_serializer([], many=True)
    if several is not serializer:
        own += _own(type(several), OWN_REPRESENTATION)
    return own or [f"field {name}" for name, found in _alone(serializer, view.model).items() if found is None]


def _query_parts(view: Any) -> list[str]:
    found = _own(type(view), OWN_QUERY)
    if list(view.filter_backends) not in ([], [ShopcoreFilterBackend]):
        found.append("filter_backends")
    if getattr(view, "filterset_fields", None) is not None:
        found.append("filterset_fields")
    manager = view.model._default_manager
    if manager.name != "objects" or not is_plain(manager):
        found.append(f"manager {manager.name} of {view.model._meta.label}")
    filterset_class = getattr(view, "filterset_class", None)
    if filterset_class is not None and not bound_filterset(filterset_class, view.get_queryset()).usable:
        name = f"{filterset_class.__module__}.{filterset_class.__qualname__}"
        found += _own(filterset_class, OWN_WORK) or [f"{name}: its form, or a filter that always acts"]
    return found


def _serializer_of(view: Any) -> Any:
    serializer = view.get_serializer([], many=True)
    return getattr(serializer, "child", serializer)


def _alone(serializer: Any, model: type[models.Model]) -> dict[str, Representation | None]:
    """Each field by itself: how it is shown from a column, or ``None`` where it is not."""
    found = {}
    for field in serializer._readable_fields:
        one = copy(serializer)
        one.__dict__["fields"] = {field.field_name: field}
        found[field.field_name] = representation_of(one, model)
    return found
