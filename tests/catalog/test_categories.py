"""Categories over HTTP: writing, the tree, and the list by parent."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model
from tests.catalog.shapes import CATEGORIES, TREE, category_body, names_in, path_of, unknown_category
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

BIG = {"a": "x" * (16 * 1024)}


def test_the_least_that_makes_a_category(admin_client: APIClient) -> None:
    response = admin_client.post(CATEGORIES, {"name": "Größen"})
    category = get_category_model().objects.get()
    assert response.status_code == 201
    assert response["Location"] == f"http://testserver{CATEGORIES}{category.pk}/"
    assert response.json() == category_body(category, private_metadata={})
    assert response.json() | {"id": 0, "created_at": 0} == {
        "id": 0,
        "name": "Größen",
        "slug": "größen",
        "parent": None,
        "metadata": {},
        "private_metadata": {},
        "created_at": 0,
    }


def test_all_that_can_be_said_of_a_category(admin_client: APIClient) -> None:
    parent = CategoryFactory.create()
    given = {
        "name": "Laptops",
        "slug": "l",
        "parent": parent.pk,
        "metadata": {"a": [1]},
        "private_metadata": {"b": None},
    }
    response = admin_client.post(CATEGORIES, given | {"id": 9999, "created_at": "2001-01-01T00:00:00Z", "lft": 1})
    assert response.status_code == 201, response.json()
    category = get_category_model().objects.get(slug="l")
    assert response.json() == category_body(category, private_metadata={"b": None})
    assert {name: response.json()[name] for name in given} == given
    assert category.created_at.year > 2020


@pytest.mark.parametrize(
    ("field", "given", "code"),
    [
        ("name", "", "blank"),
        ("name", None, "null"),
        ("name", "x" * 256, "max_length"),
        ("name", 5, "invalid"),
        ("slug", "a b", "invalid"),
        ("slug", "s" * 256, "max_length"),
        ("parent", 0, "does_not_exist"),
        ("parent", -1, "does_not_exist"),
        ("parent", 10**30, "does_not_exist"),
        ("parent", "x", "does_not_exist"),
        ("parent", "null", "does_not_exist"),
        ("parent", "١", "does_not_exist"),
        ("parent", True, "incorrect_type"),
        ("parent", [], "incorrect_type"),
        ("metadata", [], "not_an_object"),
        ("metadata", BIG, "too_large"),
        ("private_metadata", BIG, "too_large"),
    ],
)
def test_what_a_field_refuses(admin_client: APIClient, field: str, given: Any, code: str) -> None:
    assert errors_of(admin_client.post(CATEGORIES, {"name": "N", field: given})) == [(field, code)]
    category = CategoryFactory.create()
    assert errors_of(admin_client.patch(path_of(category), {field: given})) == [(field, code)]
    assert get_category_model().objects.count() == 1


def test_a_parent_that_does_not_exist_is_400(admin_client: APIClient) -> None:
    response = admin_client.post(CATEGORIES, {"name": "N", "parent": unknown_category()})
    assert errors_of(response) == [("parent", "does_not_exist")]


def test_a_name_is_unique_among_roots_and_among_siblings(admin_client: APIClient) -> None:
    root = CategoryFactory.create(name="Root")
    child = CategoryFactory.create(name="Child", parent=root)
    taken = [("name", "unique")]

    assert errors_of(admin_client.post(CATEGORIES, {"name": "Root"})) == taken
    assert errors_of(admin_client.post(CATEGORIES, {"name": "Root", "parent": None})) == taken
    assert errors_of(admin_client.post(CATEGORIES, {"name": "Child", "parent": root.pk})) == taken
    assert admin_client.post(CATEGORIES, {"name": "Root", "parent": root.pk}).status_code == 201
    assert admin_client.post(CATEGORIES, {"name": "Child"}).status_code == 201

    other = CategoryFactory.create(name="Other", parent=root)
    assert errors_of(admin_client.patch(path_of(other), {"name": "Child"})) == taken
    assert errors_of(admin_client.patch(path_of(child), {"parent": None})) == taken
    assert admin_client.patch(path_of(child), {"name": "Child", "parent": root.pk}).status_code == 200


def test_a_slug_of_another_category_is_400(admin_client: APIClient) -> None:
    CategoryFactory.create(slug="taken")
    assert errors_of(admin_client.post(CATEGORIES, {"name": "N", "slug": "taken"})) == [("slug", "unique")]


def test_a_category_moves_with_everything_beneath_it_but_never_beneath_itself(admin_client: APIClient) -> None:
    top = CategoryFactory.create()
    middle = CategoryFactory.create(parent=top)
    bottom = CategoryFactory.create(parent=middle)
    other = CategoryFactory.create()

    for parent in (top, middle, bottom):
        assert errors_of(admin_client.patch(path_of(top), {"parent": parent.pk})) == [("parent", "cycle")]
        body = {"name": top.name, "parent": parent.pk}
        assert errors_of(admin_client.put(path_of(top), body)) == [("parent", "cycle")]

    response = admin_client.patch(path_of(middle), {"parent": other.pk})
    middle.refresh_from_db()
    assert response.json() == category_body(middle, parent=other.pk, private_metadata={})
    assert admin_client.patch(path_of(top), {"parent": bottom.pk}).status_code == 200
    assert admin_client.patch(path_of(middle), {"parent": None}).json()["parent"] is None


def test_put_keeps_the_optional_fields_it_does_not_name(admin_client: APIClient) -> None:
    category = CategoryFactory.create(parent=CategoryFactory.create(), metadata={"a": 1})
    assert errors_of(admin_client.put(path_of(category), {})) == [("name", "required")]
    response = admin_client.put(path_of(category), {"name": "New"})
    category.refresh_from_db()
    assert response.json() == category_body(category, private_metadata={})
    assert (category.name, category.metadata) == ("New", {"a": 1})
    assert category.parent_id


def test_an_empty_category_is_deleted(admin_client: APIClient) -> None:
    category = CategoryFactory.create()
    response = admin_client.delete(path_of(category))
    assert (response.status_code, response.content) == (204, b"")
    assert problem_of(admin_client.get(path_of(category))) == (404, "not_found")


def test_a_category_with_products_or_children_is_409(admin_client: APIClient) -> None:
    parent = CategoryFactory.create()
    child = CategoryFactory.create(parent=parent)
    ProductFactory.create(category=child, is_published=False)
    for category in (parent, child):
        assert problem_of(admin_client.delete(path_of(category))) == (409, "category_not_empty")
    assert get_category_model().objects.count() == 2


@pytest.mark.parametrize("key", ["0", "-1", "x", "%00", "%D9%A1", "9" * 30, "tre", "null"])
def test_a_key_that_no_category_has_is_404(admin_client: APIClient, key: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = admin_client.generic(method, f"{CATEGORIES}{key}/", "{}", content_type="application/json")
        assert problem_of(response) == (404, "not_found")


def test_the_list_is_by_name_and_shows_private_metadata_to_admins_only(
    admin_client: APIClient, anonymous: APIClient
) -> None:
    rows = [CategoryFactory.create(name=name, private_metadata={"x": 1}) for name in ("B", "C", "A")]
    rows = [rows[2], rows[0], rows[1]]
    assert anonymous.get(CATEGORIES).json() == {
        "count": 3,
        "count_is_exact": True,
        "next": None,
        "previous": None,
        "results": [category_body(row) for row in rows],
    }
    assert admin_client.get(CATEGORIES).json()["results"] == [
        category_body(row, private_metadata={"x": 1}) for row in rows
    ]


def test_the_list_by_parent(anonymous: APIClient) -> None:
    a, b = CategoryFactory.create(name="A"), CategoryFactory.create(name="B")
    CategoryFactory.create(name="A2", parent=a)
    leaf = CategoryFactory.create(name="A1", parent=a)
    assert names_in(anonymous.get(CATEGORIES, {"parent": a.pk})) == ["A1", "A2"]
    assert names_in(anonymous.get(CATEGORIES, {"parent": "null"})) == ["A", "B"]
    assert names_in(anonymous.get(CATEGORIES, {"parent": leaf.pk})) == []
    assert names_in(anonymous.get(CATEGORIES, {"parent": ""})) == ["A", "A1", "A2", "B"]
    assert names_in(anonymous.get(CATEGORIES, {"parent": a.pk, "search": "2"})) == ["A2"]
    assert b.parent_id is None


@pytest.mark.parametrize("value", ["0", "-1", "x", "NULL", "none", "1.0", "١", "9" * 30, "9" * 400])
def test_a_parent_that_is_none_is_400_in_the_filter(anonymous: APIClient, value: str) -> None:
    assert errors_of(anonymous.get(CATEGORIES, {"parent": value})) == [("parent", "does_not_exist")]


def test_the_list_is_searched_by_a_part_of_the_name(anonymous: APIClient) -> None:
    for name in ("Laptop bags", "LAPTOPS", "Phones 100%", "Phones 100"):
        CategoryFactory.create(name=name)
    assert names_in(anonymous.get(CATEGORIES, {"search": "laptop"})) == sorted(["Laptop bags", "LAPTOPS"])
    assert names_in(anonymous.get(CATEGORIES, {"search": "0%"})) == ["Phones 100%"]
    assert names_in(anonymous.get(CATEGORIES, {"search": "_aptop"})) == []
    assert errors_of(anonymous.get(CATEGORIES, {"search": "x" * 201})) == [("search", "max_length")]


def test_the_tree_is_whole_and_its_siblings_are_by_name(anonymous: APIClient) -> None:
    def node(row: Any, *children: Any) -> dict[str, Any]:
        return {"id": row.pk, "name": row.name, "slug": row.slug, "children": list(children)}

    assert anonymous.get(TREE).json() == []
    phones = CategoryFactory.create(name="Phones")
    computers = CategoryFactory.create(name="Computers")
    laptops = CategoryFactory.create(name="Laptops", parent=computers)
    desktops = CategoryFactory.create(name="Desktops", parent=computers)
    gaming = CategoryFactory.create(name="Gaming", parent=laptops)
    response = anonymous.get(TREE)
    assert response.status_code == 200
    assert response.json() == [node(computers, node(desktops), node(laptops, node(gaming))), node(phones)]


def test_the_tree_takes_one_query_however_large_and_deep_it_is(anonymous: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert anonymous.get(TREE).status_code == 200
        return len(captured)

    parent = CategoryFactory.create()
    assert queries() == 1
    for _ in range(60):
        parent = CategoryFactory.create(parent=parent)
        CategoryFactory.create(parent=parent)
    assert queries() == 1
