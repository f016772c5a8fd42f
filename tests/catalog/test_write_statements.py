"""What a write of one product costs the database, with all that belongs to it: sign-in, limits, lock, version, answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from tests.accounts.clients import signed_in
from tests.catalog.shapes import PRODUCTS, path_of
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.projects("full", "swapped"), pytest.mark.django_db]

# What begins and ends a transaction, and SQLite's way to take its one write lock.
FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT", "UPDATE sqlite_sequence")
# The audit log adds its entry.
AUDIT = ["INSERT"] if apps.is_installed("django_shopcore.audit") else []


@pytest.fixture
def admin() -> APIClient:
    client = signed_in(get_user_model()._default_manager.create(email="ada@example.com", is_staff=True))
    client.get(PRODUCTS)
    return client


def statements(admin: APIClient, method: str, path: str, body: Any, status: int, **headers: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        response = getattr(admin, method)(path, body, format="json", **headers)
    assert response.status_code == status, response.content
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(FRAME)]


def test_a_changed_price_takes_five_statements(admin: APIClient) -> None:
    product = ProductFactory.create()
    found = statements(admin, "patch", path_of(product), {"price": "3.00"}, 200)
    assert [sql.split()[0] for sql in found] == ["SELECT", "INSERT", "SELECT", "UPDATE", *AUDIT, "SELECT"]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_of_everything_takes_six_statements_at_most(admin: APIClient, method: str) -> None:
    product = ProductFactory.create(sku="OLD")
    tag = admin.get(path_of(product))["ETag"]
    body = {
        "name": "New",
        "slug": "new",
        "sku": "NEW",
        "price": "3.00",
        "compare_at_price": "4.00",
        "category": CategoryFactory.create().pk,
        "description": "d",
        "image_url": "https://example.com/a.png",
        "metadata": {"a": 1},
        "private_metadata": {"b": 1},
    }
    assert len(statements(admin, method, path_of(product), body, 200, HTTP_IF_MATCH=tag)) <= 6 + len(AUDIT)
    product.refresh_from_db()
    assert (product.slug, product.sku, product.category_id) == ("new", "NEW", body["category"])


@pytest.mark.parametrize("names", [["slug"], ["sku"], ["slug", "sku"]])
@pytest.mark.parametrize("with_category", [True, False])
def test_one_statement_says_what_is_taken(admin: APIClient, names: list[str], with_category: bool) -> None:
    ProductFactory.create(slug="theirs", sku="theirs")
    product = ProductFactory.create(slug="mine", sku="mine")
    body: dict[str, Any] = dict.fromkeys(names, " theirs ")
    if with_category:
        body["category"] = product.category_id
    with CaptureQueriesContext(connection) as captured:
        response = admin.patch(path_of(product), body)
    assert {error["field"]: error["code"] for error in response.json()["errors"]} == dict.fromkeys(names, "unique")
    assert len([q for q in captured.captured_queries if not q["sql"].startswith((*FRAME, "ROLLBACK"))]) == 4
    assert get_product_model().objects.get(pk=product.pk).slug == "mine"
