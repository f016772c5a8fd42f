"""Validation of many rows by one serializer.

What DRF does around each field costs more than the rules of ours. So values that are plainly fine take a short cut,
and all others go the serializer's own way: its rules and its messages hold either way.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import (
    MaxLengthValidator,
    MinValueValidator,
    ProhibitNullCharactersValidator,
    URLValidator,
)
from rest_framework.exceptions import ValidationError
from rest_framework.fields import SkipField, empty
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from django_shopcore.core.fields import JSONObjectField, KeyField, MoneyField, StrictBooleanField, TextField
from django_shopcore.core.keys import parse_key
from django_shopcore.core.representation import is_ours

Plain = Callable[[Any], Any]

UNSURE = object()
CENT = Decimal("0.01")
AMOUNT = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?", re.ASCII)
HTTPS_URL = re.compile(r"https://(?:[a-z0-9][a-z0-9-]{0,60}[a-z0-9]\.){1,3}[a-z]{2,20}(?:/[\w./%=&+~-]*)?", re.ASCII)
OWN_WAYS = ("run_validation", "to_internal_value", "validate_empty_values", "_writable_fields", "run_validators")


def differs(row: Any, name: str, value: Any) -> bool:
    """Whether ``row`` would be another with ``value``, as a serializer makes it, in what is called ``name``."""
    try:
        column: Any = row._meta.get_field(name)
    except FieldDoesNotExist:  # an attribute of a site's own, which may do anything
        return True
    if column.is_relation and column.name == name:
        return bool(getattr(row, column.attname) != (value and getattr(value, column.target_field.attname)))
    old = getattr(row, name)
    if isinstance(value, (dict, list)):
        # In Python True equals 1, in JSON it does not.
        return json.dumps(old, sort_keys=True) != json.dumps(value, sort_keys=True)
    return bool(old != value)


class RowChecker:
    """``run`` is the serializer's ``run_validation``, quicker."""

    def __init__(self, serializer: Any) -> None:
        self.serializer = serializer
        self.steps: list[_Step] | None = None
        fields = list(serializer._writable_fields)
        simple = all(len(field.source_attrs) == 1 for field in fields)
        if simple and all(is_ours(type(serializer), name) for name in OWN_WAYS):
            self.steps = [_Step(serializer, field) for field in fields]

    def run(self, data: Any) -> dict[str, Any]:
        """The validated values of ``data``, for the serializer's present instance. Raises DRF's ``ValidationError``."""
        if self.steps is not None and type(data) is dict:
            try:
                return self._run(self.steps, data)
            except (ValidationError, DjangoValidationError):
                pass  # the serializer finds all that is wrong, not just the first of it
        values: dict[str, Any] = self.serializer.run_validation(data)
        return values

    def _run(self, steps: list[_Step], data: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for step in steps:
            raw = data.get(step.name, empty)
            if raw is empty and step.may_be_absent:
                continue
            value = UNSURE if step.plain is None else step.plain(raw)
            try:
                if value is UNSURE:
                    value = step.field.run_validation(step.field.get_value(data))
                values[step.target] = value if step.validate is None else step.validate(value)
            except SkipField:
                pass
        if self.serializer.validators:
            self.serializer.run_validators(values)
        checked: dict[str, Any] = self.serializer.validate(values)
        return checked


class References:
    """What the key fields of a serializer refer to, asked for a set of items at a time.

    ``known`` belongs into the serializer's context as ``known_keys``; ``given`` are rows that the caller knows itself.
    """

    def __init__(self, serializer: Any, given: Mapping[str, dict[Any, Any]] | None = None) -> None:
        self.known: dict[str, dict[Any, Any]] = dict(given or {})
        self.fields: dict[str, KeyField] = {
            name: field
            for name, field in serializer.fields.items()
            if isinstance(field, KeyField) and not field.read_only and name not in self.known
        }
        self.known |= {name: {} for name in self.fields}

    def load(self, items: Iterable[Any]) -> None:
        """One query for each field that any of ``items`` names."""
        items = [item for item in items if isinstance(item, dict)]
        for name, field in self.fields.items():
            rows, known = field.get_queryset(), self.known[name]
            keys = {parse_key(rows.model, item[name]) for item in items if name in item} - {None}
            # In place: the checkers hold on to it.
            known.clear()
            if keys:
                known.update(rows.in_bulk(keys))


class _Step:
    """One field of the serializer."""

    __slots__ = ("field", "may_be_absent", "name", "plain", "target", "validate")

    def __init__(self, serializer: Any, field: Any) -> None:
        self.field, self.name, self.target = field, field.field_name, field.source_attrs[0]
        self.validate = getattr(serializer, f"validate_{self.name}", None)
        maker = PLAIN.get(type(field))
        self.plain: Plain | None = maker(field) if maker else None
        # Fields of other kinds may look for their value elsewhere in the data.
        self.may_be_absent = maker is not None and (
            serializer.partial or (not field.required and field.default is empty)
        )


def _text(field: Any) -> Plain | None:
    others: list[Any] = []
    for validator in field.validators:
        if type(validator) is MaxLengthValidator and validator.limit_value == field.max_length:
            continue
        if type(validator) not in (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator):
            others.append(validator)
    if any(getattr(validator, "requires_context", False) for validator in others):
        return None
    limit, trims, null = field.max_length, field.trim_whitespace, field.allow_null
    checks = [_https_url if _is_https(validator) else validator for validator in others]

    def plain(raw: Any) -> Any:
        if raw is None and null:
            return None
        if type(raw) is not str:
            return UNSURE
        value = raw.strip() if trims else raw
        if not value or (limit is not None and len(value) > limit) or "\x00" in value or not _is_encodable(value):
            return UNSURE
        for check in checks:
            if check(value) is UNSURE:
                return UNSURE
        return value

    return plain


def _is_encodable(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _is_https(validator: Any) -> bool:
    return type(validator) is URLValidator and list(validator.schemes) == ["https"]


def _https_url(value: str) -> Any:
    return None if HTTPS_URL.fullmatch(value) and len(value) <= URLValidator.max_length else UNSURE


def _money(field: Any) -> Plain | None:
    ordinary = (field.max_digits, field.decimal_places, field.min_value, field.max_value) == (12, 2, 0, None)
    if not ordinary or field.normalize_output or any(type(v) is not MinValueValidator for v in field.validators):
        return None
    null = field.allow_null

    def plain(raw: Any) -> Any:
        if raw is None and null:
            return None
        if type(raw) is not str or not AMOUNT.fullmatch(raw):
            return UNSURE
        return Decimal(raw).quantize(CENT)

    return plain


def _boolean(field: Any) -> Plain | None:
    return None if field.validators else lambda raw: raw if type(raw) is bool else UNSURE


def _key(field: Any) -> Plain | None:
    known = field.known_rows()
    if known is None or field.validators:
        return None
    return lambda raw: known.get(raw, UNSURE) if type(raw) in (int, uuid.UUID) else UNSURE


PLAIN: dict[type, Callable[[Any], Plain | None]] = {
    TextField: _text,
    MoneyField: _money,
    StrictBooleanField: _boolean,
    KeyField: _key,
    JSONObjectField: lambda field: None,
}
