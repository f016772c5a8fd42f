"""Every list takes a fixed number of queries, however many rows it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.accounts.models import Session
from django_shopcore.catalog import get_product_model
from tests.accounts.clients import signed_in, tokens_of
from tests.factories.accounts import UserFactory
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.factories.notifications import NotificationFactory
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped", "host_user", "extended")]

# A signed-in request reads its session, with the user, in one query. A list is one, whether it is counted or not.
AUTHENTICATION, ROWS = 1, 1


def more_products(number: int) -> None:
    for _ in range(number):
        ProductFactory.create()


def more_categories(number: int) -> None:
    parent = None
    for place in range(number):
        parent = CategoryFactory.create(parent=parent if place % 5 else None)


def more_users(number: int) -> None:
    UserFactory.create_batch(number)


def queries(client: APIClient, url: str) -> tuple[int, int]:
    """How many rows came, in how many queries."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200, response.json()
    body = response.json()
    return len(body["results"]), len(captured)


def grow(client: APIClient, url: str, more: Callable[[int], None], present: int = 0) -> list[tuple[int, int]]:
    """Rows and queries at 1, 10 and 100 rows."""
    seen = []
    for wanted in (1, 10, 100):
        more(wanted - present)
        present = wanted
        seen.append(queries(client, url))
    return seen


def at_1_10_and_100(number: int) -> list[tuple[int, int]]:
    return [(1, number), (10, number), (100, number)]


@pytest.mark.parametrize(
    "query", ["", "&ordering=price,-name", "&fields=id,category_name", "&in_stock=true", "&cursor="]
)
def test_products(anonymous: APIClient, query: str) -> None:
    assert grow(anonymous, f"/api/v1/products/?size=100{query}", more_products) == at_1_10_and_100(ROWS)


def test_products_of_an_admin() -> None:
    admin = signed_in(make_user(admin=True))
    assert grow(admin, "/api/v1/products/?size=100", more_products) == at_1_10_and_100(AUTHENTICATION + ROWS)


def test_products_searched(anonymous: APIClient) -> None:
    queries(anonymous, "/api/v1/products/?search=warm")  # the first search looks what the database has
    product = get_product_model()
    # Without full text it is asked first whether anything matches.
    plain = connection.vendor == "sqlite" and not isinstance(product._meta.pk, models.IntegerField)
    assert grow(anonymous, "/api/v1/products/?size=100&search=prod", more_products) == at_1_10_and_100(ROWS + plain)


def test_products_of_a_category(anonymous: APIClient) -> None:
    root = CategoryFactory.create()

    def more(number: int) -> None:
        for _ in range(number):
            ProductFactory.create(category=CategoryFactory.create(parent=root))

    url = f"/api/v1/products/?size=100&category={root.pk}"
    assert grow(anonymous, url, more) == at_1_10_and_100(1 + ROWS)  # the first: whether there is such a category


def test_facets(anonymous: APIClient) -> None:
    # PostgreSQL's planner is asked first whether there are too many to look at.
    expected = ROWS + (connection.vendor == "postgresql")
    for number in (1, 9, 90):
        more_products(number)
        with CaptureQueriesContext(connection) as captured:
            anonymous.get("/api/v1/products/facets/?in_stock=true")
        assert len(captured) == expected


def test_categories(anonymous: APIClient) -> None:
    assert grow(anonymous, "/api/v1/categories/?size=100", more_categories) == at_1_10_and_100(ROWS)


@pytest.mark.parametrize("query", ["", "&page=2", "&ordering=name", "&in_stock=true&max_price=99", "&fields=id"])
def test_a_page_that_has_a_next_one_is_counted_in_the_same_query(anonymous: APIClient, query: str) -> None:
    for products in (32, 90):
        more_products(products)
        assert queries(anonymous, f"/api/v1/products/?size=10{query}") == (10, ROWS)


def test_users() -> None:
    admin = signed_in(make_user(admin=True))
    assert grow(admin, "/api/v1/users/?size=100", more_users, present=1) == at_1_10_and_100(AUTHENTICATION + ROWS)


def test_sessions() -> None:
    user = make_user()
    client = signed_in(user)

    def more(number: int) -> None:
        for _ in range(number):
            tokens_of(user)

    assert grow(client, "/api/v1/auth/sessions/?size=100", more, present=1) == at_1_10_and_100(AUTHENTICATION + ROWS)
    assert Session.objects.count() == 100


@pytest.mark.projects("full", "host_user")
@pytest.mark.parametrize("query", ["", "&seen=false", "&fields=message", "&cursor="])
def test_notifications(query: str) -> None:
    user = make_user()

    def more(number: int) -> None:
        NotificationFactory.create_batch(number, user=user)

    url = f"/api/v1/notifications/?size=100{query}"
    assert grow(signed_in(user), url, more) == at_1_10_and_100(AUTHENTICATION + ROWS)


@pytest.mark.projects("full", "host_user")
@pytest.mark.parametrize("name", ["unseen-count", "preferences"])
def test_what_surrounds_the_inbox(name: str) -> None:
    user = make_user()
    NotificationFactory.create_batch(3, user=user)
    client = signed_in(user)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(f"/api/v1/notifications/{name}/").status_code == 200
    assert len(captured) == AUTHENTICATION + ROWS


def test_one_product_and_one_category(anonymous: APIClient) -> None:
    product = ProductFactory.create()
    for url in (f"/api/v1/products/{product.pk}/", f"/api/v1/categories/{product.category_id}/"):
        with CaptureQueriesContext(connection) as captured:
            anonymous.get(url)
        assert len(captured) == 1
