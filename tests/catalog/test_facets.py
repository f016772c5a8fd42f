"""``products/facets/``: how many products a list holds per category, price and stock."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.filters import ProductFilterSet
from tests.catalog.shapes import PRODUCTS, key_of
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

FACETS = f"{PRODUCTS}facets/"
postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="Other databases count all rows.")


class ExpensiveFilterSet(ProductFilterSet):
    """A filterset of a site's own, with a filter that we cannot look into."""

    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset).filter(price__gte=100).distinct()


def facets(client: APIClient, query: str = "") -> Any:
    response = client.get(f"{FACETS}?{query}")
    assert response.status_code == 200, response.json()
    return response.json()


def counts(body: Any) -> dict[str, int]:
    return {category["name"]: category["count"] for category in body["categories"]}


def shop() -> tuple[Any, Any, Any]:
    """Laptops and a mouse, in a tree: computers above laptops, and one empty category."""
    computers = CategoryFactory.create(name="Computers")
    laptops = CategoryFactory.create(name="Laptops", parent=computers)
    CategoryFactory.create(name="Empty", parent=computers)
    books = CategoryFactory.create(name="Books")
    ProductFactory.create(name="Mouse", price="19.90", category=computers)
    ProductFactory.create(name="Small laptop", price="499.00", category=laptops, in_stock=False)
    ProductFactory.create(name="Large laptop", price="949.00", category=laptops)
    ProductFactory.create(name="Novel", price="19.99", category=books)
    ProductFactory.create(name="Draft", price="1.00", category=books, is_published=False)
    return computers, laptops, books


def category_body(row: Any, count: int, parent: Any = None) -> dict[str, Any]:
    above = parent and key_of(parent)
    return {"id": key_of(row), "name": row.name, "slug": row.slug, "parent": above, "count": count}


def test_a_product_counts_for_its_category_and_all_above_it(anonymous: APIClient) -> None:
    computers, laptops, books = shop()
    assert facets(anonymous) == {
        "count": 4,
        "count_is_exact": True,
        "is_exact": True,
        "categories": [
            category_body(computers, 3),
            category_body(laptops, 2, computers),
            category_body(books, 1),
        ],
        "price": {
            "min": "19.90",
            "max": "949.00",
            "buckets": [
                {"from": "19.00", "to": "489.99", "count": 2},
                {"from": "490.00", "to": "939.99", "count": 1},
                {"from": "940.00", "to": "949.99", "count": 1},
            ],
        },
        "in_stock": {"true": 3, "false": 1},
    }


def test_without_products_there_is_nothing(anonymous: APIClient) -> None:
    CategoryFactory.create()
    nothing = {
        "count": 0,
        "count_is_exact": True,
        "is_exact": True,
        "categories": [],
        "price": {"min": None, "max": None, "buckets": []},
        "in_stock": {"true": 0, "false": 0},
    }
    assert facets(anonymous) == nothing
    ProductFactory.create()
    assert facets(anonymous, "search=!!!") == facets(anonymous, "slug=none") == nothing


def test_unpublished_products_count_for_admins_only(
    anonymous: APIClient, customer_client: APIClient, admin_client: APIClient
) -> None:
    shop()
    assert facets(anonymous)["count"] == facets(customer_client)["count"] == 4
    assert counts(facets(admin_client)) == {"Computers": 3, "Laptops": 2, "Books": 2}
    assert facets(admin_client)["price"]["min"] == "1.00"


@pytest.mark.parametrize(
    "query",
    [
        "category={computers}",
        "category={laptops}&category={books}",
        "min_price=19.99",
        "max_price=499",
        "in_stock=false",
    ]
    + ["search=laptop", "search=large+laptop&in_stock=true", "search=lapto", "slug=novel", "created_after=2020-01-01"]
    + [
        "created_before=2020-01-01",
        "updated_after=2020-01-01",
        "sku=x",
        "search=laptop&ordering=price",
        "search=loptop",
    ]
    + ["min_price=19&max_price=500&in_stock=true&category={computers}", "category=", "search="],
)
def test_every_filter_of_the_list_counts_what_the_list_holds(anonymous: APIClient, query: str) -> None:
    query = query.format(**dict(zip(("computers", "laptops", "books"), (row.pk for row in shop()), strict=True)))
    listed = anonymous.get(f"{PRODUCTS}?{query}").json()["results"]
    for _ in ("made", "made before"):
        body = facets(anonymous, query)
        assert body["count"] == len(listed) == sum(body["in_stock"].values())
        assert body["in_stock"]["true"] == sum(product["in_stock"] for product in listed)
        prices = sorted((product["price"] for product in listed), key=float)
        assert [body["price"]["min"], body["price"]["max"]] == ([prices[0], prices[-1]] if prices else [None, None])
        right_in = dict.fromkeys(counts(body), 0)
        for product in listed:
            right_in[product["category_name"]] += 1
        if "Laptops" in right_in:
            right_in["Computers"] += right_in["Laptops"]
        assert counts(body) == right_in


@postgresql
def test_a_misspelt_search_counts_what_the_list_shows_instead(anonymous: APIClient) -> None:
    shop()
    listed = anonymous.get(f"{PRODUCTS}?search=loptop").json()
    body = facets(anonymous, "search=loptop")
    assert (body["did_you_mean"], body["count"]) == (listed["did_you_mean"], listed["count"]) == ("laptop", 2)
    assert "did_you_mean" not in facets(anonymous, "search=laptop")
    body = facets(anonymous, "search=loptop&max_price=1")
    assert (body["did_you_mean"], body["count"]) == ("laptop", 0)


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("category=x", "category", "does_not_exist"),
        ("min_price=x", "min_price", "invalid"),
        ("min_price=2&max_price=1", "min_price", "min_above_max"),
        ("in_stock=maybe", "in_stock", "invalid"),
        ("created_after=soon", "created_after", "invalid"),
        ("ordering=colour", "ordering", "invalid_choice"),
        (f"search={'x' * 201}", "search", "max_length"),
    ],
)
def test_wrong_values_are_those_of_the_list(anonymous: APIClient, query: str, field: str, code: str) -> None:
    response = anonymous.get(f"{FACETS}?{query}")
    assert response.status_code == 400
    assert errors_of(response) == errors_of(anonymous.get(f"{PRODUCTS}?{query}")) == [(field, code)]


@pytest.mark.parametrize("query", ["page=7", "page=x", "size=1", "size=0", "cursor=x&page=2", "fields=nonsense"])
def test_parameters_of_pages_and_fields_change_nothing(anonymous: APIClient, query: str) -> None:
    shop()
    assert facets(anonymous, query) == facets(anonymous, "ordering=-price") == facets(anonymous)


@pytest.mark.parametrize("spread", ["even", "uneven", "narrow", "single", "cents", "extreme"])
def test_buckets_are_ranges_that_the_price_filters_take(anonymous: APIClient, spread: str) -> None:
    prices = {
        "even": [f"{9 + 37 * number}.{number:02d}" for number in range(60)],
        "uneven": [f"{1.2**number:.2f}" for number in range(60)],
        "narrow": [f"12{number:02d}.99" for number in range(0, 100, 3)],
        "single": ["9.99"] * 5,
        "cents": ["0.00", "0.01", "0.07", "0.29", "0.99", "1.00", "4.35"],
        "extreme": ["0.01", "10.00", "9999999999.99"],
    }[spread]
    category = CategoryFactory.create()
    for price in prices:
        ProductFactory.create(price=price, category=category)
    found = facets(anonymous)["price"]
    buckets = found["buckets"]
    assert 1 <= len(buckets) <= 10
    assert sum(bucket["count"] for bucket in buckets) == len(prices)
    assert float(buckets[0]["from"]) <= float(found["min"])
    assert float(found["max"]) <= float(buckets[-1]["to"])
    for bucket, following in pairwise(buckets):
        assert round(float(following["from"]) - float(bucket["to"]), 2) == 0.01
    for bucket in buckets:
        within = anonymous.get(f"{PRODUCTS}?min_price={bucket['from']}&max_price={bucket['to']}").json()
        assert within["count"] == bucket["count"]


def test_bounds_of_buckets_are_round(anonymous: APIClient) -> None:
    category = CategoryFactory.create()
    for number in range(100):
        ProductFactory.create(price=f"{9 + number}.49", category=category)
    starts = [bucket["from"] for bucket in facets(anonymous)["price"]["buckets"]]
    assert starts == ["9.40", "20.00", "30.00", "40.00", "50.00", "60.00", "70.00", "80.00", "90.00", "100.00"]


def test_categories_are_bounded_and_keep_those_above(anonymous: APIClient) -> None:
    lines = []
    for number in range(4):
        above = None
        for name in ("c", "b", "a"):  # against the alphabet
            above = CategoryFactory.create(name=f"{name}{number}", parent=above)
        ProductFactory.create_batch(4 - number, category=above)
        lines.append(above)
    assert list(counts(facets(anonymous))) == [f"{name}{number}" for number in range(4) for name in ("c", "b", "a")]
    with override_settings(SHOPCORE_CATALOG_FACET_CATEGORIES=5):
        assert counts(facets(anonymous)) == {"c0": 4, "b0": 4, "a0": 4, "c1": 3, "b1": 3}


@override_settings(SHOPCORE_CATALOG_PRODUCT_FILTERSET=f"{__name__}.ExpensiveFilterSet")
def test_a_filterset_of_the_sites_own_is_asked(anonymous: APIClient) -> None:
    _, laptops, _ = shop()
    ProductFactory.create(price="949.00", category=laptops)  # the same as another one, but for the name
    assert counts(facets(anonymous)) == {"Computers": 3, "Laptops": 3}
    assert counts(facets(anonymous, "in_stock=true")) == {"Computers": 2, "Laptops": 2}


@pytest.mark.parametrize(("query", "statements"), [("", 1), ("in_stock=true&min_price=1", 1), ("category={key}", 2)])
def test_the_number_of_statements_does_not_grow(anonymous: APIClient, query: str, statements: int) -> None:
    root = CategoryFactory.create()
    # PostgreSQL's planner is asked first whether there are too many.
    expected = statements + (connection.vendor == "postgresql")
    for number in (1, 9, 40):
        for _ in range(number):
            ProductFactory.create(category=CategoryFactory.create(parent=root))
        with CaptureQueriesContext(connection) as captured:
            facets(anonymous, query.format(key=root.pk))
        assert len(captured) == expected


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_still_right_is_304_without_reading_products(anonymous: APIClient) -> None:
    computers, _, _ = shop()
    first = anonymous.get(FACETS)
    assert first["Cache-Control"] == "public, no-cache"
    assert "Authorization" in first["Vary"].split(", ")
    with CaptureQueriesContext(connection) as captured:
        again = anonymous.get(FACETS, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert not [query for query in captured if get_product_model()._meta.db_table in query["sql"].partition("WHERE")[0]]
    type(computers).objects.filter(pk=computers.pk).update(name="Machines")
    changed = anonymous.get(FACETS, HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
    assert "Machines" in counts(changed.json())
    get_product_model().objects.update(in_stock=False)
    assert anonymous.get(FACETS, HTTP_IF_NONE_MATCH=changed["ETag"]).json()["in_stock"] == {"true": 0, "false": 4}


@pytest.mark.django_db(transaction=True)
def test_kept_answers_are_shown_until_something_changes(anonymous: APIClient) -> None:
    shop()
    first = facets(anonymous, "in_stock=true")
    with CaptureQueriesContext(connection) as captured:
        assert facets(anonymous, "in_stock=true") == first
    assert not [query for query in captured if "in_stock" in query["sql"]]
    get_product_model().objects.filter(name="Mouse").delete()
    assert facets(anonymous, "in_stock=true")["count"] == first["count"] - 1


@pytest.mark.django_db(transaction=True)
def test_a_category_that_was_moved_counts_where_it_is_now(anonymous: APIClient) -> None:
    computers, laptops, books = shop()
    assert facets(anonymous, f"category={computers.pk}")["count"] == 3
    type(laptops).objects.filter(pk=laptops.pk).update(parent=books)
    assert counts(facets(anonymous, f"category={computers.pk}")) == {"Computers": 1}
    assert counts(facets(anonymous, f"category={books.pk}")) == {"Books": 3, "Laptops": 2}


@pytest.mark.django_db(transaction=True)
def test_tags_differ_by_filter_and_by_caller(anonymous: APIClient, admin_client: APIClient) -> None:
    shop()
    tags = [client.get(f"{FACETS}{query}")["ETag"] for client in (anonymous, admin_client) for query in ("", "?sku=x")]
    assert len(set(tags)) == 4
    assert admin_client.get(FACETS)["Cache-Control"].startswith("private")


@pytest.mark.projects("swapped")
def test_products_of_the_sites_own_are_counted(anonymous: APIClient) -> None:
    ProductFactory.create_batch(3, price="5.00", warranty_months=1)
    body = facets(anonymous)
    assert (body["count"], body["price"]["min"], len(body["categories"])) == (3, "5.00", 3)
