"""Creating, changing and deleting products over HTTP: whole bodies, whole rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from tests.catalog.shapes import PRODUCTS, key_of, path_of, product_body, unknown_product
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]


def only_product() -> Any:
    return get_product_model().objects.select_related("category").get()


def test_the_least_that_makes_a_product(admin_client: APIClient) -> None:
    category = CategoryFactory.create(name="Laptops")

    response = admin_client.post(PRODUCTS, {"name": "Aero 14", "price": "1299.00", "category": category.pk})

    product = only_product()
    assert response.status_code == 201
    assert response["Content-Type"] == "application/json"
    assert response["Location"] == f"http://testserver{PRODUCTS}{product.pk}/"
    body = response.json()
    assert body == product_body(product, private_metadata={})
    assert body | {"id": 0, "created_at": 0, "updated_at": 0} == {
        "id": 0,
        "name": "Aero 14",
        "slug": "aero-14",
        "sku": None,
        "description": "",
        "price": "1299.00",
        "compare_at_price": None,
        "currency": "USD",
        "category": category.pk,
        "category_name": "Laptops",
        "in_stock": True,
        "is_published": True,
        "image_url": None,
        "metadata": {},
        "private_metadata": {},
        "created_at": 0,
        "updated_at": 0,
    }


def test_all_that_can_be_said_of_a_product(admin_client: APIClient) -> None:
    category = CategoryFactory.create()
    given = {
        "name": "Größe 😀",
        "slug": "größe",
        "sku": "G-1",
        "description": "  Text\nwith lines  ",
        "price": "10.50",
        "compare_at_price": "12.00",
        "category": category.pk,
        "in_stock": False,
        "is_published": False,
        "image_url": "https://example.com/ü.png?x=1",
        "metadata": {"a": [1, 2.5, None, True, {"b": "ü"}]},
        "private_metadata": {"cost": "3.10"},
    }

    response = admin_client.post(PRODUCTS, given)

    assert response.status_code == 201, response.json()
    body = response.json()
    assert {name: body[name] for name in given} == given
    assert body == product_body(only_product(), private_metadata={"cost": "3.10"})
    product = only_product()
    assert (product.price, product.compare_at_price) == (Decimal("10.50"), Decimal("12.00"))
    assert product.private_metadata == {"cost": "3.10"}


def test_the_location_reads_back_what_the_answer_said(admin_client: APIClient) -> None:
    written = admin_client.post(PRODUCTS, {"name": "X", "price": 1, "category": CategoryFactory.create().pk})
    read = admin_client.get(written["Location"])
    assert read.json() == written.json()
    assert read["ETag"] == written["ETag"]


def test_unknown_and_read_only_fields_are_ignored(admin_client: APIClient) -> None:
    category = CategoryFactory.create()
    attempt = {
        "id": 999,
        "pk": 999,
        "currency": "XXX",
        "category_name": "Mine",
        "created_at": "2001-01-01T00:00:00Z",
        "updated_at": "2001-01-01T00:00:00Z",
        "category_id": 12345,
        "is_admin": True,
        "__class__": "x",
        "": "empty",
    }

    response = admin_client.post(PRODUCTS, {"name": "A", "price": "1.00", "category": category.pk, **attempt})

    assert response.status_code == 201, response.json()
    product = only_product()
    assert response.json() == product_body(product, private_metadata={})
    assert (product.currency, product.category_id) == ("USD", category.pk)
    assert product.created_at.year > 2020

    changed = admin_client.patch(path_of(product), attempt)
    assert changed.status_code == 200
    product.refresh_from_db()
    assert changed.json() == product_body(product, private_metadata={})
    assert (product.currency, product.name) == ("USD", "A")
    assert product.created_at.year > 2020


def test_every_missing_field_is_named(admin_client: APIClient) -> None:
    response = admin_client.post(PRODUCTS, {})
    assert sorted(errors_of(response)) == [("category", "required"), ("name", "required"), ("price", "required")]
    assert not get_product_model().objects.exists()


@pytest.mark.parametrize("body", ["[]", "[{}]", '"text"', "5", "null", "true"])
def test_a_body_that_is_not_an_object_is_400_on_the_whole(admin_client: APIClient, body: str) -> None:
    path = path_of(ProductFactory.create())
    for method, target in (("POST", PRODUCTS), ("PUT", path), ("PATCH", path)):
        response = admin_client.generic(method, target, body, content_type="application/json")
        [(field, _)] = errors_of(response)
        assert field == ""


def test_patch_changes_what_it_names_and_nothing_else(admin_client: APIClient) -> None:
    product = ProductFactory.create(
        sku="S", description="d", compare_at_price="20.00", image_url="https://example.com/a", metadata={"a": 1}
    )
    product.refresh_from_db()
    before = product_body(product, private_metadata={})

    response = admin_client.patch(path_of(product), {"price": "11.00"})

    assert response.status_code == 200
    body = response.json()
    assert body == before | {"price": "11.00", "updated_at": body["updated_at"]}
    assert body["updated_at"] > before["updated_at"]
    assert body == product_body(only_product(), private_metadata={})


def test_put_needs_the_required_fields_and_keeps_the_optional_ones_it_does_not_name(admin_client: APIClient) -> None:
    product = ProductFactory.create(sku="S", description="d", in_stock=False, metadata={"a": 1})
    assert sorted(errors_of(admin_client.put(path_of(product), {"sku": "T"}))) == [
        ("category", "required"),
        ("name", "required"),
        ("price", "required"),
    ]

    response = admin_client.put(path_of(product), {"name": "New", "price": "2.00", "category": product.category_id})

    assert response.status_code == 200
    product.refresh_from_db()
    assert response.json() == product_body(product, private_metadata={})
    assert (product.name, product.price, product.slug) == ("New", Decimal(2), response.json()["slug"])
    assert (product.sku, product.description, product.in_stock, product.metadata) == ("S", "d", False, {"a": 1})


def test_a_name_that_changes_leaves_the_slug_alone_and_an_emptied_slug_follows_the_name(
    admin_client: APIClient,
) -> None:
    product = ProductFactory.create(name="Old name")
    assert admin_client.patch(path_of(product), {"name": "New name"}).json()["slug"] == "old-name"
    assert admin_client.patch(path_of(product), {"slug": ""}).json()["slug"] == "new-name"


def test_a_value_that_may_be_null_can_be_taken_away(admin_client: APIClient) -> None:
    product = ProductFactory.create(sku="S", compare_at_price="20.00", image_url="https://example.com/a")
    response = admin_client.patch(path_of(product), {"sku": None, "compare_at_price": None, "image_url": None})
    assert response.status_code == 200
    product.refresh_from_db()
    assert (product.sku, product.compare_at_price, product.image_url) == (None, None, None)


def test_a_product_may_keep_its_own_slug_and_sku(admin_client: APIClient) -> None:
    product = ProductFactory.create(slug="mine", sku="MINE")
    assert admin_client.patch(path_of(product), {"slug": "mine", "sku": "MINE"}).status_code == 200


def test_a_slug_or_sku_of_another_product_is_400(admin_client: APIClient) -> None:
    ProductFactory.create(slug="theirs", sku="THEIRS")
    product = ProductFactory.create(slug="mine")
    taken = {"slug": "theirs", "sku": "THEIRS"}
    assert sorted(errors_of(admin_client.patch(path_of(product), taken))) == [("sku", "unique"), ("slug", "unique")]
    body = {"name": "N", "price": 1, "category": product.category_id, **taken}
    assert sorted(errors_of(admin_client.post(PRODUCTS, body))) == [("sku", "unique"), ("slug", "unique")]
    product.refresh_from_db()
    assert product.slug == "mine"


def test_delete_is_204_without_a_body_and_the_row_is_gone(admin_client: APIClient) -> None:
    product = ProductFactory.create()
    response = admin_client.delete(path_of(product))
    assert (response.status_code, response.content) == (204, b"")
    assert not get_product_model().objects.exists()
    assert problem_of(admin_client.delete(path_of(product))) == (404, "not_found")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize(
    "key",
    ["0", "-1", "+1", "1.0", "1e3", "x", "%20", "%00", "%FF", "'", "None", "true", "9" * 19, "9" * 30, "9" * 5000]
    + ["%D9%A1", "%EF%BC%91", "1%0A", "1%00", "00000000-0000-0000-0000-00000000000g", "unknown"],
)
def test_a_key_that_no_product_has_is_404(admin_client: APIClient, method: str, key: str) -> None:
    ProductFactory.create()
    key = str(unknown_product()) if key == "unknown" else key
    response = admin_client.generic(method.upper(), f"{PRODUCTS}{key}/", "{}", content_type="application/json")
    assert problem_of(response) == (404, "not_found")
    assert get_product_model().objects.count() == 1


def test_a_product_reads_the_same_for_everybody_but_for_what_is_private(
    admin_client: APIClient, customer_client: APIClient, anonymous: APIClient
) -> None:
    product = ProductFactory.create(private_metadata={"cost": 1}, metadata={"a": "b"}, price="5")
    product.refresh_from_db()
    assert anonymous.get(path_of(product)).json() == product_body(product)
    assert customer_client.get(path_of(product)).json() == product_body(product)
    assert admin_client.get(path_of(product)).json() == product_body(product, private_metadata={"cost": 1})


def test_a_write_to_one_product_touches_no_other(admin_client: APIClient) -> None:
    product, other = ProductFactory.create(), ProductFactory.create()
    other.refresh_from_db()
    admin_client.patch(path_of(product), {"name": "Changed"})
    after = get_product_model().objects.get(pk=other.pk)
    assert product_body(after) == product_body(other)
    admin_client.delete(path_of(product))
    assert list(get_product_model().objects.values_list("pk", flat=True)) == [other.pk]


def test_a_key_reads_back_in_its_own_type(admin_client: APIClient) -> None:
    product = ProductFactory.create()
    assert admin_client.get(path_of(product)).json()["id"] == key_of(product)
