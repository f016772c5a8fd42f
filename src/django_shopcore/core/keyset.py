"""Places in a list: keyset cursors (Markus Winand, https://use-the-index-luke.com/no-offset)."""

from __future__ import annotations

import base64
import datetime
import decimal
import functools
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext as _

from .errors import InvalidInput, field_error
from .plans import Slot


class Cursor:
    """A place in a list: signed, and bound to the ordering and filters it was made for."""

    def __init__(self, path: str, parameters: Mapping[str, Sequence[str]], ordering: Sequence[str]) -> None:
        ignored = {"cursor", "size", "fields"}
        kept = sorted((name, list(values)) for name, values in parameters.items() if name not in ignored)
        self.scope = hashlib.sha256(repr((path, kept, list(ordering))).encode()).hexdigest()[:16]

    def dump(self, backwards: bool, position: list[Any]) -> str:
        payload = json.dumps([self.scope, backwards, [_pack(value) for value in position]], separators=(",", ":"))
        place = payload.encode()
        return _text(_signature(place, settings.SECRET_KEY) + place)

    def load(self, raw: str) -> tuple[bool, list[Any]]:
        """``(backwards, position)``; raises 400 for a cursor that is not ours or of another list."""
        try:
            scope, backwards, position = json.loads(_verified(raw))
            place = [_unpack(value) for value in position]
        except (ArithmeticError, LookupError, TypeError, ValueError):
            raise self.invalid(_("This is not a cursor of this list.")) from None
        if scope != self.scope:
            raise self.invalid(_("The cursor was made for another ordering or filter."))
        return bool(backwards), place

    @staticmethod
    def invalid(message: str) -> InvalidInput:
        return InvalidInput([field_error("cursor", "invalid_cursor", message)])


SIGNATURE = 16  # bytes of it; the rest is the place


@functools.lru_cache(maxsize=8)
def _key(secret: str | bytes) -> bytes:
    secret = secret.encode() if isinstance(secret, str) else secret
    return hashlib.sha256(b"django_shopcore.core.keyset" + secret).digest()


def _signature(place: bytes, secret: str | bytes) -> bytes:
    return hmac.digest(_key(secret), place, "sha256")[:SIGNATURE]


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _verified(raw: str) -> bytes:
    """The place in a cursor of ours; raises ``ValueError`` for any other text."""
    content = base64.b64decode(raw.encode("ascii") + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    given, place = content[:SIGNATURE], content[SIGNATURE:]
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if _text(content) != raw or not any(hmac.compare_digest(_signature(place, secret), given) for secret in secrets):
        raise ValueError("not a cursor of ours")
    return place


def _pack(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return ["t", value.isoformat()]
    if isinstance(value, decimal.Decimal):
        return ["d", str(value)]
    if isinstance(value, uuid.UUID):
        return ["u", str(value)]
    return ["", value]


def _unpack(packed: Any) -> Any:
    kind, value = packed
    readers: dict[str, Callable[[str], Any]] = {
        "t": datetime.datetime.fromisoformat,
        "d": decimal.Decimal,
        "u": uuid.UUID,
    }
    return readers[kind](value) if kind else value


class Beyond(Func):
    """Rows that come after a place: ``(a, b) > (x, y)``, which an index on ``(a, b)`` answers at any depth."""

    output_field = models.BooleanField()
    conditional = True

    def __init__(self, *expressions: Any, operator: str) -> None:
        super().__init__(*expressions)
        self.operator = operator

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        compiled = [compiler.compile(expression) for expression in self.get_source_expressions()]
        half = len(compiled) // 2
        left, right = (", ".join(sql for sql, _ in part) for part in (compiled[:half], compiled[half:]))
        return f"({left}) {self.operator} ({right})", tuple(value for _, values in compiled for value in values)


def place_slots(queryset: models.QuerySet[Any], ordering: Sequence[str]) -> list[Slot]:
    """A slot for each part of a place in ``ordering``: ``_k0`` and so on."""
    slots = []
    for index, name in enumerate(ordering):
        source: Any = F(name.lstrip("-")).resolve_expression(queryset.query)
        slots.append(Slot(f"_k{index}", source.output_field))
    return slots


def is_uniform(ordering: Sequence[str]) -> bool:
    """Whether all names ascend or all descend."""
    return len({name.startswith("-") for name in ordering}) == 1


def after(ordering: Sequence[str], position: Sequence[Any], inclusive: bool = False) -> Q | Beyond:
    """The condition for rows behind ``position`` in ``ordering``; ``inclusive``, of a uniform one: and for its own.

    Where some names ascend and others descend, for ``(a, b, id)``: ``a >= x AND (a > x OR (a = x AND (b > y OR
    …)))``; the bound in front lets the database start its index scan there.
    """
    if is_uniform(ordering):
        columns = [F(name.lstrip("-")) for name in ordering]
        operator = "<" if ordering[0].startswith("-") else ">"
        return Beyond(*columns, *position, operator=f"{operator}=" if inclusive else operator)
    condition = Q()
    for name, value in zip(reversed(ordering), reversed(position), strict=True):
        field = name.lstrip("-")
        strict, loose = ("lt", "lte") if name.startswith("-") else ("gt", "gte")
        if not condition:
            condition = Q(**{f"{field}__{strict}": value})
        else:
            beyond = Q(**{f"{field}__{strict}": value}) | (Q(**{field: value}) & condition)
            condition = Q(**{f"{field}__{loose}": value}) & beyond
    return condition


def reverse(ordering: Sequence[str]) -> list[str]:
    return [name[1:] if name.startswith("-") else f"-{name}" for name in ordering]
