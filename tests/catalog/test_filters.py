"""The filters and orderings of the list of products."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from tests.catalog.shapes import PRODUCTS, names_in, unknown_category
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]


def at(hour: int, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime.datetime:
    return datetime.datetime(2026, 1, 31, hour, minute, second, microsecond, tzinfo=datetime.timezone.utc)


def product(name: str, created: datetime.datetime | None = None, **values: Any) -> Any:
    row = ProductFactory.create(name=name, **values)
    if created:
        get_product_model().objects.filter(pk=row.pk).update(created_at=created, updated_at=created)
    return row


def found(client: APIClient, query: str) -> list[str]:
    """The names in a list, in its order."""
    return names_in(client.get(f"{PRODUCTS}?{query}"))


def found_set(client: APIClient, query: str) -> set[str]:
    return set(found(client, query))


def test_a_category_is_found_with_everything_beneath_it(anonymous: APIClient) -> None:
    top = CategoryFactory.create()
    middle = CategoryFactory.create(parent=top)
    bottom = CategoryFactory.create(parent=middle)
    other = CategoryFactory.create()
    for name, category in (("top", top), ("middle", middle), ("bottom", bottom), ("other", other)):
        product(name, category=category)

    assert found_set(anonymous, f"category={top.pk}") == {"top", "middle", "bottom"}
    assert found_set(anonymous, f"category={middle.pk}") == {"middle", "bottom"}
    assert found_set(anonymous, f"category={bottom.pk}") == {"bottom"}
    assert found_set(anonymous, f"category={bottom.pk}&category={other.pk}") == {"bottom", "other"}
    assert found_set(anonymous, f"category={middle.pk}&category={bottom.pk}&category={middle.pk}") == {
        "middle",
        "bottom",
    }
    assert found_set(anonymous, "category=") == {"top", "middle", "bottom", "other"}


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.0", "1e1", "%D9%A1", "9" * 19, "9" * 400, "null", "1,2"])
def test_a_category_that_is_none_is_400(anonymous: APIClient, value: str) -> None:
    known = CategoryFactory.create()
    for query in (f"category={value}", f"category={known.pk}&category={value}"):
        assert errors_of(anonymous.get(f"{PRODUCTS}?{query}")) == [("category", "does_not_exist")]


def test_an_unknown_category_is_400(anonymous: APIClient) -> None:
    response = anonymous.get(PRODUCTS, {"category": unknown_category()})
    assert errors_of(response) == [("category", "does_not_exist")]


def test_prices_are_inclusive_on_both_sides(anonymous: APIClient) -> None:
    for price in ("9.99", "10.00", "10.01", "20.00", "20.01"):
        product(price, price=price)
    assert found_set(anonymous, "min_price=10&max_price=20.00") == {"10.00", "10.01", "20.00"}
    assert found_set(anonymous, "min_price=20.01") == {"20.01"}
    assert found_set(anonymous, "max_price=9.99") == {"9.99"}
    assert found_set(anonymous, "min_price=10.00&max_price=10.00") == {"10.00"}
    assert found_set(anonymous, "max_price=0") == set()
    assert found_set(anonymous, "min_price=-5&max_price=9999999999.99") == {"9.99", "10.00", "10.01", "20.00", "20.01"}


def test_a_lowest_price_above_the_highest_is_400(anonymous: APIClient) -> None:
    assert errors_of(anonymous.get(f"{PRODUCTS}?min_price=10.01&max_price=10")) == [("min_price", "min_above_max")]


@pytest.mark.parametrize("name", ["min_price", "max_price"])
@pytest.mark.parametrize(
    "value",
    ["", "x", "NaN", "Infinity", "-inf", "1e5", "1E999999", "1,5", "1.000,00", "1_0", "%D9%A1", "10000000000", "0.001"]
    + ["9" * 400, "0x10", "true", "--1", "1 2"],
)
def test_an_amount_that_cannot_be_read_is_400(anonymous: APIClient, name: str, value: str) -> None:
    [(field, _)] = errors_of(anonymous.get(f"{PRODUCTS}?{name}={value}"))
    assert field == name


def test_in_stock_is_true_or_false(anonymous: APIClient) -> None:
    product("yes")
    product("no", in_stock=False)
    for value in ("true", "True", "TRUE", "1"):
        assert found(anonymous, f"in_stock={value}") == ["yes"]
    for value in ("false", "False", "0"):
        assert found(anonymous, f"in_stock={value}") == ["no"]
    for value in ("", "2", "yes", "on", "null", "none", "tru", "unknown", "%D9%A1"):
        assert errors_of(anonymous.get(f"{PRODUCTS}?in_stock={value}")) == [("in_stock", "invalid")]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("created_after=2026-01-31T12:00:00Z", {"noon", "later"}),
        ("created_after=2026-01-31T12:00:00.000001Z", {"later"}),
        ("created_before=2026-01-31T12:00:00Z", {"early", "noon"}),
        ("created_before=2026-01-31T11:59:59.999999Z", {"early"}),
        ("created_after=2026-01-31T12:00:00Z&created_before=2026-01-31T12:00:00Z", {"noon"}),
        ("created_after=2026-01-31T17:30:00%2B05:30", {"noon", "later"}),
        ("created_after=2026-01-31T17:30:00+05:30", {"noon", "later"}),
        ("created_after=2026-01-31T04:00:00-08:00", {"noon", "later"}),
        ("created_after=2026-01-31T12:00:00", {"noon", "later"}),
        ("created_after=2026-01-31%2012:00:00", {"noon", "later"}),
        ("created_after=2026-01-31", {"early", "noon", "later"}),
        ("created_before=2026-01-31", set()),
        ("created_before=0001-01-01T00:00:00Z", set()),
        ("created_before=9999-12-31T23:59:59Z", {"early", "noon", "later"}),
        ("updated_after=2026-01-31T12:00:00Z", {"noon", "later"}),
    ],
)
def test_times_are_inclusive_and_in_utc_unless_they_say_otherwise(
    anonymous: APIClient, query: str, names: set[str]
) -> None:
    for name, hour in (("early", 11), ("noon", 12), ("later", 13)):
        product(name, at(hour))
    assert found_set(anonymous, query) == names


@pytest.mark.parametrize("name", ["created_after", "created_before", "updated_after"])
@pytest.mark.parametrize(
    "value",
    ["x", "yesterday", "31.01.2026", "2026-02-30", "2026-01-31T25:00:00Z", "2026-01-31T12:00:00%2B99:00", "12:00:00"]
    + ["10000-01-01", "0000-01-01", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00%2B23:00", "1769860800"]
    + ["2026-0%D9%A1-31", "9" * 400, "-1"],
)
def test_a_time_that_cannot_be_read_is_400(anonymous: APIClient, name: str, value: str) -> None:
    assert errors_of(anonymous.get(f"{PRODUCTS}?{name}={value}")) == [(name, "invalid")]


def test_slug_and_sku_are_exact(anonymous: APIClient) -> None:
    product("A", slug="größe-1", sku="A-1")
    product("B", slug="größe-10", sku="a-1")
    assert found(anonymous, "slug=gr%C3%B6%C3%9Fe-1") == ["A"]
    assert found(anonymous, "sku=A-1") == ["A"]
    assert found(anonymous, "slug=gr") == []
    assert found(anonymous, "sku=%25") == []
    assert found(anonymous, "slug=" + "x" * 5000) == []
    assert found(anonymous, "slug=größe-1&sku=a-1") == []


def test_filters_are_combined(anonymous: APIClient) -> None:
    category = CategoryFactory.create()
    product("match", category=category, price=10)
    product("dear", category=category, price=11)
    product("sold out", category=category, price=10, in_stock=False)
    product("elsewhere", price=10)
    assert found(anonymous, f"category={category.pk}&max_price=10&in_stock=true&search=match") == ["match"]


def test_an_unknown_parameter_is_ignored(anonymous: APIClient) -> None:
    product("A")
    assert found(anonymous, "utm_source=x&is_published=false&private_metadata=x&id__gt=5&price__lt=0") == ["A"]


def test_every_wrong_filter_is_named(anonymous: APIClient) -> None:
    response = anonymous.get(f"{PRODUCTS}?min_price=x&in_stock=x&created_after=x&ordering=x&category=x")
    assert {field for field, _ in errors_of(response)} == {
        "min_price",
        "in_stock",
        "created_after",
        "ordering",
        "category",
    }


@pytest.fixture
def assortment(db: None) -> None:
    for name, price, hour in (("b", 1, 10), ("a", 2, 11), ("a", 1, 12), ("c", 3, 9)):
        product(name, at(hour), price=price)


@pytest.mark.usefixtures("assortment")
@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("", ["a1", "a2", "b1", "c3"]),
        ("-created_at", ["a1", "a2", "b1", "c3"]),
        ("created_at", ["c3", "b1", "a2", "a1"]),
        ("price,-name", ["b1", "a1", "a2", "c3"]),
        ("-price,name", ["c3", "a2", "a1", "b1"]),
        ("name,price", ["a1", "a2", "b1", "c3"]),
        ("name,-price", ["a2", "a1", "b1", "c3"]),
        ("-name,created_at", ["c3", "b1", "a2", "a1"]),
        ("price, -created_at", ["a1", "b1", "a2", "c3"]),
        ("price,name,created_at", ["a1", "b1", "a2", "c3"]),
    ],
)
def test_orderings(anonymous: APIClient, ordering: str, expected: list[str]) -> None:
    rows = anonymous.get(PRODUCTS, {"ordering": ordering}).json()["results"]
    assert [f"{row['name']}{row['price'][0]}" for row in rows] == expected


@pytest.mark.parametrize(
    "ordering",
    ["id", "-id", "updated_at", "slug", "private_metadata", "category__name", "price,", ",price", "price,,name", "-"]
    + ["--price", "+price", "Price", "price asc", "price;drop", "?", "-?", "name,is_published", "pk", "price,id", "0"],
)
def test_any_other_ordering_is_400(anonymous: APIClient, ordering: str) -> None:
    assert errors_of(anonymous.get(PRODUCTS, {"ordering": ordering})) == [("ordering", "invalid_choice")]


@pytest.mark.parametrize(("ordering", "ascending"), [("price", True), ("-price", False), ("name,-price", True)])
def test_ties_break_on_the_id(anonymous: APIClient, ordering: str, ascending: bool) -> None:
    category = CategoryFactory.create()
    rows = [product("same", at(12), price=5, category=category) for _ in range(6)]
    expected = sorted((row.pk for row in rows), reverse=not ascending)
    listed = anonymous.get(PRODUCTS, {"ordering": ordering}).json()["results"]
    assert [row["id"] for row in listed] == [pk if isinstance(pk, int) else str(pk) for pk in expected]


def test_the_default_order_breaks_ties_on_the_id_newest_first(anonymous: APIClient) -> None:
    category = CategoryFactory.create()
    rows = [product("same", at(12), category=category) for _ in range(4)]
    expected = sorted((row.pk for row in rows), reverse=True)
    listed = anonymous.get(PRODUCTS).json()["results"]
    assert [row["id"] for row in listed] == [pk if isinstance(pk, int) else str(pk) for pk in expected]
