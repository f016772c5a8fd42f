"""``?fields=``: just those fields, and no more columns than they need."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from tests.catalog.shapes import CATEGORIES, PRODUCTS, path_of, product_body
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]


def read(client: APIClient, url: str) -> tuple[list[dict[str, Any]], set[str]]:
    """The rows of a list, and every column (``table.column``) that a statement of the request mentions at all."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200, response.json()
    tables = {model._meta.db_table for model in (get_product_model(), get_category_model())}
    named = re.findall(r'"(\w+)"\."(\w+)"', " ".join(query["sql"] for query in captured))
    return response.json()["results"], {f"{table}.{column}" for table, column in named if table in tables}


def columns(*names: str) -> set[str]:
    """``category.name`` stands for a column of the category's table, the others are the product's."""
    tables = {"product": get_product_model()._meta.db_table, "category": get_category_model()._meta.db_table}
    pairs = [name.split(".") if "." in name else ["product", name] for name in names]
    return {f"{tables[table]}.{column}" for table, column in pairs}


# What the default order and the question who may see a product take, whatever is shown.
ORDER_AND_VISIBILITY = ("id", "created_at", "is_published")
ALL_SHOWN = (
    *("id", "name", "slug", "sku", "description", "price", "compare_at_price", "currency", "category_id"),
    *("in_stock", "is_published", "image_url", "metadata", "created_at", "updated_at"),
    *("category.id", "category.name"),
)


@pytest.mark.parametrize(
    ("fields", "read_columns"),
    [
        ("id", []),
        ("id,name,price", ["name", "price"]),
        ("name", ["name"]),
        ("category", ["category_id"]),
        ("category_name", ["category_id", "category.id", "category.name"]),
        ("id,metadata", ["metadata"]),
        ("currency,created_at", ["currency"]),
    ],
)
def test_the_list_shows_and_reads_only_what_is_asked_for(
    anonymous: APIClient, fields: str, read_columns: list[str]
) -> None:
    rows = [ProductFactory.create() for _ in range(3)]
    for row in rows:
        row.refresh_from_db()
    names = fields.split(",")
    expected = [{name: value for name, value in product_body(row).items() if name in names} for row in reversed(rows)]

    shown, selected = read(anonymous, f"{PRODUCTS}?fields={fields}")

    assert shown == expected
    assert selected == columns(*ORDER_AND_VISIBILITY, *read_columns)


def test_an_ordering_that_is_not_shown_still_orders(anonymous: APIClient) -> None:
    for price in (2, 1, 3):
        ProductFactory.create(name=str(price), price=price)
    shown, selected = read(anonymous, f"{PRODUCTS}?fields=name&ordering=price")
    assert shown == [{"name": "1"}, {"name": "2"}, {"name": "3"}]
    assert selected == columns("id", "name", "price", "is_published")


def test_without_fields_no_column_is_read_that_is_not_shown(anonymous: APIClient, admin_client: APIClient) -> None:
    ProductFactory.create()
    _, selected = read(anonymous, PRODUCTS)
    assert selected == columns(*ALL_SHOWN)
    shown, selected = read(admin_client, PRODUCTS)
    assert selected == columns(*ALL_SHOWN, "private_metadata")
    assert "private_metadata" in shown[0]


def test_spaces_and_repetitions_do_not_matter(anonymous: APIClient) -> None:
    ProductFactory.create(name="A")
    for fields in ("name, slug", " slug ,name", "name,slug,name", "name,slug,"):
        assert anonymous.get(PRODUCTS, {"fields": fields}).json()["results"] == [{"name": "A", "slug": "a"}]


def test_empty_fields_are_all_fields(anonymous: APIClient) -> None:
    row = ProductFactory.create()
    row.refresh_from_db()
    assert anonymous.get(PRODUCTS, {"fields": ""}).json()["results"] == [product_body(row)]


@pytest.mark.parametrize(
    "fields", ["x", "id,x", "Id", "id;name", "category_id", "category__name", "pk", "*", "search_rank", "é", "id name"]
)
def test_an_unknown_field_is_400(anonymous: APIClient, fields: str) -> None:
    product = ProductFactory.create()
    for url in (PRODUCTS, path_of(product), CATEGORIES, path_of(product.category)):
        assert errors_of(anonymous.get(url, {"fields": fields})) == [("fields", "unknown_field")]


def test_an_unknown_field_is_400_for_an_empty_list_too(anonymous: APIClient) -> None:
    assert errors_of(anonymous.get(PRODUCTS, {"fields": "x"})) == [("fields", "unknown_field")]


def test_private_metadata_is_a_field_for_admins_only(
    admin_client: APIClient, customer_client: APIClient, anonymous: APIClient
) -> None:
    product = ProductFactory.create(private_metadata={"cost": 1})
    for url in (PRODUCTS, path_of(product), CATEGORIES, path_of(product.category)):
        for client in (anonymous, customer_client):
            response = client.get(url, {"fields": "id,private_metadata"})
            assert errors_of(response) == [("fields", "unknown_field")]
            assert "private_metadata" not in client.get(url).content.decode()
        assert admin_client.get(url, {"fields": "private_metadata"}).status_code == 200
    body = admin_client.get(PRODUCTS, {"fields": "private_metadata"}).json()
    assert body["results"] == [{"private_metadata": {"cost": 1}}]


def test_one_object_is_narrowed_too(anonymous: APIClient) -> None:
    product = ProductFactory.create(name="A")
    assert anonymous.get(path_of(product), {"fields": "name,category_name"}).json() == {
        "name": "A",
        "category_name": product.category.name,
    }
    category = CategoryFactory.create(name="C")
    assert anonymous.get(path_of(category), {"fields": "name"}).json() == {"name": "C"}


def test_a_list_of_categories_is_narrowed_too(anonymous: APIClient) -> None:
    category = CategoryFactory.create()
    shown, selected = read(anonymous, f"{CATEGORIES}?fields=slug")
    assert shown == [{"slug": category.slug}]
    assert selected == columns("category.id", "category.slug", "category.name")  # in the order of their names


def test_a_write_answers_with_all_fields(admin_client: APIClient) -> None:
    product = ProductFactory.create()
    for fields in ("id", "nonsense"):
        response = admin_client.patch(f"{path_of(product)}?fields={fields}", {"name": "B"})
        product.refresh_from_db()
        assert response.json() == product_body(product, private_metadata={})
