"""Unpublished products exist for admins only, wherever one looks."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from tests.catalog.shapes import CATEGORIES, PRODUCTS, TREE, key_of, names_in, path_of, unknown_product
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.fixtures import client_of
from tests.problems import problem_of
from tests.users import make_user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects("full", "catalog_only", "swapped", "host_user", "email_user", "uuid_user"),
]

SECRET = "unheard-of novelty"


@pytest.fixture
def hidden(db: None) -> Any:
    return ProductFactory.create(
        name=SECRET, sku="SECRET", description="classified", price="123.45", is_published=False
    )


@pytest.fixture(params=["anonymous", "customer", "deactivated admin"])
def outsider(request: pytest.FixtureRequest, db: None) -> APIClient:
    if request.param == "anonymous":
        return APIClient()
    return client_of(make_user() if request.param == "customer" else make_user(admin=True, active=False))


QUERIES = [
    "",
    "?cursor=",
    "?page=1&size=100",
    "?search=unheard",
    "?search=classified",
    "?search=unherad",
    "?slug=unheard-of-novelty",
    "?sku=SECRET",
    "?min_price=123.45&max_price=123.45",
    "?in_stock=true",
    "?fields=name",
    "?ordering=-price",
    "?category=CATEGORY",
    "?is_published=false",
    "?is_published=0&is_published=",
]


@pytest.mark.parametrize("query", QUERIES)
def test_no_list_shows_it_to_an_outsider(outsider: APIClient, hidden: Any, query: str) -> None:
    response = outsider.get(PRODUCTS + query.replace("CATEGORY", str(hidden.category_id)))
    assert names_in(response) == []
    assert response.json().get("count", 0) == 0
    assert SECRET not in response.content.decode()


def test_every_list_shows_it_to_an_admin(admin_client: APIClient, hidden: Any) -> None:
    for query in QUERIES:
        if "unherad" not in query:
            assert names_in(admin_client.get(PRODUCTS + query.replace("CATEGORY", str(hidden.category_id)))) == [SECRET]


def test_its_address_answers_an_outsider_as_one_of_which_there_is_nothing(outsider: APIClient, hidden: Any) -> None:
    answers = []
    for url in (path_of(hidden), f"{PRODUCTS}{unknown_product()}/"):
        response = outsider.get(url)
        assert problem_of(response) == (404, "not_found")
        answers.append(
            (response.content, {name: value for name, value in response.items() if name != "Content-Length"})
        )
    assert answers[0] == answers[1]


def test_an_admin_reads_it(admin_client: APIClient, hidden: Any) -> None:
    assert admin_client.get(path_of(hidden)).json()["is_published"] is False


def test_counts_and_links_leave_it_out(outsider: APIClient, admin_client: APIClient) -> None:
    category = CategoryFactory.create()
    for number in range(6):
        ProductFactory.create(name=f"P{number}", category=category, is_published=number % 2 == 0)
    body = outsider.get(PRODUCTS, {"size": 2, "ordering": "name"}).json()
    assert (body["count"], [row["name"] for row in body["results"]]) == (3, ["P0", "P2"])
    second = outsider.get(body["next"]).json()
    assert ([row["name"] for row in second["results"]], second["next"]) == (["P4"], None)
    first = outsider.get(PRODUCTS, {"size": 3, "cursor": ""}).json()
    assert first["next"] is None
    assert problem_of(outsider.get(PRODUCTS, {"size": 2, "page": 3})) == (404, "not_found")
    assert admin_client.get(PRODUCTS, {"size": 2}).json()["count"] == 6


def test_an_outsider_is_not_told_of_it_by_a_write(outsider: APIClient, hidden: Any) -> None:
    before = key_of(hidden)
    for url in (path_of(hidden), f"{PRODUCTS}{unknown_product()}/"):
        for method in ("put", "patch", "delete"):
            assert problem_of(getattr(outsider, method)(url, {}))[0] in (401, 403)
    assert get_product_model().objects.get().pk == hidden.pk
    assert before


def test_publishing_and_hiding_take_effect_at_once(anonymous: APIClient, admin_client: APIClient, hidden: Any) -> None:
    admin_client.patch(path_of(hidden), {"is_published": True})
    assert anonymous.get(path_of(hidden)).status_code == 200
    assert names_in(anonymous.get(PRODUCTS)) == [SECRET]
    tag = anonymous.get(PRODUCTS)["ETag"]
    admin_client.patch(path_of(hidden), {"is_published": False})
    assert anonymous.get(path_of(hidden)).status_code == 404
    assert names_in(anonymous.get(PRODUCTS, HTTP_IF_NONE_MATCH=tag)) == []


def test_categories_are_public_whatever_is_in_them(outsider: APIClient, hidden: Any) -> None:
    for url in (CATEGORIES, TREE, path_of(hidden.category)):
        response = outsider.get(url)
        assert response.status_code == 200
        assert hidden.category.name in response.content.decode()
        assert SECRET not in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_what_an_admin_is_shown_is_kept_for_nobody_else(
    admin_client: APIClient, anonymous: APIClient, hidden: Any
) -> None:
    for url in (PRODUCTS, path_of(hidden)):
        for _ in range(2):
            assert SECRET in admin_client.get(url).content.decode()
            assert SECRET not in anonymous.get(url).content.decode()
