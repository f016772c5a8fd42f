"""What a client sees of the facets: numbers scaled up from a sample, categories with those above, rounded prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from .facets import CategoryCount, Found, PriceCount, cell_of

MAX_BUCKETS = 10


def facets_body(found: Found, max_categories: int) -> dict[str, Any]:
    factor = found.count / found.number if found.number else 1.0
    available = round(factor * sum(price.number for price in found.prices if price.in_stock))
    return {
        "count": found.count,
        "count_is_exact": found.is_exact or found.known is not None,
        "is_exact": found.is_exact,
        **({"did_you_mean": found.meant} if found.meant else {}),
        "categories": _categories(found.categories, factor)[:max_categories],
        "price": _price(found.prices, factor),
        "in_stock": {"true": available, "false": found.count - available},
    }


def _categories(counted: Iterable[CategoryCount], factor: float) -> list[dict[str, Any]]:
    """The categories by falling number, each before those beneath it. A product counts for all above it as well."""
    by_key = {category.id: category for category in counted}
    totals = dict.fromkeys(by_key, 0)
    depths: dict[Any, int] = {}
    for key, category in by_key.items():
        line = _line(by_key, key)
        depths[key] = len(line)
        for above in line:
            totals[above] += category.number
    order = sorted(by_key.values(), key=lambda each: (-totals[each.id], depths[each.id], each.name, str(each.id)))
    return [
        {
            "id": each.id,
            "name": each.name,
            "slug": each.slug,
            "parent": each.parent,
            "count": round(totals[each.id] * factor),
        }
        for each in order
    ]


def _line(by_key: dict[Any, CategoryCount], key: Any) -> dict[Any, None]:
    """The keys from ``key`` up to its root."""
    line: dict[Any, None] = {}
    while key in by_key and key not in line:
        line[key] = None
        key = by_key[key].parent
    return line


def _price(counted: Sequence[PriceCount], factor: float) -> dict[str, Any]:
    if not counted:
        return {"min": None, "max": None, "buckets": []}
    cells: dict[tuple[int, int], int] = {}
    for price in sorted(counted, key=lambda each: each.low):
        cell = cell_of(price.low)
        cells[cell] = cells.get(cell, 0) + price.number
    lowest, highest = min(price.low for price in counted), max(price.high for price in counted)
    edges = _edges(cells)
    buckets, so_far = [], 0
    for start, end in pairwise(edges):
        before = so_far
        so_far += sum(number for (low, _), number in cells.items() if start <= low < end)
        # Rounded so that they add up.
        count = round(so_far * factor) - round(before * factor)
        buckets.append({"from": _money(start), "to": _money(end - 1), "count": count})
    return {"min": _money(lowest), "max": _money(highest), "buckets": buckets}


def _edges(cells: dict[tuple[int, int], int]) -> list[int]:
    """Where buckets begin, and the end of the last one: of the places near each tenth of the rows the roundest."""
    (first, _), *_ = cells
    *_, (_, last) = cells
    total, so_far = sum(cells.values()), 0
    best: dict[int, tuple[tuple[int, float], int]] = {}
    for (start, _), number in cells.items():
        place = so_far / total * MAX_BUCKETS
        tenth = round(place)
        if start != first and 0 < tenth < MAX_BUCKETS:
            best[tenth] = min(best.get(tenth, ((9, 0.0), 0)), ((_roughness(start), abs(place - tenth)), start))
        so_far += number
    return [first, *sorted(edge for _, edge in best.values()), last]


def _roughness(cents: int) -> int:
    """0 for 1, 10, 100; 1 for 2 or 5 times that; 2 for one other digit; 3 for halves such as 1.5; 4 for the rest."""
    digits = str(cents).rstrip("0")
    if len(digits) == 1:
        return {"1": 0, "2": 1, "5": 1}.get(digits, 2)
    return 3 if digits.endswith("5") else 4


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
