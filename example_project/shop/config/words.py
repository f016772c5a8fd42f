"""Values of few letters."""

from __future__ import annotations

from email.utils import parseaddr

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

SWITCH = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}


def switch(text: str) -> bool:
    if text.lower() not in SWITCH:
        raise ValueError("expected on or off")
    return SWITCH[text.lower()]


def natural(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError("expected a whole number, 0 or more")
    return int(text)


def items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def address(text: str) -> str:
    """A mail address, with a name (``Shop <shop@example.com>``) or without."""
    _, bare = parseaddr(text)
    try:
        validate_email(bare)
    except ValidationError:
        raise ValueError("expected a mail address such as shop@example.com or Shop <shop@example.com>") from None
    if "\n" in text or "\r" in text:
        raise ValueError("expected a mail address on one line")
    return text


def addresses(text: str) -> list[str]:
    """Mail addresses, without the names that some may have."""
    return [parseaddr(address(item))[1] for item in items(text)]
