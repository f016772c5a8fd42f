"""Serializer fields that keep the contract's promises whatever the host's ``REST_FRAMEWORK`` says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from .keys import parse_key
from .schema import in_own_version
from .times import utc

PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


class UTCDateTimeField(serializers.DateTimeField):
    """A time as RFC 3339 in UTC with ``Z``, whatever ``TIME_ZONE`` and ``DATETIME_FORMAT`` are."""

    def to_representation(self, value: Any) -> Any:
        return utc(value).isoformat().replace("+00:00", "Z") if value else None


class MoneyField(serializers.DecimalField):
    """An amount as a decimal string with two places, from 0 to 9,999,999,999.99; input may be a JSON number."""

    def __init__(self, **kwargs: Any) -> None:
        settings: dict[str, Any] = {
            "max_digits": 12,
            "decimal_places": 2,
            "min_value": Decimal(0),
            "coerce_to_string": True,
        } | kwargs
        super().__init__(**settings, localize=False)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # DRF's own takes blank text for null.
        return serializers.Field.validate_empty_values(self, data)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, (str, int, float, Decimal)):
            self.fail("invalid")
        if isinstance(data, str) and not PLAIN_NUMBER.fullmatch(data.strip()):
            self.fail("invalid")
        return super().to_internal_value(data)


class MoneySchema(OpenApiSerializerFieldExtension):
    """In answers money is text; a request may also have a number."""

    target_class = "django_shopcore.core.fields.MoneyField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Any:
        text = {"type": "string", "format": "decimal", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$"}
        if direction == "response":
            return text
        return in_own_version({**text, "type": ["string", "number"], "minimum": 0, "maximum": 9_999_999_999.99})


class KeyField(serializers.PrimaryKeyRelatedField[Any]):
    """A reference to another row by its key. An unknown, out of range or malformed key is 400.

    ``context["known_keys"]``, a mapping of field names to ``{key: row}``, answers without a query for fields of the
    outermost serializer: how bulk writes check a thousand references at once.
    """

    queryset: Any

    def get_queryset(self) -> Any:
        # Serializers set the queryset when their fields are made: models may be swapped.
        return self.queryset

    def to_internal_value(self, data: Any) -> Any:
        queryset = self.get_queryset()
        key = parse_key(queryset.model, data)
        if key is None:
            well_formed = isinstance(data, (str, int)) and not isinstance(data, bool)
            self.fail(
                "does_not_exist" if well_formed else "incorrect_type", pk_value=data, data_type=type(data).__name__
            )
        known = self.known_rows()
        row = known.get(key) if known is not None else queryset.filter(pk=key).first()
        if row is None:
            self.fail("does_not_exist", pk_value=data)
        return row

    def known_rows(self) -> Mapping[Any, Any] | None:
        """The rows that need not be asked for, by their keys; ``None``: ask for each."""
        if self.parent is not self.root:
            return None
        known: Mapping[str, Mapping[Any, Any]] = self.context.get("known_keys", {})
        return known.get(self.field_name or "")


def key_field(model: type[models.Model], **kwargs: Any) -> serializers.Field[Any, Any, Any, Any]:
    """The read-only field that shows ``model``'s primary key in its own type."""
    kinds: dict[Any, Any] = {models.IntegerField: serializers.IntegerField, models.UUIDField: serializers.UUIDField}
    for kind, field_class in kinds.items():
        if isinstance(model._meta.pk, kind):
            return cast("serializers.Field[Any, Any, Any, Any]", field_class(read_only=True, **kwargs))
    return serializers.CharField(read_only=True, **kwargs)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class JSONObjectField(serializers.JSONField):
    """A JSON object of at most ``max_bytes`` bytes when written as compact JSON in UTF-8."""

    default_error_messages = {
        "not_an_object": _("A JSON object is required."),
        "too_large": ngettext_lazy(
            "The object must not be larger than {max_bytes} byte.",
            "The object must not be larger than {max_bytes} bytes.",
            "max_bytes",
        ),
    }

    def __init__(self, *, max_bytes: int = 16 * 1024, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_bytes = max_bytes

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_an_object")
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        if len(text.encode()) > self.max_bytes:
            self.fail("too_large", max_bytes=self.max_bytes)
        return data


class StrictBooleanField(serializers.BooleanField):
    """JSON ``true`` or ``false``, and nothing that merely looks like one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class TextField(serializers.CharField):
    """A JSON string; numbers and booleans are not turned into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


def column_of(
    field: serializers.Field[Any, Any, Any, Any], model: type[models.Model]
) -> tuple[str, models.Field[Any, Any]] | None:
    """``(lookup, column)`` that ``field`` shows of ``model``'s rows.

    ``None`` when it reads something that cannot be told from its ``source`` (a method, a property).
    """
    getter = type(field).get_attribute
    given = "get_attribute" in vars(field)  # as adapters do
    if given or field.source in (None, "*") or not getter.__module__.startswith("rest_framework."):
        return None
    *path, last = field.source.split(".")
    owner: Any = model
    for step in path:
        relation = {f.name: f for f in owner._meta.concrete_fields if f.is_relation}.get(step)
        if relation is None:
            return None
        owner = relation.related_model
    by_name = {name: f for f in owner._meta.concrete_fields for name in (f.name, f.attname)} | {"pk": owner._meta.pk}
    column = by_name.get(last)
    if column is None:
        return None
    if column.is_relation:
        if not isinstance(field, (serializers.PrimaryKeyRelatedField, serializers.ReadOnlyField)) or (
            last != column.attname and not isinstance(field, serializers.PrimaryKeyRelatedField)
        ):
            return None
        return "__".join([*path, column.attname]), column.target_field
    return "__".join([*path, column.name]), column


def columns_of(
    serializer: serializers.BaseSerializer[Any], model: type[models.Model]
) -> tuple[list[str], list[str]] | None:
    """``(columns, relations)`` that the serializer's fields read, for ``only`` and ``select_related``.

    ``None`` when a field reads something that cannot be told from its ``source``.
    """
    columns, relations = {model._meta.pk.name}, set()
    for field in serializer._readable_fields:  # type: ignore[attr-defined]
        found = column_of(field, model)
        if found is None:
            return None
        *path, _last = found[0].split("__")
        columns.add(found[0])
        if path:
            relations.add("__".join(path))
            columns.add(path[0])
    return sorted(columns), sorted(relations)
