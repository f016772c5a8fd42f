"""Facets of more products than are looked at: estimates from a sample, at a cost that does not grow."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from tests.catalog.shapes import PRODUCTS
from tests.catalog.test_facets import counts, facets
from tests.factories.catalog import CategoryFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full", "catalog_only", "swapped", "host_user"),
    pytest.mark.usefixtures("few_looked_at"),
]

postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="Other databases count all rows.")


def bulk(number: int) -> None:
    """Products whose categories, prices and stock change with the place in the table."""
    first, second = CategoryFactory.create(name="First"), CategoryFactory.create(name="Second")
    model = get_product_model()
    model.objects.bulk_create(
        model(
            name=f"Product {place}",
            slug=f"product-{place}",
            price=10 if place < number // 4 else 1000,
            category=first if place < number // 2 else second,
            in_stock=place < number // 2,
        )
        for place in range(number)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.fixture
def few_looked_at() -> Any:
    with override_settings(SHOPCORE_CATALOG_FACET_BOUND=1000, SHOPCORE_CATALOG_CACHE=0):
        yield


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


@postgresql
def test_above_the_bound_numbers_are_estimates_from_all_over_the_table(anonymous: APIClient) -> None:
    bulk(12_000)
    body = facets(anonymous)
    assert (body["count"], body["count_is_exact"], body["is_exact"]) == (12_000, True, False)
    assert sum(body["in_stock"].values()) == sum(bucket["count"] for bucket in body["price"]["buckets"]) == 12_000
    assert sum(counts(body).values()) == pytest.approx(12_000, abs=1)
    for number in (*counts(body).values(), *body["in_stock"].values()):
        assert number == pytest.approx(6000, rel=0.25)
    cheap = sum(bucket["count"] for bucket in body["price"]["buckets"] if float(bucket["to"]) < 1000)
    assert cheap == pytest.approx(3000, rel=0.35)
    assert facets(anonymous) == body


@postgresql
def test_the_same_with_a_filter(anonymous: APIClient) -> None:
    bulk(12_000)
    body = facets(anonymous, "in_stock=true")
    assert (body["count_is_exact"], body["is_exact"]) == (False, False)
    assert body["count"] == anonymous.get(f"{PRODUCTS}?in_stock=true&size=1").json()["count"]
    assert body["in_stock"] == {"true": body["count"], "false": 0}
    assert list(counts(body)) == ["First"]


@postgresql
def test_few_matches_in_a_large_table_are_exact(anonymous: APIClient) -> None:
    bulk(12_000)
    chosen = [f"product-{place}" for place in range(100, 107)]
    get_product_model().objects.filter(slug__in=chosen).update(price=55)
    for _ in ("before", "after"):  # the planner knows how few they are
        body = facets(anonymous, "min_price=50&max_price=60")
        assert (body["count"], body["is_exact"]) == (7, True)
        assert counts(body) == {"First": 7}
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


@postgresql
def test_so_are_those_that_the_planner_takes_for_many(anonymous: APIClient) -> None:
    bulk(12_000)  # a quarter is cheap and half is out of stock, but nothing is both
    body = facets(anonymous, "max_price=10&in_stock=false")
    assert (body["count"], body["is_exact"]) == (0, True)
    get_product_model().objects.filter(slug="product-7").update(in_stock=False)
    body = facets(anonymous, "max_price=10&in_stock=false")
    assert (body["count"], body["is_exact"], counts(body)) == (1, True, {"First": 1})


@postgresql
def test_a_sample_corrects_a_planner_that_expects_too_few(anonymous: APIClient) -> None:
    bulk(12_000)
    get_product_model().objects.update(price=77)
    body = facets(anonymous, "min_price=77&max_price=77")
    assert not body["is_exact"]
    assert body["count"] == pytest.approx(12_000, rel=0.25)


@postgresql
@pytest.mark.parametrize("query", ["", "in_stock=true", "max_price=10", "search=product"])
def test_no_more_rows_are_read_than_the_bound_allows(anonymous: APIClient, query: str) -> None:
    bulk(12_000)
    with CaptureQueriesContext(connection) as captured:
        facets(anonymous, query)
    read = captured[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {read}")
        [[[plan]]] = cursor.fetchall()
    looked_at = [
        node for node in nodes(plan["Plan"]) if node.get("Relation Name") == get_product_model()._meta.db_table
    ]
    rows = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in looked_at]
    assert rows
    assert max(rows) < 4 * 1000 * 1.5


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL takes a sample.")
def test_other_databases_count_all(anonymous: APIClient) -> None:
    bulk(3000)
    body = facets(anonymous)
    assert (body["count"], body["is_exact"], body["in_stock"]) == (3000, True, {"true": 1500, "false": 1500})
