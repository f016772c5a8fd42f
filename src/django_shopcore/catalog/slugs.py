"""Slugs made from names."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils.text import slugify

MAX_LENGTH = 255


def slug_base(name: str, fallback: str) -> str:
    """The slug of ``name``: Unicode letters stay; ``fallback`` where nothing is left (``"!!!"``)."""
    return slugify(name, allow_unicode=True)[:MAX_LENGTH].strip("-_") or fallback


def numbered(base: str) -> Iterable[str]:
    """``base``, then ``base-2``, ``base-3`` and so on, each short enough for the column."""
    yield base
    number = 2
    while True:
        suffix = f"-{number}"
        yield base[: MAX_LENGTH - len(suffix)] + suffix
        number += 1


def free_slug(manager: models.Manager[models.Model], base: str, taken: Iterable[str] = ()) -> str:
    """The first of ``numbered(base)`` that no row holds and that is not in ``taken``."""
    used = set(taken) | set(manager.filter(slug__startswith=base[: MAX_LENGTH - 12]).values_list("slug", flat=True))
    return next(slug for slug in numbered(base) if slug not in used)
