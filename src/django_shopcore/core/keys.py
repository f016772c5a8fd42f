"""Primary keys from the outside: paths, bodies and filters read them in the same strict way."""

from __future__ import annotations

import functools
import re
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections, models

DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)


def parse_key(model: type[models.Model], raw: Any) -> Any:
    """``raw`` as a value of ``model``'s primary key, or ``None`` when no row can have it.

    Integers: an ``int`` or ASCII digits, within the database's range. UUIDs: their canonical text forms.
    Other key types: whatever the field's ``to_python`` accepts as text.
    """
    field: models.Field[Any, Any] = model._meta.pk
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    if isinstance(field, models.IntegerField):
        return _integer_key(model, field, raw)
    if not isinstance(raw, (str, uuid.UUID)) or "\x00" in str(raw):
        return None
    if isinstance(field, models.UUIDField):
        try:
            return uuid.UUID(str(raw)) if str(raw).isascii() else None
        except ValueError:
            return None
    try:
        return field.to_python(raw)
    except ValidationError:
        return None


@functools.cache
def _range(model: type[models.Model], column: str) -> tuple[int | None, int | None]:
    return connections[model.objects.db].ops.integer_field_range(column)  # type: ignore[attr-defined]


def _integer_key(model: type[models.Model], field: models.Field[Any, Any], raw: Any) -> int | None:
    if isinstance(raw, str):
        if not DIGITS.fullmatch(raw):
            return None
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        return None
    low, high = _range(model, field.get_internal_type())
    if (low is not None and raw < low) or (high is not None and raw > high):
        return None
    return raw
