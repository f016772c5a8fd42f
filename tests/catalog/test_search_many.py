"""Searches with many matches, and pages that are remembered: always what the rows say, in the order that is promised."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.search.base import SearchBackend, get_backend
from django_shopcore.core import pages
from tests.catalog.shapes import PRODUCTS
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "swapped")]

postgresql_only = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="Only PostgreSQL bounds the work.")
FIRST = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(autouse=True)
def remembered_from_the_first_row(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pages, "RANKED", 0)
    monkeypatch.setattr(pages, "COUNTED", 0)
    if not get_backend("default").compiles:
        pytest.skip("A search by LIKE ranks all that it finds, and remembers nothing.")
    with override_settings(SHOPCORE_CATALOG_CACHE=0):
        yield


def stock(number: int = 40) -> None:
    """Every second product is of brass; prices fall and rise again."""
    categories = [CategoryFactory(name=name) for name in ("Lamps", "Chairs")]
    for place in range(number):
        product = ProductFactory(
            name=f"Thing {place}",
            description="made of brass" if place % 2 else "made of oak",
            price=f"{(place * 7) % 11 + 1}.00",
            category=categories[place % 4 == 1],
            is_published=place % 9 != 3,
        )
        get_product_model().objects.filter(pk=product.pk).update(created_at=FIRST + datetime.timedelta(hours=place))


def matching(category: str | None = None) -> list[Any]:
    rows = get_product_model().objects.filter(is_published=True, description__contains="brass")
    return list(rows.filter(category__name=category) if category else rows)


def newest_first(rows: list[Any]) -> list[str]:
    return [row.name for row in sorted(rows, key=lambda row: (row.created_at, row.pk), reverse=True)]


def cheapest_first(rows: list[Any]) -> list[str]:
    return [row.name for row in sorted(rows, key=lambda row: (row.price, row.pk))]


def names_of(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def every_page(client: APIClient, **query: Any) -> list[str]:
    """The names on all pages, as a client follows them."""
    answer = client.get(PRODUCTS, {"search": "brass", "size": 4, **query})
    found = names_of(answer)
    while link := answer.json()["next"]:
        answer = client.get(link)
        found += names_of(answer)
    return found


@pytest.mark.parametrize("walk", [2, 15, 1000], ids=["beyond the walk", "partly beyond it", "within it"])
@pytest.mark.parametrize("counted", [3, 8, 100], ids=["many", "some", "few"])
@pytest.mark.parametrize("start", [{}, {"cursor": ""}], ids=["page", "cursor"])
def test_more_matches_than_are_ranked_come_in_the_order_of_the_list(
    anonymous: APIClient, monkeypatch: pytest.MonkeyPatch, walk: int, counted: int, start: dict[str, str]
) -> None:
    stock()
    for backend in SearchBackend.__subclasses__():
        if backend.walk_bound:
            monkeypatch.setattr(backend, "walk_bound", walk)
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=2, SHOPCORE_COUNT_BOUND=counted):
        for _ in range(2):
            assert every_page(anonymous, **start) == newest_first(matching())
            assert every_page(anonymous, ordering="price", **start) == cheapest_first(matching())
            chairs = get_category_model().objects.get(name="Chairs").pk
            assert every_page(anonymous, category=chairs, **start) == newest_first(matching("Chairs"))


def test_up_to_the_bound_matches_are_ranked(anonymous: APIClient) -> None:
    stock(8)
    oldest = get_product_model().objects.order_by("created_at")[0]
    get_product_model().objects.filter(pk=oldest.pk).update(name="Brass lamp")
    number = len(names_of(anonymous.get(PRODUCTS, {"search": "brass"})))
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=number):
        assert names_of(anonymous.get(PRODUCTS, {"search": "brass"}))[0] == "Brass lamp"
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=number - 1):
        assert names_of(anonymous.get(PRODUCTS, {"search": "brass"}))[-1] == "Brass lamp"


@postgresql_only
def test_the_count_is_exact_up_to_its_bound_and_an_estimate_above_it(anonymous: APIClient) -> None:
    stock()
    number = len(matching())
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=2):
        for _ in range(2):
            with override_settings(SHOPCORE_COUNT_BOUND=number):
                body = anonymous.get(PRODUCTS, {"search": "brass", "size": 3}).json()
                assert (body["count"], body["count_is_exact"]) == (number, True)
            with override_settings(SHOPCORE_COUNT_BOUND=number - 1):
                body = anonymous.get(PRODUCTS, {"search": "brass", "size": 3}).json()
                assert (body["count"] >= number, body["count_is_exact"]) == (True, False)


REQUESTS = [
    {"search": "brass"},
    {"search": "brass", "page": 2, "size": 3},
    {"search": "brass", "ordering": "price"},
    {"max_price": "6.00", "ordering": "-price"},
    {"in_stock": "true", "min_price": "2.00", "page": 2, "size": 5},
]


@pytest.mark.parametrize("bound", [2, 2000], ids=["not ranked", "ranked"])
def test_a_page_that_is_asked_for_again_is_read_by_its_keys(anonymous: APIClient, bound: int) -> None:
    stock()
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=bound):
        for query in REQUESTS:
            first = anonymous.get(PRODUCTS, query)
            with CaptureQueriesContext(
                connection,
            ) as captured:
                again = anonymous.get(PRODUCTS, query)
            assert again.json() == first.json()
            assert again["ETag"] == first["ETag"]
            [statement] = [one["sql"] for one in captured if "is_published" in one["sql"]]
            assert "ORDER BY" not in statement
            assert "count(" not in statement.lower()


def publish_all() -> None:
    get_product_model().objects.update(is_published=True)


def hide_one() -> None:
    row = matching()[3]
    row.is_published = False
    row.save()


def delete_one() -> None:
    matching()[2].delete()


def rename_category() -> None:
    get_category_model().objects.filter(name="Chairs").update(name="Seats")


def turn_oak_into_brass() -> None:
    get_product_model().objects.filter(description="made of oak").update(description="of brass too", name="Oak no more")


def raise_a_price() -> None:
    row = matching()[1]
    row.price = 99
    row.save()


WRITES = [publish_all, hide_one, delete_one, rename_category, turn_oak_into_brass, raise_a_price]


@pytest.mark.parametrize("bound", [2, 2000], ids=["not ranked", "ranked"])
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_a_remembered_page_is_forgotten_with_any_change(anonymous: APIClient, write: Any, bound: int) -> None:
    stock()
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=bound):
        for _ in range(2):
            before = [anonymous.get(PRODUCTS, query).json() for query in REQUESTS]
        write()
        after = [anonymous.get(PRODUCTS, query).json() for query in REQUESTS]
        assert after != before
        fresh = [
            anonymous.get(PRODUCTS, {**query, "size": query.get("size", 20), "x": "1"}).json() for query in REQUESTS
        ]
        with override_settings(SHOPCORE_COUNT_BOUND=9_999):  # nothing is remembered for it
            anew = [anonymous.get(PRODUCTS, query).json() for query in REQUESTS]
    assert after == anew
    assert [page["results"] for page in after] == [page["results"] for page in fresh]


def test_a_transaction_sees_its_own_changes_and_what_it_saw_is_not_remembered(anonymous: APIClient) -> None:
    stock()
    query = {"search": "brass", "size": 100}
    for _ in range(2):
        before = names_of(anonymous.get(PRODUCTS, query))
    with transaction.atomic():
        hide_one()
        assert sorted(names_of(anonymous.get(PRODUCTS, query))) == sorted(row.name for row in matching())
        transaction.set_rollback(True)
    assert names_of(anonymous.get(PRODUCTS, query)) == before


def test_an_admin_s_page_is_not_an_anonymous_caller_s(anonymous: APIClient, admin_client: APIClient) -> None:
    stock()
    query = {"search": "brass", "size": 100}
    for _ in range(3):
        seen = [len(names_of(client.get(PRODUCTS, query))) for client in (admin_client, anonymous)]
    assert seen == [20, len(matching())]


def test_random_reads_and_writes_agree_with_the_rows(anonymous: APIClient) -> None:
    stock(24)
    draw = random.Random(5)
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=2):
        for _ in range(60):
            for _ in range(draw.randint(1, 4)):
                size, bound = draw.choice((3, 7, 100)), draw.choice((4, 9, 100))
                with override_settings(SHOPCORE_COUNT_BOUND=bound):
                    assert every_page(anonymous, size=size) == newest_first(matching())
                    assert every_page(anonymous, size=size, ordering="price") == cheapest_first(matching())
            row = draw.choice(list(get_product_model().objects.all()))
            row.price, row.is_published = draw.randint(1, 9), draw.random() < 0.8
            row.description = draw.choice(("of brass", "of oak"))
            row.save()


def test_what_is_remembered_of_one_value_is_not_shown_for_another(anonymous: APIClient) -> None:
    stock()
    for _ in range(2):
        for word, rows in (("brass", matching()), ("oak", None)):
            expected = rows or get_product_model().objects.filter(is_published=True, description__contains="oak")
            found = names_of(anonymous.get(PRODUCTS, {"search": word, "size": 100}))
            assert sorted(found) == sorted(row.name for row in expected)
        for price in ("3.00", "8.00"):
            found = names_of(anonymous.get(PRODUCTS, {"max_price": price, "size": 100}))
            assert len(found) == get_product_model().objects.filter(is_published=True, price__lte=price).count()


def test_when_few_matches_are_left_they_are_ranked_again(anonymous: APIClient) -> None:
    stock()
    oldest = get_product_model().objects.order_by("created_at")[0]
    get_product_model().objects.filter(pk=oldest.pk).update(name="Brass lamp")
    with override_settings(SHOPCORE_CATALOG_SEARCH_RANK_BOUND=5):
        for _ in range(2):
            assert names_of(anonymous.get(PRODUCTS, {"search": "brass", "size": 100}))[-1] == "Brass lamp"
        get_product_model().objects.exclude(pk__in=[oldest.pk, *(row.pk for row in matching()[:3])]).delete()
        assert names_of(anonymous.get(PRODUCTS, {"search": "brass", "size": 100}))[0] == "Brass lamp"
