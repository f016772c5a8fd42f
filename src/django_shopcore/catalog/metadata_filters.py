"""Filters by keys of ``metadata``: only those that the site allows, by the text of their values."""

from __future__ import annotations

import functools
import json
from typing import Any

from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import BooleanField, F, Func, TextField, Value
from django.utils.module_loading import import_string

from django_shopcore.core.binding import Binding
from django_shopcore.core.filters import DescribedFilter
from django_shopcore.core.plans import Slot

from .conf import app_settings
from .metadata_operations import COLUMN, INDEXED, MAX_VALUE, key_literal


class MetadataIs(Func):
    """Whether the value of ``key`` is a string, a number or a boolean that reads as the given text.

    The same on both databases; objects, lists and null are never equal to a text.
    """

    output_field = BooleanField()
    conditional = True

    def __init__(self, key: str, text: Any) -> None:
        super().__init__(F(COLUMN), text)
        self.key = key

    @property
    def identity(self) -> Any:
        return (*super().identity, self.key)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        (column, before), (text, after) = (compiler.compile(part) for part in self.get_source_expressions())
        key = key_literal(self.key).replace("%", "%%")
        sql = (
            f"(left({column} ->> {key}, {INDEXED}) = {text} "
            f"AND jsonb_typeof({column} -> {key}) NOT IN ('object', 'array'))"
        )
        return sql, (*before, *after, *before)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        (column, before), (text, after) = (compiler.compile(part) for part in self.get_source_expressions())
        key = key_literal(self.key).replace("%", "%%")
        value = "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(atom AS TEXT) END"
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE key = {key} AND {value} = {text})"  # noqa: S608
        return sql, (*before, *after)


class MetadataFilter(DescribedFilter):
    """Rows whose metadata has a value under ``key`` that reads as the parameter."""

    field_class = forms.CharField

    def __init__(self, key: str) -> None:
        self.key = key
        label = (
            f"Exact value of {json.dumps(key, ensure_ascii=False)} in `metadata`: a string, or a number or a boolean "
            "as JSON writes it."
        )
        super().__init__(field_name=COLUMN, label=label, max_length=MAX_VALUE, strip=False)

    def filter(self, qs: Any, value: Any) -> Any:
        return qs if value in EMPTY_VALUES else qs.filter(MetadataIs(self.key, Value(value)))

    def bind(self, raw: Any, binding: Binding) -> str | None:
        value = self.field.clean(raw)
        if value in EMPTY_VALUES:
            return None
        binding.values[parameter(self.key)] = value
        return "="

    def apply(self, queryset: Any, part: str) -> Any:
        return queryset.filter(MetadataIs(self.key, Slot(parameter(self.key), TextField())))


def parameter(key: str) -> str:
    """What the filter is called in a request."""
    return f"{COLUMN}.{key}"


@functools.cache
def with_metadata(filterset_class: Any, keys: tuple[str, ...]) -> Any:
    """``filterset_class`` with a filter for each of ``keys`` besides its own."""
    filters: dict[str, Any] = {parameter(key): MetadataFilter(key) for key in keys}
    return type(filterset_class.__name__, (filterset_class,), {"__module__": filterset_class.__module__, **filters})


def product_filterset_class() -> Any:
    """The filterset of products on this site, with the metadata's keys that it allows."""
    from .filters import ProductFilterSet

    path, keys = app_settings.PRODUCT_FILTERSET, tuple(app_settings.METADATA_FILTERS)
    filterset_class = import_string(path) if path else ProductFilterSet
    return with_metadata(filterset_class, keys) if keys else filterset_class
