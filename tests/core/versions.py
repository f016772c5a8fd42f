"""What the tests of versions share: products that are quickly made, and what is known of their table."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.core.models import TableVersion
from tests.factories.catalog import CategoryFactory, ProductFactory

Act = Callable[[], Any]


def version(model: Any = None) -> TableVersion:
    return TableVersion.objects.get(table=(model or get_product_model())._meta.db_table)


def counts() -> tuple[int, int]:
    found = version()
    return found.total, found.visible


def counted() -> tuple[int, int]:
    products = get_product_model().objects
    return products.count(), products.filter(is_published=True).count()


def sql(text: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text.format(table=connection.ops.quote_name(get_product_model()._meta.db_table)), params)


def product(**values: Any) -> Any:
    category = get_category_model().objects.first()
    return get_product_model()(
        **{"name": "N", "slug": secrets.token_hex(8), "price": 1, "category": category, **values}
    )


def rolled_back(act: Act) -> None:
    with transaction.atomic():
        act()
        transaction.set_rollback(True)


def products() -> Any:
    return get_product_model().objects


@pytest.fixture
def rows(db: None) -> None:
    category = CategoryFactory.create()
    for slug in ("a", "b", "c"):
        ProductFactory.create(slug=slug, category=category)
