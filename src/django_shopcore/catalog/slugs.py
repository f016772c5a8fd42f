"""Slugs made from names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import models
from django.utils.text import slugify

from django_shopcore.core.lookups import among

MAX_LENGTH = 255


def slug_base(name: str, fallback: str) -> str:
    """The slug of ``name``: Unicode letters stay; ``fallback`` where nothing is left (``"!!!"``)."""
    return slugify(name, allow_unicode=True)[:MAX_LENGTH].strip("-_") or fallback


def numbered(base: str) -> Iterator[str]:
    """``base``, then ``base-2``, ``base-3`` and so on, each short enough for the column."""
    yield base
    number = 2
    while True:
        suffix = f"-{number}"
        yield base[: MAX_LENGTH - len(suffix)] + suffix
        number += 1


def free_slugs(manager: models.Manager[Any], bases: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """For each of ``bases`` the first of ``numbered(base)`` that no row holds, all different, none in ``taken``.

    Asks the database once for all of them, and again only where whole runs of numbers are taken.
    """
    used = set(taken)
    candidates = {base: numbered(base) for base in bases}
    waiting = Counter(bases)
    free: dict[str, list[str]] = {base: [] for base in candidates}
    window = 1
    while waiting:
        batch = {base: list(islice(candidates[base], count + window - 1)) for base, count in waiting.items()}
        asked = [slug for slugs in batch.values() for slug in slugs]
        used |= set(manager.filter(among(manager.model, "slug", asked)).order_by().values_list("slug", flat=True))
        for base, slugs in batch.items():
            for slug in slugs:
                if waiting[base] and slug not in used:
                    used.add(slug)
                    free[base].append(slug)
                    waiting[base] -= 1
        waiting = +waiting
        window *= 4
    queues = {base: iter(slugs) for base, slugs in free.items()}
    return [next(queues[base]) for base in bases]
