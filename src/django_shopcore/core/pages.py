"""Pages that took long to find: which rows they hold, so that asking again costs no more than reading these.

A page is good for the version of the tables it was found in. Its rows are read by their keys together with the
tables' tokens; with other tokens they are thrown away, and the page is looked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Matching rows that had to be looked at to rank them, or to count them, from which a page is worth keeping.
RANKED, COUNTED = 100, 1000

Tokens = dict[str, str]


@dataclass(frozen=True)
class Page:
    """The keys of a page's rows, how many rows the list has, and the version of all that."""

    tokens: Tokens
    versions: tuple[str, ...]
    keys: tuple[tuple[Any, ...], ...]
    count: int | None
    count_is_exact: bool


def is_worth_keeping(count: int | None, is_ranked: bool) -> bool:
    """Whether a page of a list with ``count`` rows, ranked or only counted, took long."""
    return (count or 0) > (RANKED if is_ranked else COUNTED)
