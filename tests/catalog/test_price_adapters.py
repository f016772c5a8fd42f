"""Adapters say what price a product is shown with and whether it is in stock, to whoever asks, and never to others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.adapters import Price, StoredAvailability, StoredPrices
from tests.catalog.shapes import path_of
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "swapped_both", "host_user")]

HERE = __name__
LIST = "/api/v1/products/"
SHOWN = ("price", "compare_at_price", "currency", "in_stock")

asked: list[Any] = []


class HalfPrice(StoredPrices):
    """Half of it in euros for a country that a header names."""

    def price_of(self, product: Any, *, request: Any) -> Price:
        asked.append(product.pk)
        if request is None or request.META.get("HTTP_X_COUNTRY") != "DE":
            return super().price_of(product, request=request)
        return Price(product.price / 2, "EUR", compare_at=product.price)


class SoldOut(StoredAvailability):
    def is_in_stock(self, product: Any, *, request: Any) -> bool:
        return super().is_in_stock(product, request=request) and "HTTP_X_SOLD_OUT" not in request.META


class NoAdapter:
    pass


PRICES = {"SHOPCORE_CATALOG_PRICE_ADAPTER": f"{HERE}.HalfPrice"}
STOCK = {"SHOPCORE_CATALOG_AVAILABILITY_ADAPTER": f"{HERE}.SoldOut"}


@pytest.fixture(autouse=True)
def product() -> Any:
    asked.clear()
    return ProductFactory.create(price=Decimal("10.00"), in_stock=True)


def shown(body: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(body[name] for name in SHOWN)


def test_a_price_is_that_of_whoever_asks_also_after_it_was_shown_to_others(anonymous: APIClient, product: Any) -> None:
    for path, of in ((LIST, lambda body: body["results"][0]), (path_of(product), lambda body: body)):
        before = of(anonymous.get(path).json())
        assert shown(before) == ("10.00", None, "USD", True)
        with override_settings(**PRICES):
            for _ in range(3):
                assert shown(of(anonymous.get(path).json())) == ("10.00", None, "USD", True)
                there = anonymous.get(path, headers={"x-country": "DE"})
                assert shown(of(there.json())) == ("5.00", "10.00", "EUR", True)
        assert of(anonymous.get(path).json()) == before


def test_stock_is_what_the_adapter_says(anonymous: APIClient, product: Any) -> None:
    with override_settings(**STOCK):
        for _ in range(2):
            assert anonymous.get(path_of(product)).json()["in_stock"] is True
            assert anonymous.get(path_of(product), headers={"x-sold-out": "1"}).json()["in_stock"] is False
            assert anonymous.get(LIST, headers={"x-sold-out": "1"}).json()["results"][0]["in_stock"] is False


def test_an_adapter_is_asked_once_for_a_product_of_a_list_and_costs_no_statement(
    anonymous: APIClient, django_assert_max_num_queries: Any
) -> None:
    products = ProductFactory.create_batch(4)
    with override_settings(**PRICES, **STOCK):
        anonymous.get(LIST)
        asked.clear()
        with django_assert_max_num_queries(4):
            body = anonymous.get(LIST, headers={"x-country": "DE"}).json()
        assert len(asked) == len(body["results"]) == len(products) + 1
        asked.clear()
        with django_assert_max_num_queries(4):
            body = anonymous.get(LIST, {"fields": "id,price,in_stock"}, headers={"x-country": "DE"}).json()
        assert {tuple(row) for row in body["results"]} == {("id", "price", "in_stock")}
        anonymous.get(LIST, {"fields": "id,name"})
        assert len(asked) == len(products) + 1, "no question for fields that are not shown"


def test_writes_take_what_is_stored_and_answer_with_what_is_shown(admin_client: APIClient) -> None:
    with override_settings(**PRICES):
        body = {"name": "lamp", "price": "30.00", "category": CategoryFactory.create().pk}
        created = admin_client.post(LIST, body, headers={"x-country": "DE"})
        assert (created.status_code, shown(created.json())) == (201, ("15.00", "30.00", "EUR", True))
        row = get_product_model().objects.get(name="lamp")
        assert (row.price, row.compare_at_price, row.currency) == (Decimal("30.00"), None, "USD")
        bulk = admin_client.post(f"{LIST}bulk/", {"update": [{"id": row.pk, "price": "40.00"}]})
        assert bulk.json()["updated"][0]["price"] == "40.00"
        wrong = admin_client.patch(path_of(row), {"price": "-1"})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "price")


def test_a_tag_is_right_for_the_one_who_got_it(admin_client: APIClient, product: Any) -> None:
    with override_settings(**PRICES):
        here, there = (admin_client.get(path_of(product), headers=h)["ETag"] for h in ({}, {"x-country": "DE"}))
        assert here != there
        late = admin_client.patch(path_of(product), {"name": "b"}, headers={"if-match": there})
        assert late.status_code == 412
        right = admin_client.patch(path_of(product), {"name": "b"}, headers={"if-match": there, "x-country": "DE"})
        assert right.status_code == 200


def test_filters_and_orders_go_by_what_is_stored(anonymous: APIClient) -> None:
    ProductFactory.create(price=Decimal("7.00"))
    with override_settings(**PRICES):
        body = anonymous.get(LIST, {"min_price": "8", "ordering": "price"}, headers={"x-country": "DE"}).json()
    assert [row["price"] for row in body["results"]] == ["5.00"]


@pytest.mark.parametrize("name", [*PRICES, *STOCK])
def test_a_class_that_is_no_adapter_is_reported(name: str) -> None:
    with override_settings(**{name: f"{HERE}.NoAdapter"}):
        [found] = [message for message in run_checks() if message.id == "shopcore.E007"]
    assert name in found.msg
    with override_settings(**PRICES, **STOCK):
        assert not [message for message in run_checks() if message.id == "shopcore.E007"]
