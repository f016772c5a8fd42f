"""What of a value may be kept or told: nothing secret, nothing long."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import models

from .times import utc

HIDDEN = "***"
MAX_TEXT = 500
MAX_ITEMS = 50
MAX_DEPTH = 5
SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|hash|credential|authorization|cookie|signature|api_?key|private_?key|signing_?key"
    r"|(?:\A|_)(?:otp|totp|pin|cvv|cvc|iban|seed|salt)(?:\Z|_)",
    re.IGNORECASE,
)
# A JWT, a key in PEM, a password as Django stores it.
SECRET_VALUE = re.compile(
    r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\A(?:argon2|bcrypt\w*|md5|pbkdf2_\w+|scrypt)\$"
)


def safe(name: str, value: Any) -> Any:
    """``value`` of something that is called ``name``, as JSON that may be kept.

    Long texts are cut, and what is called or looks like a secret is ``***``.
    """
    return HIDDEN if _names_a_secret(name) and value not in (None, "") else _plain(value, 0)


@functools.lru_cache(maxsize=1024)  # names of fields, which come again with each row
def _names_a_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


def safe_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): safe(str(name), value) for name, value in values.items()}


def safe_changes(changes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Pairs of values before and after; of a secret only that it changed."""
    # What is new has nothing before, field by field.
    return {
        str(name): [None if value is None else safe(str(name), value) for value in pair]
        for name, pair in changes.items()
    }


def _plain(value: Any, depth: int) -> Any:
    if type(value) is str:
        return cut(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Decimal):
        return cut(format(value, "f"))
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Mapping):
        if depth >= MAX_DEPTH:
            return cut(str(dict(value)))
        some = list(value.items())[:MAX_ITEMS]
        return {
            cut(str(name)): HIDDEN if inner and SECRET_NAME.search(str(name)) else _plain(inner, depth + 1)
            for name, inner in some
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return cut(str(value)) if depth >= MAX_DEPTH else [_plain(one, depth + 1) for one in list(value)[:MAX_ITEMS]]
    if isinstance(value, datetime.datetime):
        return utc(value).isoformat().replace("+00:00", "Z")
    if isinstance(value, models.Model):
        return _plain(value.pk, depth)
    return cut(str(value))


def cut(text: str, length: int = MAX_TEXT) -> str:
    """``text``, or its beginning and a mark that it is longer."""
    # Each of them has one of these in it, which is found faster.
    if ("$" in text or "eyJ" in text or "-----BEGIN" in text) and SECRET_VALUE.search(text):
        return HIDDEN
    if "\x00" in text or not text.isascii():
        text = text.replace("\x00", "").encode(errors="replace").decode()
    return text if len(text) <= length else f"{text[: length - 1]}…"
