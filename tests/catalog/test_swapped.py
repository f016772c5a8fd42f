"""A site with a Product of its own: another key, more columns, and all of the API on top."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import override_settings
from rest_framework import serializers
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.serializers import ProductSerializer
from tests.catalog.shapes import PRODUCTS, path_of, product_body
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("swapped")]


class OwnSerializer(ProductSerializer):
    """What a site writes to show its own columns."""

    warranty_months = serializers.IntegerField(required=False, min_value=0)
    colour = serializers.CharField(required=False, allow_null=True)


own_serializer = override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{__name__}.OwnSerializer")


def test_the_models_are_the_sites() -> None:
    assert get_product_model() is apps.get_model("store", "Product")
    assert get_category_model() is apps.get_model("shopcore_catalog", "Category")
    tables = connection.introspection.table_names()
    assert "store_product" in tables
    assert "shopcore_catalog_product" not in tables


def test_products_have_the_sites_kind_of_key(admin_client: APIClient) -> None:
    response = admin_client.post(PRODUCTS, {"name": "A", "price": 1, "category": CategoryFactory.create().pk})
    product = get_product_model().objects.get()
    assert uuid.UUID(response.json()["id"]) == product.pk
    assert response["Location"] == f"http://testserver{PRODUCTS}{product.pk}/"
    assert response.json() == product_body(product, private_metadata={})
    for spelling in (str(product.pk), product.pk.hex, str(product.pk).upper()):
        assert admin_client.get(f"{PRODUCTS}{spelling}/").json() == response.json()


def test_the_sites_columns_keep_their_defaults(admin_client: APIClient) -> None:
    admin_client.post(PRODUCTS, {"name": "A", "price": 1, "category": CategoryFactory.create().pk})
    product: Any = get_product_model().objects.get()
    assert (product.warranty_months, product.colour) == (24, None)


@own_serializer
def test_a_serializer_of_the_site_shows_and_takes_its_columns(admin_client: APIClient, anonymous: APIClient) -> None:
    body = {"name": "A", "price": 1, "category": CategoryFactory.create().pk, "warranty_months": 12, "colour": "red"}
    created = admin_client.post(PRODUCTS, body)
    product: Any = get_product_model().objects.get()
    own = {"warranty_months": 12, "colour": "red"}
    assert created.json() == product_body(product, private_metadata={}, **own)
    assert anonymous.get(path_of(product)).json() == product_body(product, **own)
    assert anonymous.get(PRODUCTS, {"fields": "colour"}).json()["results"] == [{"colour": "red"}]
    changed = admin_client.patch(path_of(product), {"colour": None})
    assert changed.json()["colour"] is None
    assert anonymous.get(path_of(product))["ETag"] == changed["ETag"] != created["ETag"]
    assert errors_of(admin_client.patch(path_of(product), {"warranty_months": -1})) == [
        ("warranty_months", "min_value")
    ]


def test_without_it_the_sites_columns_are_not_shown(anonymous: APIClient) -> None:
    product = ProductFactory.create(warranty_months=3)
    product.refresh_from_db()
    assert anonymous.get(path_of(product)).json() == product_body(product)
    assert errors_of(anonymous.get(PRODUCTS, {"fields": "warranty_months"})) == [("fields", "unknown_field")]
