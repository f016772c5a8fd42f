"""Any number of products, made as variations of the hand-written ones: for trying how fast the site stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

from django.db import connections, models, router

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.slugs import slug_base

BATCH = 2000
FINISHES = (
    *("Amber", "Anthracite", "Black", "Bronze", "Coral", "Cream", "Forest Green", "Graphite", "Indigo", "Ivory"),
    *("Lavender", "Midnight Blue", "Moss", "Ochre", "Pearl", "Plum", "Sand", "Silver", "Slate", "Teal", "White"),
)
EDITIONS = (
    *("Anniversary Edition", "Collector's Edition", "Deluxe Edition", "First Edition", "Gift Edition"),
    *("Limited Edition", "New Edition", "Special Edition"),
)


def fill_up(total: int, progress: Callable[[int], object]) -> int:
    """Adds products until there are ``total``; returns how many. The same ones in every fresh database.

    ``progress`` is called with the number added so far.
    """
    model = get_product_model()
    alias = router.db_for_write(model)
    manager = model._default_manager.using(alias)
    wanted = total - manager.count()
    # Numbers above every key: those of an earlier filling, deleted ones included, are below.
    first = (manager.aggregate(last=models.Max("pk"))["last"] or 0) + 1
    products = variations(manager, first)
    for added in range(0, wanted, BATCH):
        progress(added)
        manager.bulk_create(list(islice(products, min(BATCH, wanted - added))))
    if wanted > 0:
        progress(wanted)
        # Or the database plans its queries for the small table that it was.
        with connections[alias].cursor() as cursor:
            cursor.execute("ANALYZE")
    return max(wanted, 0)


def variations(manager: models.QuerySet[Any], first: int) -> Iterator[Any]:
    """Products without end, numbered from ``first``, evenly over the categories that have any."""
    patterns = list(manager.exclude(sku__startswith="GEN-").order_by("pk"))
    roots = _roots()
    shelves: dict[Any, list[Any]] = defaultdict(list)
    vendors: dict[Any, dict[str, str]] = defaultdict(dict)
    for pattern in patterns:
        shelves[pattern.category_id].append(pattern)
        if brand := _brand(pattern):
            vendors[roots[pattern.category_id]][brand] = pattern.metadata["vendor"]
    number = first
    while True:
        for category, shelf in shelves.items():
            random = Random(number)  # noqa: S311 - the same products for everybody is the aim
            pattern = random.choice(shelf)
            brands = vendors[roots[category]]
            name, brand = _name(random, pattern, list(brands))
            price = _price(random, pattern.price)
            yield manager.model(
                name=name,
                slug=f"{slug_base(name, 'product')[:240]}-{number}",
                sku=f"GEN-{number:07}",
                description=pattern.description,
                price=price,
                compare_at_price=_price(random, price * 2) if random.random() < 0.15 else None,
                category_id=category,
                in_stock=random.random() < 0.9,
                metadata={**pattern.metadata, "vendor": brands[brand]} if brand else pattern.metadata,
            )
            number += 1


def _roots() -> dict[Any, Any]:
    parents = dict(get_category_model()._default_manager.values_list("pk", "parent_id"))

    def root(key: Any) -> Any:
        return key if parents[key] is None else root(parents[key])

    return {key: root(key) for key in parents}


def _brand(pattern: Any) -> str:
    """The brand that the name starts with; empty for titles of films, records and games."""
    first = pattern.name.partition(" ")[0]
    return first if str(pattern.metadata.get("vendor", "")).startswith(first) else ""


def _name(random: Random, pattern: Any, brands: list[str]) -> tuple[str, str]:
    """A name like the pattern's, and the brand in it."""
    old = _brand(pattern)
    if not old:
        return f"{pattern.name}, {random.choice(EDITIONS)}", ""
    brand = random.choice(brands)
    return f"{brand} {pattern.name[len(old) + 1 :]}, {random.choice(FINISHES)}", brand


def _price(random: Random, around: Decimal) -> Decimal:
    """Between 0.7 and 1.4 times ``around``, as a shop would write it."""
    price = int(around * random.randrange(70, 140) / 100)
    return Decimal(price) if price >= 200 else Decimal(price) + Decimal("0.99")
