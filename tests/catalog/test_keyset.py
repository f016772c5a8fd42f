"""Keyset pagination: forward and back over ties, with others writing in between."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.conf import settings
from django.core import signing
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from tests.catalog.shapes import CATEGORIES, PRODUCTS, key_of, product_body
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

ORDERINGS = [
    "",
    "ordering=created_at",
    "ordering=-created_at",
    "ordering=price",
    "ordering=-price",
    "ordering=name",
    "ordering=-name",
    "ordering=price,-name",
    "ordering=-name,price,-created_at",
    "search=lamp",
    "search=lamp&ordering=price",
]
NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)


def product(number: int, category: Any) -> Any:
    """One of a stock in which every column that can be ordered by has many ties."""
    row = ProductFactory.create(
        name=f"Lamp {'ABäé'[number % 4]}",
        description="lamp " * (number % 3),
        price=f"{number % 3}.10",
        category=category,
    )
    created = NOON + datetime.timedelta(seconds=number % 5, microseconds=number % 2)
    get_product_model().objects.filter(pk=row.pk).update(created_at=created)
    return row


@pytest.fixture
def category(db: None) -> Any:
    return CategoryFactory.create()


def page(client: APIClient, url: str) -> dict[str, Any]:
    response = client.get(url)
    assert response.status_code == 200, response.json()
    body: dict[str, Any] = response.json()
    assert set(body) == {"next", "previous", "results"}
    return body


def ids_of(body: dict[str, Any]) -> list[Any]:
    return [row["id"] for row in body["results"]]


def cursor_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["cursor"][0]


@pytest.mark.parametrize("query", ORDERINGS)
def test_forward_and_back_over_ties_shows_every_row_once_in_the_order_of_the_pages(
    anonymous: APIClient, category: Any, query: str
) -> None:
    for number in range(23):
        product(number, category)
    expected = ids_of(anonymous.get(f"{PRODUCTS}?{query}&size=100").json())
    assert len(expected) == 23

    pages = [page(anonymous, f"{PRODUCTS}?{query}&size=4&cursor=")]
    assert pages[0]["previous"] is None
    while pages[-1]["next"]:
        pages.append(page(anonymous, pages[-1]["next"]))
    assert [pk for body in pages for pk in ids_of(body)] == expected
    assert len(pages) == 6

    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(page(anonymous, back[-1]["previous"]))
    assert [ids_of(body) for body in reversed(back)] == [ids_of(body) for body in pages]
    forward_again = [back[-1]]
    while forward_again[-1]["next"]:
        forward_again.append(page(anonymous, forward_again[-1]["next"]))
    assert [pk for body in forward_again for pk in ids_of(body)] == expected


@pytest.mark.parametrize("query", ORDERINGS)
def test_inserts_and_deletes_in_between_neither_skip_nor_repeat_a_row(
    anonymous: APIClient, category: Any, query: str
) -> None:
    old = {key_of(product(number, category)) for number in range(20)}
    seen: list[Any] = []
    url: str | None = f"{PRODUCTS}?{query}&size=3&cursor="
    number = 100
    while url:
        body = page(anonymous, url)
        seen += ids_of(body)
        # Before, at and behind the place where the reader is; and what was read last goes.
        for _ in range(4):
            product(number, category)
            number += 1
        get_product_model().objects.filter(pk=ids_of(body)[-1]).delete()
        url = body["next"]
        assert number < 400
    assert len(seen) == len(set(seen))
    assert old <= set(seen)


@pytest.mark.parametrize("query", ["ordering=price", "ordering=-created_at", "ordering=name"])
def test_inserts_in_between_do_not_disturb_the_way_back(anonymous: APIClient, category: Any, query: str) -> None:
    old = [key_of(product(number, category)) for number in range(12)]
    body = page(anonymous, f"{PRODUCTS}?{query}&size=5&cursor=")
    while body["next"]:
        body = page(anonymous, body["next"])
    seen = ids_of(body)
    number = 100
    while body["previous"]:
        product(number, category)
        number += 1
        body = page(anonymous, body["previous"])
        seen = ids_of(body) + seen
    assert len(seen) == len(set(seen))
    assert set(old) <= set(seen)


def test_a_page_by_cursor_has_whole_rows_and_no_count(anonymous: APIClient, category: Any) -> None:
    row = product(1, category)
    row.refresh_from_db()
    assert anonymous.get(PRODUCTS, {"cursor": ""}).json() == {
        "next": None,
        "previous": None,
        "results": [product_body(row)],
    }
    assert anonymous.get(f"{CATEGORIES}?cursor=").json()["next"] is None


def test_an_empty_list_by_cursor(anonymous: APIClient) -> None:
    assert anonymous.get(PRODUCTS, {"cursor": ""}).json() == {"next": None, "previous": None, "results": []}


def test_links_keep_the_other_parameters(anonymous: APIClient, category: Any) -> None:
    for number in range(4):
        product(number, category)
    url = f"{PRODUCTS}?ordering=price&size=2&category={category.pk}&category={category.pk}&fields=id&cursor="
    link = page(anonymous, url)["next"]
    parameters = parse_qs(urlsplit(link).query)
    del parameters["cursor"]
    assert parameters == {
        "ordering": ["price"],
        "size": ["2"],
        "category": [str(category.pk)] * 2,
        "fields": ["id"],
    }


def test_size_and_fields_may_change_on_the_way(anonymous: APIClient, category: Any) -> None:
    for number in range(6):
        product(number, category)
    cursor = cursor_of(page(anonymous, f"{PRODUCTS}?size=2&cursor=")["next"])
    body = page(anonymous, f"{PRODUCTS}?size=100&fields=id,name&cursor={quote(cursor)}")
    assert len(body["results"]) == 4
    assert set(body["results"][0]) == {"id", "name"}


@pytest.mark.parametrize(
    "query",
    ["ordering=price", "ordering=-price", "ordering=price,name", "ordering=created_at", "in_stock=true", "search=lamp"]
    + ["ordering=name&min_price=0", "ordering=name&category=CATEGORY", "slug=x"],
)
def test_a_cursor_of_another_ordering_or_filter_is_400(anonymous: APIClient, category: Any, query: str) -> None:
    for number in range(4):
        product(number, category)
    query = query.replace("CATEGORY", str(category.pk))
    cursor = cursor_of(page(anonymous, f"{PRODUCTS}?ordering=name&size=2&cursor=")["next"])
    response = anonymous.get(f"{PRODUCTS}?{query}&size=2&cursor={quote(cursor)}")
    assert errors_of(response) == [("cursor", "invalid_cursor")]
    assert page(anonymous, f"{PRODUCTS}?ordering=name&size=2&cursor={quote(cursor)}")["results"]


def test_a_cursor_of_another_list_is_400(anonymous: APIClient, category: Any) -> None:
    for number in range(3):
        product(number, category)
        CategoryFactory.create()
    cursor = cursor_of(page(anonymous, f"{CATEGORIES}?size=2&cursor=")["next"])
    assert errors_of(anonymous.get(f"{PRODUCTS}?cursor={quote(cursor)}")) == [("cursor", "invalid_cursor")]


def test_a_cursor_excludes_a_page(anonymous: APIClient) -> None:
    for query in ("cursor=&page=1", "page=1&cursor=x"):
        assert errors_of(anonymous.get(f"{PRODUCTS}?{query}")) == [("cursor", "invalid_cursor")]


def test_a_cursor_that_was_tampered_with_is_400(anonymous: APIClient, category: Any) -> None:
    for number in range(4):
        product(number, category)
    cursor = cursor_of(page(anonymous, f"{PRODUCTS}?size=2&cursor=")["next"])
    for place in range(0, len(cursor), 5):
        wrong = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        response = anonymous.get(f"{PRODUCTS}?size=2&cursor={quote(wrong)}")
        assert errors_of(response) == [("cursor", "invalid_cursor")], place


@pytest.mark.parametrize("cursor", ["x", "1", "null", "a:b:c", ":::", ".", "é", "١", "A" * 3000, "eyJhIjoxfQ:1:x", " "])
def test_a_cursor_that_is_not_ours_is_400(anonymous: APIClient, cursor: str) -> None:
    assert errors_of(anonymous.get(PRODUCTS, {"cursor": cursor})) == [("cursor", "invalid_cursor")]


@pytest.mark.parametrize("payload", [[], {}, "x", 1, None, [1, 2], ["x", False, []], [[], [], []]])
def test_something_else_that_this_site_signed_is_no_cursor(anonymous: APIClient, payload: Any) -> None:
    for salt in ("django_shopcore.core.keyset", "another"):
        cursor = signing.dumps(payload, salt=salt)
        assert errors_of(anonymous.get(PRODUCTS, {"cursor": cursor})) == [("cursor", "invalid_cursor")]


def test_a_cursor_outlives_its_key_for_as_long_as_that_is_a_fallback(anonymous: APIClient, category: Any) -> None:
    for number in range(4):
        product(number, category)
    link = page(anonymous, f"{PRODUCTS}?size=2&cursor=")["next"]
    expected = ids_of(page(anonymous, link))
    with override_settings(SECRET_KEY="a new one", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert ids_of(page(anonymous, link)) == expected
    with override_settings(SECRET_KEY="a new one"):
        assert errors_of(anonymous.get(link)) == [("cursor", "invalid_cursor")]


def test_a_deep_page_by_cursor_takes_one_query_without_an_offset(anonymous: APIClient, category: Any) -> None:
    for number in range(8):
        product(number, category)
    link = page(anonymous, f"{PRODUCTS}?size=3&cursor=")["next"]
    with CaptureQueriesContext(connection) as captured:
        page(anonymous, link)
    assert len(captured) == 1
    assert "OFFSET" not in captured[0]["sql"]
    assert "COUNT(" not in captured[0]["sql"].upper()


def test_unpublished_products_are_not_on_the_way_of_a_customer(anonymous: APIClient, category: Any) -> None:
    rows = [product(number, category) for number in range(9)]
    get_product_model().objects.filter(pk__in=[row.pk for row in rows[::2]]).update(is_published=False)
    body = page(anonymous, f"{PRODUCTS}?size=2&cursor=")
    seen = ids_of(body)
    while body["next"]:
        body = page(anonymous, body["next"])
        seen += ids_of(body)
    assert set(seen) == {key_of(row) for row in rows[1::2]}
    assert len(seen) == 4
