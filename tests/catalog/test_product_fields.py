"""What each field of a product takes, at its limits and beyond."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from tests.catalog.shapes import PRODUCTS, path_of, unknown_category
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

FULL = {"a": "x" * (16 * 1024 - len('{"a":""}'))}
UMLAUTS = {"a": "ü" * ((16 * 1024 - len('{"a":""}')) // 2)}


def attempt(client: APIClient, **values: Any) -> Any:
    category = get_category_model().objects.first() or CategoryFactory.create()
    return client.post(PRODUCTS, {"name": "N", "price": "1.00", "category": category.pk, **values})


@pytest.mark.parametrize(
    ("field", "given", "stored"),
    [
        ("name", "x", "x"),
        ("name", "x" * 255, "x" * 255),
        ("name", "😀" * 255, "😀" * 255),
        ("name", "  trimmed\t", "trimmed"),
        ("name", "<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("name", "'; DROP TABLE x; --", "'; DROP TABLE x; --"),
        ("name", "\u202eright to left", "\u202eright to left"),
        ("slug", "Ünïcode_1-x", "Ünïcode_1-x"),
        ("slug", "s" * 255, "s" * 255),
        ("slug", "", "n"),
        ("sku", "x" * 255, "x" * 255),
        ("sku", None, None),
        ("sku", "", None),
        ("description", "", ""),
        ("description", "ü" * 20_000, "ü" * 20_000),
        ("in_stock", False, False),
        ("is_published", False, False),
        ("image_url", None, None),
        ("image_url", "https://example.com/" + "a" * 1980, "https://example.com/" + "a" * 1980),
        ("metadata", {}, {}),
        ("metadata", FULL, FULL),
        ("metadata", UMLAUTS, UMLAUTS),
        ("metadata", {"": {"nested": [[], {}, None]}}, {"": {"nested": [[], {}, None]}}),
        ("private_metadata", FULL, FULL),
    ],
)
def test_what_a_field_takes(admin_client: APIClient, field: str, given: Any, stored: Any) -> None:
    response = attempt(admin_client, **{field: given})
    assert response.status_code == 201, response.json()
    assert response.json()[field] == stored
    product = get_product_model().objects.get()
    assert getattr(product, field) == stored
    assert admin_client.get(path_of(product)).json()[field] == stored


@pytest.mark.parametrize(
    ("field", "given", "code"),
    [
        ("name", "", "blank"),
        ("name", "   ", "blank"),
        ("name", None, "null"),
        ("name", "x" * 256, "max_length"),
        ("name", 5, "invalid"),
        ("name", True, "invalid"),
        ("name", ["x"], "invalid"),
        ("name", {"x": 1}, "invalid"),
        ("slug", "s" * 256, "max_length"),
        ("slug", "with space", "invalid"),
        ("slug", "line\nbreak", "invalid"),
        ("slug", "a/b", "invalid"),
        ("slug", "ok\n.", "invalid"),
        ("slug", None, "null"),
        ("sku", "x" * 256, "max_length"),
        ("sku", 12345, "invalid"),
        ("description", "x" * 20_001, "max_length"),
        ("description", None, "null"),
        ("in_stock", "true", "invalid"),
        ("in_stock", 1, "invalid"),
        ("in_stock", "", "invalid"),
        ("in_stock", None, "null"),
        ("is_published", 0, "invalid"),
        ("is_published", [], "invalid"),
        ("image_url", "http://example.com/a.png", "invalid"),
        ("image_url", "javascript:alert(1)", "invalid"),
        ("image_url", "https://", "invalid"),
        ("image_url", "data:image/png;base64,xx", "invalid"),
        ("image_url", "//example.com/a.png", "invalid"),
        ("image_url", "https://example.com/a b", "invalid"),
        ("image_url", "https://example.com/" + "a" * 1981, "max_length"),
        ("image_url", 5, "invalid"),
        ("image_url", "", "blank"),
        ("metadata", None, "null"),
        ("metadata", [], "not_an_object"),
        ("metadata", "{}", "not_an_object"),
        ("metadata", 1, "not_an_object"),
        ("metadata", FULL | {"b": 1}, "too_large"),
        ("metadata", {"a": UMLAUTS["a"] + "ü"}, "too_large"),
        ("private_metadata", [], "not_an_object"),
        ("private_metadata", FULL | {"b": 1}, "too_large"),
        ("category", None, "null"),
        ("category", "", "null"),
        ("category", "x", "does_not_exist"),
        ("category", "١", "does_not_exist"),
        ("category", 0, "does_not_exist"),
        ("category", -1, "does_not_exist"),
        ("category", 2**63, "does_not_exist"),
        ("category", 10**30, "does_not_exist"),
        ("category", "9" * 400, "does_not_exist"),
        ("category", True, "incorrect_type"),
        ("category", 1.0, "incorrect_type"),
        ("category", [1], "incorrect_type"),
        ("category", {"id": 1}, "incorrect_type"),
    ],
)
def test_what_a_field_refuses(admin_client: APIClient, field: str, given: Any, code: str) -> None:
    assert errors_of(attempt(admin_client, **{field: given})) == [(field, code)]
    assert not get_product_model().objects.exists()

    product = ProductFactory.create()
    assert errors_of(admin_client.patch(path_of(product), {field: given})) == [(field, code)]


def test_a_category_that_does_not_exist_is_400(admin_client: APIClient) -> None:
    assert errors_of(attempt(admin_client, category=unknown_category())) == [("category", "does_not_exist")]


@pytest.mark.parametrize(
    ("given", "price"),
    [
        ("0", "0.00"),
        ("0.00", "0.00"),
        ("-0", "0.00"),
        ("-0.00", "0.00"),
        ("19.9", "19.90"),
        ("19.90", "19.90"),
        (" 19.90 ", "19.90"),
        ("+5", "5.00"),
        ("007", "7.00"),
        ("9999999999.99", "9999999999.99"),
        (19.9, "19.90"),
        (0.1, "0.10"),
        (1234567.89, "1234567.89"),
        (9999999999.99, "9999999999.99"),
        (5, "5.00"),
        (0, "0.00"),
        (9999999999, "9999999999.00"),
    ],
)
def test_amounts_that_are_taken(admin_client: APIClient, given: Any, price: str) -> None:
    response = attempt(admin_client, price=given)
    assert response.status_code == 201, response.json()
    assert response.json()["price"] == price
    product = get_product_model().objects.get()
    assert product.price == Decimal(price)
    assert admin_client.get(path_of(product)).json()["price"] == price


@pytest.mark.parametrize(
    "given",
    ["", " ", "x", "1e5", "1E5", "1e-1", "NaN", "nan", "Infinity", "-Infinity", "inf", "sNaN", "0x10", "1_000", "1,5"]
    + ["1.000,50", "1 000", "--1", ".", "1.", ".5", "١٢", "１２", "1²", "½", "$5", "5€", "5.00 USD", "19.999", "0.001"]
    + ["-0.01", "-5", "10000000000", "10000000000.00", "9999999999.991", "9" * 30, "9" * 2000, "1\n2"]
    + [None, True, False, [], {}, ["5"], {"amount": 5}, -1, -0.01, 0.001, 1e10, 1e300, 10**40, 1e-9],
)
def test_amounts_that_are_refused(admin_client: APIClient, given: Any) -> None:
    [(field, _)] = errors_of(attempt(admin_client, price=given))
    assert field == "price"
    if given is not None:
        [(field, _)] = errors_of(attempt(admin_client, compare_at_price=given))
        assert field == "compare_at_price"
    assert not get_product_model().objects.exists()


@pytest.mark.parametrize("literal", ["1e2", "100.00", "1E2", "1.0e2", "100"])
def test_a_json_number_is_an_amount_however_it_is_written(admin_client: APIClient, literal: str) -> None:
    category = CategoryFactory.create()
    body = f'{{"name": "N", "price": {literal}, "category": {json.dumps(category.pk)}}}'
    response = admin_client.generic("POST", PRODUCTS, body, content_type="application/json")
    assert response.status_code == 201, response.json()
    assert response.json()["price"] == "100.00"


def test_the_compare_at_price_is_above_the_price_whichever_of_them_changes(admin_client: APIClient) -> None:
    for price, compare in (("10.00", "10.00"), ("10.00", "9.99"), ("0", "0")):
        response = attempt(admin_client, price=price, compare_at_price=compare)
        assert errors_of(response) == [("compare_at_price", "not_above_price")]

    product = ProductFactory.create(price="10.00", compare_at_price="12.00")
    path = path_of(product)
    assert errors_of(admin_client.patch(path, {"price": "12.00"})) == [("price", "not_above_price")]
    assert errors_of(admin_client.patch(path, {"compare_at_price": "10"})) == [("compare_at_price", "not_above_price")]
    assert admin_client.patch(path, {"price": "12.00", "compare_at_price": "12.01"}).status_code == 200
    assert admin_client.patch(path, {"price": "99.00", "compare_at_price": None}).status_code == 200


def test_several_errors_are_told_at_once(admin_client: APIClient) -> None:
    response = attempt(admin_client, name="", price="x", metadata=[], category=unknown_category())
    assert sorted(errors_of(response)) == [
        ("category", "does_not_exist"),
        ("metadata", "not_an_object"),
        ("name", "blank"),
        ("price", "invalid"),
    ]
