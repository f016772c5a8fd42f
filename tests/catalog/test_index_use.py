"""None of our indexes is there in vain: after a run of every kind of request PostgreSQL has used each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.doctor import our_indexes
from tests.catalog.shapes import PRODUCTS
from tests.core.doctors import findings
from tests.factories.catalog import CategoryFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="pg_stat_user_indexes"),
]

ROWS, CATEGORIES = 20_000, 40
FILL = """
INSERT INTO {table} (name, slug, sku, description, price, currency, category_id, in_stock, is_published, metadata,
  private_metadata, created_at, updated_at)
SELECT (ARRAY['Oak', 'Steel', 'Linen', 'Marble'])[n % 4 + 1] || ' lamp ' || md5(n::text), 'lamp-' || n, 'S' || n,
  CASE n % 5000 WHEN 0 THEN 'obsidian ' ELSE '' END || 'Shines on ' || md5((n / 7)::text), n % 997 + 0.5, 'USD',
  {first} + n % {categories}, n % 7 > 0, n % 33 > 0, '{{}}', '{{}}', now() - n * interval '1 minute',
  now() - n * interval '1 minute'
FROM generate_series(1, {rows}) n
"""


def run(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def catalogue() -> tuple[str, int]:
    """The products' table, filled, and the key of a category."""
    first, *_others = [CategoryFactory.create().pk for _ in range(CATEGORIES)]
    table = get_product_model()._meta.db_table
    run(FILL.format(table=table, first=first, categories=CATEGORIES, rows=ROWS))
    run(f"VACUUM (ANALYZE) {table}")
    run("SELECT pg_stat_force_next_flush()")
    run("SELECT pg_stat_reset_single_table_counters(indexrelid) FROM pg_index WHERE indrelid = to_regclass(%s)", table)
    return table, first


def unused(table: str) -> set[str]:
    run("SELECT pg_stat_force_next_flush()")
    sql = "SELECT indexrelname FROM pg_stat_user_indexes WHERE relid = to_regclass(%s) AND idx_scan = 0"
    return {name for (name,) in run(sql, table)}


def every_kind_of_request(category: int) -> Iterator[dict[str, Any]]:
    for ordering in ("created_at", "price", "name"):
        for narrowed in ({}, {"category": category}, {"in_stock": "false"}):
            yield {"ordering": ordering, **narrowed}
            yield {"ordering": f"-{ordering}", "cursor": "", **narrowed}
    moment = get_product_model().objects.order_by("-updated_at")[5].updated_at
    yield {"updated_after": moment.isoformat()}
    yield {"slug": "lamp-7"}
    yield {"sku": "S7"}
    yield {"search": "obsidian"}
    yield {"search": "marbel"}


def answer_all(client: APIClient, category: int) -> None:
    for query in every_kind_of_request(category):
        response = client.get(PRODUCTS, query)
        assert response.status_code == 200
        assert response.json()["results"], query
    key = response.json()["results"][0]["id"]
    assert client.get(f"{PRODUCTS}{key}/").status_code == 200


@override_settings(SHOPCORE_CATALOG_CACHE=0)
def test_every_index_of_the_products_is_used_by_some_request(catalogue: Any, anonymous: APIClient) -> None:
    table, category = catalogue
    assert set(our_indexes(get_product_model())) <= unused(table)
    run(f"CREATE INDEX in_vain ON {table} (is_published, compare_at_price)")
    answer_all(anonymous, category)
    assert unused(table) == {"in_vain"}
    assert findings("Catalogue", "indexes") == [("ok", "all are used, none is bloated")]
    run("DROP INDEX in_vain")


@override_settings(SHOPCORE_CATALOG_CACHE=0)
def test_an_index_that_is_much_larger_than_its_entries_is_noted(catalogue: Any, anonymous: APIClient) -> None:
    table, category = catalogue
    answer_all(anonymous, category)
    large = next(name for name in our_indexes(get_product_model()) if name.startswith("shopcore_name_"))
    run(f"UPDATE {table} SET name = name || repeat('x', 150)")
    run(f"ALTER INDEX {large} SET (fillfactor = 10)")
    run(f"REINDEX TABLE {table}")
    run(f"VACUUM (ANALYZE) {table}")
    [(level, said)] = findings("Catalogue", "indexes")
    assert (level, said.partition(" (")[0]) == ("note", f"more than twice as large as their entries: {large}")
