"""Times and amounts as JSON has them, from Python's values or from PostgreSQL's text of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime

from .times import utc

CENTS = Decimal("0.01")
WITHOUT_FRACTION = len("2026-01-31 12:00:00+00")
WITH_MICROSECONDS = WITHOUT_FRACTION + len(".123456")
WITH_FRACTION = range(WITHOUT_FRACTION + 2, WITH_MICROSECONDS)


def utc_text(value: Any) -> str | None:
    """A time, or PostgreSQL's text of one, as RFC 3339 in UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        length, in_utc = len(value), value[-3:] == "+00"
        if in_utc and length == WITH_MICROSECONDS:
            return f"{value[:10]}T{value[11:26]}Z"
        if in_utc and length in WITH_FRACTION:
            return f"{value[:10]}T{value[11:-3]:0<15}Z"
        if in_utc and length == WITHOUT_FRACTION:
            return f"{value[:10]}T{value[11:-3]}Z"
        value = parse_datetime(value)
    text: str = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else utc(value).isoformat().replace("+00:00", "Z")


def money(value: Any) -> str | None:
    """An amount, or PostgreSQL's text of one, with two places."""
    if value is None:
        return None
    text = str(value)
    return text if text[-3:-2] == "." and "E" not in text else str(Decimal(value).quantize(CENTS))


# What these functions make of PostgreSQL's usual texts, as expressions: a call for each value takes longer.
USUAL_TEXTS: dict[Any, str] = {
    utc_text: "f'{t[:10]}T{t[11:26]}Z' if type(t := VALUE) is str and len(t) == 29 and t[-3:] == '+00' else CHANGE(t)",
    money: "t if type(t := VALUE) is str and t[-3:-2] == '.' else CHANGE(t)",
}
