"""A request's filters as the shape of a query and the values in it, for SQL that is compiled once.

Works for every filter of which we know that its SQL does not depend on its value: plain comparisons of a
column, ours or django-filter's, and filters with a ``bind`` of their own. Anything else (a method of the
site's, a class with its own ``filter``) leaves the request to the filterset itself.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import django_filters
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.validators import EMPTY_VALUES
from django.db import models
from django.http import QueryDict

from . import filters
from .plans import Shapes, Slot
from .representation import LIBRARIES, is_ours

COMPARISONS = frozenset({"exact", "gt", "gte", "lt", "lte"})
PLAIN = (
    django_filters.CharFilter,
    django_filters.DateFilter,
    django_filters.DateTimeFilter,
    django_filters.IsoDateTimeFilter,
    django_filters.NumberFilter,
    django_filters.TimeFilter,
    django_filters.UUIDFilter,
    filters.MoneyFilter,
    filters.TimeFilter,
)
NUMBERS = (django_filters.NumberFilter, filters.MoneyFilter)
CONSTANT = (django_filters.BooleanFilter, filters.BooleanFilter, filters.OrderingFilter)
OWN_WORK = ("__init__", "filter_queryset", "qs", "is_valid", "errors", "form", "get_form_class", "get_filters")
LARGEST = 2**63


class UnboundError(Exception):
    """The filterset itself has to deal with this request."""


@dataclass
class Binding:
    """``shape`` and ``values`` of a request's filters; ``values`` go into the slots that ``apply`` leaves.

    ``expected`` holds the tokens of tables from which a value was derived in this process: what is read is to
    be thrown away when the tables have others. Of a search: its text, what searches, how many matches it ranks.
    """

    alias: str
    shape: tuple[Any, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    searched: str | None = None
    backend: Any = None
    candidates: int | None = None

    def apply(self, queryset: Any, filterset: Any) -> Any:
        """``queryset`` filtered, with slots for the values."""
        for name, part in self.shape:
            queryset = filterset.binders[name].apply(queryset, part)
        return queryset

    def mark(self, queryset: Any, filterset: Any) -> Any:
        """As ``apply``; a filter that can say of each row whether it matches does so, and leaves them all."""
        for name, part in self.shape:
            binder = filterset.binders[name]
            queryset = binder.mark(queryset, part) if hasattr(binder, "mark") else binder.apply(queryset, part)
        return queryset


class Constant:
    """A filter whose value is part of the shape: there are few."""

    def __init__(self, name: str, filter_: Any) -> None:
        self.name, self.filter = name, filter_

    def bind(self, raw: Any, binding: Binding) -> Any:
        value = self.filter.field.clean(raw)
        return tuple(value) if isinstance(value, list) else value

    def apply(self, queryset: Any, part: Any) -> Any:
        return self.filter.filter(queryset, list(part) if isinstance(part, tuple) else part)


class Comparison(Constant):
    """A filter that compares one column with its value."""

    def __init__(self, name: str, filter_: Any, column: models.Field[Any, Any]) -> None:
        super().__init__(name, filter_)
        self.slot = Slot(name, column)
        # The same text is the same number to everybody, unless it is written in the caller's way.
        is_number = type(filter_) in NUMBERS and not filter_.field.localize
        self.value_of = functools.lru_cache(maxsize=256)(self._value_of) if is_number else self._value_of

    def bind(self, raw: Any, binding: Binding) -> Any:
        value = self.value_of(raw)
        if value is None:
            return None
        binding.values[self.name] = value
        return "="

    def _value_of(self, raw: Any) -> Any:
        value = self.filter.field.clean(raw)
        if value in EMPTY_VALUES:
            return None
        prepared = self.slot.output_field.get_prep_value(value)
        if isinstance(prepared, int) and abs(prepared) >= LARGEST:
            raise UnboundError  # no database compares with it: the lookup knows what it means
        return value

    def apply(self, queryset: Any, part: Any) -> Any:
        return self.filter.filter(queryset, self.slot)


class BoundFilterSet:
    """What is known of a filterset class: a binder for each filter that can have one."""

    def __init__(self, filterset_class: Any, queryset: Any) -> None:
        self.usable = all(is_ours(filterset_class, name) for name in OWN_WORK)
        filterset = filterset_class(data=QueryDict(), queryset=queryset.none()) if self.usable else None
        self.filters: Mapping[str, Any] = filterset.filters if filterset else {}
        form = getattr(filterset_class._meta, "form", None)
        self.check = getattr(form, "conflicts", None)
        if form is None or not all(_is_known(base) for base in form.__mro__):
            self.usable = False
        self._concerned = {name: self._concerned_by(name) for name in self.filters}
        self.binders = {name: self._binder(name, found, queryset.model) for name, found in self.filters.items()}
        # A filter that we know nothing of may act although its parameter is absent.
        self.usable = self.usable and all(_rests_when_absent(name, found) for name, found in self.filters.items())

    def concerned(self, parameters: Iterable[str]) -> list[str]:
        """The filters that read one of these parameters."""
        names = {name for key in parameters for name in self._concerned.get(key) or self._concerned_by(key)}
        return [name for name in self.filters if name in names] if len(names) > 1 else list(names)

    def _concerned_by(self, key: str) -> list[str]:
        # What a widget of several inputs reads starts with the filter's name.
        return [name for name in self.filters if key == name or key.startswith(f"{name}_")]

    def _binder(self, name: str, found: Any, model: type[models.Model]) -> Any:
        if hasattr(found, "bind"):
            return found if is_ours(type(found.parent), str(found.method)) else None
        if found.method is not None or found.exclude:
            return None
        if type(found) in CONSTANT:
            return Constant(name, found)
        if type(found) not in PLAIN or found.lookup_expr not in COMPARISONS:
            return None
        column = _column(model, found.field_name)
        return Comparison(name, found, column) if column is not None else None


def _is_known(cls: type) -> bool:
    return cls is object or f"{cls.__module__}.".startswith(LIBRARIES)


def _rests_when_absent(name: str, found: Any) -> bool:
    """Whether a filter of a known way of working does nothing as long as none of its parameters is there."""
    try:
        if not is_ours(type(found), "filter") or not _is_known(type(found.field.widget)):
            return False
        return found.field.clean(found.field.widget.value_from_datadict(QueryDict(), {}, name)) in EMPTY_VALUES
    except Exception:  # noqa: BLE001 - it is required, or its field wants a request
        return False


def _column(model: Any, path: str) -> models.Field[Any, Any] | None:
    *steps, last = path.split("__")
    try:
        for step in steps:
            model = model._meta.get_field(step).related_model
        column = model._meta.get_field(last)
    except (AttributeError, FieldDoesNotExist):
        return None
    # Others may have lookups of their own, which want the value itself.
    return column if type(column).__module__ == "django.db.models.fields" else None


_known = Shapes()


def bound_filterset(filterset_class: Any, queryset: Any) -> BoundFilterSet:
    found: BoundFilterSet = _known.get(
        (filterset_class, queryset.model), lambda: BoundFilterSet(filterset_class, queryset)
    )
    return found


def bind_filters(bound: BoundFilterSet, parameters: QueryDict, alias: str) -> Binding:
    """The filters among ``parameters``. Raises ``UnboundError`` when the filterset has to deal with them."""
    binding = Binding(alias)
    shape = []
    cleaned: dict[str, Any] = {}
    for name in bound.concerned(parameters):
        found, binder = bound.filters[name], bound.binders[name]
        if binder is None:
            raise UnboundError
        raw = found.field.widget.value_from_datadict(parameters, {}, name)
        try:
            part = binder.bind(raw, binding)
        except ValidationError:
            raise UnboundError from None
        if part is not None and part != ():
            shape.append((name, part))
            cleaned[name] = binding.values.get(name)
    if bound.check is not None and bound.check(cleaned):
        raise UnboundError
    binding.shape = tuple(shape)
    return binding
