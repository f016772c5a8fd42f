"""Lists by page: sizes, links, counts and what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.core.models import TableVersion
from tests.catalog.shapes import CATEGORIES, PRODUCTS, names_in, product_body
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL estimates.")
sqlite = pytest.mark.skipif(connection.vendor == "postgresql", reason="Other databases count on.")


def stock(number: int, **values: Any) -> list[Any]:
    """So many products, in the order of the list by name."""
    category = CategoryFactory.create()
    return [
        ProductFactory.create(name=f"P{place:03}", category=category, **values)
        for place in range(number)
    ]  # fmt: skip


def query_of(link: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(link).query, keep_blank_values=True)


def test_an_empty_list_is_a_page(anonymous: APIClient) -> None:
    empty = {"count": 0, "count_is_exact": True, "next": None, "previous": None, "results": []}
    assert anonymous.get(PRODUCTS).json() == empty
    assert anonymous.get(PRODUCTS, {"page": 1}).json() == empty
    assert problem_of(anonymous.get(PRODUCTS, {"page": 2})) == (404, "not_found")


def test_a_page_has_twenty_rows_unless_the_request_says_otherwise(anonymous: APIClient) -> None:
    rows = stock(21)
    for row in rows:
        row.refresh_from_db()
    body = anonymous.get(PRODUCTS, {"ordering": "name"}).json()
    assert body == {
        "count": 21,
        "count_is_exact": True,
        "next": f"http://testserver{PRODUCTS}?ordering=name&page=2",
        "previous": None,
        "results": [product_body(row) for row in rows[:20]],
    }
    assert anonymous.get(PRODUCTS, {"ordering": "name", "page": 2}).json() == {
        "count": 21,
        "count_is_exact": True,
        "next": None,
        "previous": f"http://testserver{PRODUCTS}?ordering=name",
        "results": [product_body(rows[20])],
    }


def test_the_sizes_of_pages_are_settings(anonymous: APIClient) -> None:
    stock(6)
    with override_settings(SHOPCORE_PAGE_SIZE=2, SHOPCORE_MAX_PAGE_SIZE=4):
        assert len(anonymous.get(PRODUCTS).json()["results"]) == 2
        assert len(anonymous.get(PRODUCTS, {"size": 3}).json()["results"]) == 3
        assert len(anonymous.get(PRODUCTS, {"size": 5}).json()["results"]) == 4


@pytest.mark.parametrize("size", ["100", "101", "1000", "9" * 30, "0100"])
def test_a_larger_size_is_served_as_a_hundred(anonymous: APIClient, size: str) -> None:
    stock(101)
    for more in ({}, {"cursor": ""}):
        body = anonymous.get(PRODUCTS, {"size": size, **more}).json()
        assert len(body["results"]) == 100
        assert body["next"]


@pytest.mark.parametrize("name", ["page", "size"])
@pytest.mark.parametrize(
    "value", ["0", "-1", "x", "", " ", "1.0", "1e1", "+1", " 1", "1 ", "١", "１", "0x1", "1_0", "NaN", "00", "1,2", "²"]
)
def test_a_page_or_size_that_is_no_positive_integer_is_400(anonymous: APIClient, name: str, value: str) -> None:
    stock(1)
    assert errors_of(anonymous.get(PRODUCTS, {name: value})) == [(name, "invalid")]
    assert errors_of(anonymous.get(CATEGORIES, {name: value})) == [(name, "invalid")]


@pytest.mark.parametrize("page", ["2", "3", str(2**31), str(2**62), str(2**63), str(2**64), "1" + "0" * 30, "9" * 5000])
@pytest.mark.parametrize("size", ["1", "20", "100"])
def test_a_page_past_the_end_is_404_however_large(anonymous: APIClient, page: str, size: str) -> None:
    stock(1)
    assert problem_of(anonymous.get(PRODUCTS, {"page": page, "size": size})) == (404, "not_found")


def test_the_last_page_may_be_full(anonymous: APIClient) -> None:
    stock(4)
    body = anonymous.get(PRODUCTS, {"page": 2, "size": 2}).json()
    assert (body["count"], body["next"], len(body["results"])) == (4, None, 2)
    assert problem_of(anonymous.get(PRODUCTS, {"page": 3, "size": 2})) == (404, "not_found")


def test_links_keep_every_parameter_and_lead_through_the_whole_list(anonymous: APIClient) -> None:
    rows = stock(7, in_stock=False)
    category = rows[0].category_id
    query = f"ordering=name&size=2&in_stock=false&category={category}&category={category}&fields=name,id&search=p0"
    url: str | None = f"{PRODUCTS}?{query}"
    names, links = [], []
    while url:
        body = anonymous.get(url).json()
        names += [row["name"] for row in body["results"]]
        links.append(body["previous"])
        assert body["count"] == 7
        for link in filter(None, (body["next"], body["previous"])):
            assert link.startswith(f"http://testserver{PRODUCTS}?")
            parameters = query_of(link)
            parameters.pop("page", None)
            assert parameters == query_of("?" + query)
        url = body["next"]
    assert names == [row.name for row in rows]
    assert [link and query_of(link).get("page") for link in links] == [None, None, ["2"], ["3"]]


def test_a_list_of_categories_is_paged_the_same_way(anonymous: APIClient) -> None:
    for number in range(5):
        CategoryFactory.create(name=f"C{number}")
    body = anonymous.get(CATEGORIES, {"size": 2, "page": 2}).json()
    assert [row["name"] for row in body["results"]] == ["C2", "C3"]
    assert (body["count"], body["count_is_exact"]) == (5, True)
    assert names_in(anonymous.get(CATEGORIES, {"size": 2, "page": 3})) == ["C4"]


@override_settings(SHOPCORE_COUNT_BOUND=5)
def test_counts_are_exact_up_to_the_bound(anonymous: APIClient) -> None:
    stock(5)
    body = anonymous.get(PRODUCTS, {"size": 2}).json()
    assert (body["count"], body["count_is_exact"]) == (5, True)


@postgresql
@override_settings(SHOPCORE_COUNT_BOUND=5)
def test_above_the_bound_the_count_is_an_estimate_that_says_so(anonymous: APIClient) -> None:
    stock(40)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for query in ({}, {"in_stock": "true"}, {"min_price": "1"}, {"ordering": "price"}, {"fields": "id"}):
        body = anonymous.get(PRODUCTS, {"size": 2, **query}).json()
        assert body["count_is_exact"] is False
        assert body["count"] >= 6
        assert body["next"]
    assert anonymous.get(PRODUCTS, {"size": 2}).json()["count"] == 40
    # Matches of a search are all looked at before they are ranked.
    assert anonymous.get(PRODUCTS, {"size": 2, "search": "p"}).json()["count"] == 40


@postgresql
@override_settings(SHOPCORE_COUNT_BOUND=5)
def test_an_estimate_is_never_below_the_rows_already_seen(anonymous: APIClient) -> None:
    stock(40)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    stock(40)
    body = anonymous.get(PRODUCTS, {"size": 30, "page": 2}).json()
    assert body["count_is_exact"] is False
    assert body["count"] >= 61


@postgresql
@override_settings(SHOPCORE_COUNT_BOUND=5)
def test_the_last_page_knows_the_count_whatever_the_bound(anonymous: APIClient) -> None:
    stock(9)
    body = anonymous.get(PRODUCTS, {"size": 4, "page": 3}).json()
    assert (body["count"], body["count_is_exact"], len(body["results"])) == (9, True, 1)


@pytest.mark.django_db(transaction=True)
@override_settings(SHOPCORE_COUNT_BOUND=5)
def test_a_whole_catalogue_is_counted_exactly_whatever_the_bound(anonymous: APIClient, admin_client: APIClient) -> None:
    [*_, hidden] = stock(41)
    get_product_model().objects.filter(pk=hidden.pk).update(is_published=False)
    for query in ({}, {"ordering": "price"}, {"fields": "id"}, {"page": 3}):
        for client, count in ((anonymous, 40), (admin_client, 41)):
            body = client.get(PRODUCTS, {"size": 2, **query}).json()
            assert (body["count"], body["count_is_exact"]) == (count, True)
    categories = anonymous.get(CATEGORIES, {"size": 1}).json()
    assert (categories["count"], categories["count_is_exact"]) == (1, True)


@pytest.mark.django_db(transaction=True)
def test_a_whole_catalogue_is_counted_without_its_rows_and_a_filtered_one_by_them(
    anonymous: APIClient, admin_client: APIClient
) -> None:
    stock(9)
    TableVersion.objects.filter(table=get_product_model()._meta.db_table).update(visible=77, total=99)
    counted = [client.get(PRODUCTS, {"size": 2}).json()["count"] for client in (anonymous, admin_client)]
    assert counted == [77, 99]
    for query in ({"in_stock": "true"}, {"min_price": "1"}):
        assert anonymous.get(PRODUCTS, {"size": 2, **query}).json()["count"] == 9


@sqlite
@override_settings(SHOPCORE_COUNT_BOUND=5)
def test_databases_without_estimates_count_on(anonymous: APIClient) -> None:
    stock(9)
    body = anonymous.get(PRODUCTS, {"size": 2}).json()
    assert (body["count"], body["count_is_exact"]) == (9, True)
