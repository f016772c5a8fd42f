"""Categories in the admin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_shopcore.catalog import get_category_model, get_product_model, signals
from tests.catalog.admin_pages import (
    browser,
    categories_url,
    form_on,
    heard,
    make_superuser,
    messages_on,
    products_url,
    rows_on,
)
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]


@pytest.fixture
def superuser(db: None) -> Any:
    return make_superuser()


@pytest.fixture
def client(superuser: Any) -> Client:
    return browser(superuser)


@pytest.fixture
def news() -> Iterator[list[dict[str, Any]]]:
    with heard(signals.categories_created, signals.categories_updated, signals.categories_deleted) as calls:
        yield calls


def categories() -> Any:
    return get_category_model()._default_manager


def test_the_list_shows_paths_and_numbers_of_products(client: Client) -> None:
    root = CategoryFactory.create(name="Computers")
    leaf = CategoryFactory.create(name="Laptops", parent=root)
    ProductFactory.create(category=leaf)
    ProductFactory.create(category=leaf)
    response = client.get(categories_url())
    assert [(row.tree_path, row.product_count) for row in response.context["cl"].result_list] == [
        ("Computers", 0),
        ("Computers > Laptops", 2),
    ]
    assert b"Computers &gt; Laptops" in response.content


def test_the_number_of_products_leads_to_them(client: Client) -> None:
    root = CategoryFactory.create(name="Computers")
    leaf = CategoryFactory.create(name="Laptops", parent=root)
    ProductFactory.create(name="Here", category=root)
    ProductFactory.create(name="Beneath", category=leaf)
    link = f"{products_url()}?category__{root._meta.pk.name}__exact={root.pk}"
    assert f'<a href="{link}">1</a>' in client.get(categories_url()).content.decode()
    assert rows_on(client.get(link)) == ["Here"]


def test_the_list_is_searched_and_narrowed_to_a_branch(client: Client) -> None:
    root = CategoryFactory.create(name="Computers")
    CategoryFactory.create(name="Laptops", parent=root)
    CategoryFactory.create(name="Garden")
    assert rows_on(client.get(categories_url(), {"q": "lap"})) == ["Laptops"]
    assert rows_on(client.get(categories_url(), {"branch": root.pk})) == ["Computers", "Laptops"]


@pytest.mark.parametrize("query", [{}, {"o": "3"}, {"_facets": "True"}])
def test_the_list_takes_as_many_queries_for_a_hundred_rows_as_for_ten(client: Client, query: dict[str, str]) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(categories_url(), query).status_code == 200
        return len(queries)

    def grow(number: int) -> None:
        parent = None
        for place in range(number):
            parent = CategoryFactory.create(parent=parent if place % 10 else None)
            ProductFactory.create(category=parent)

    grow(10)
    client.get(categories_url())
    few = cost()
    grow(90)
    assert cost() == few


def test_a_category_is_added_and_changed(client: Client, superuser: Any, news: list[dict[str, Any]]) -> None:
    root = CategoryFactory.create()
    news.clear()
    data = {**form_on(client.get(categories_url("add"))), "name": "Ноутбуки", "parent": str(root.pk)}
    assert client.post(categories_url("add"), data).status_code == 302
    category = categories().get(name="Ноутбуки")
    assert (category.parent, category.slug, category.metadata) == (root, "ноутбуки", {})
    url = categories_url("change", category.pk)
    page = client.get(url)
    assert page.context["adminform"].form["parent"].field.label_from_instance(category) == f"{root.name} > Ноутбуки"
    data = {**form_on(page), "name": "Laptops", "parent": ""}
    assert client.post(url, data).status_code == 302
    category.refresh_from_db()
    assert (category.name, category.parent) == ("Laptops", None)
    assert [(event["signal"], event["categories"], event["actor"]) for event in news] == [
        (signals.categories_created, [category], superuser),
        (signals.categories_updated, [category], superuser),
    ]


def test_a_cycle_is_an_error_at_the_parent(client: Client) -> None:
    root = CategoryFactory.create()
    leaf = CategoryFactory.create(parent=CategoryFactory.create(parent=root))
    url = categories_url("change", root.pk)
    response = client.post(url, {**form_on(client.get(url)), "parent": str(leaf.pk)})
    assert response.context["adminform"].form.errors == {"parent": ["A category cannot be beneath itself."]}
    root.refresh_from_db()
    assert root.parent is None


@pytest.mark.parametrize("beneath_a_parent", [True, False])
def test_a_sibling_of_the_same_name_is_an_error_at_the_name(client: Client, beneath_a_parent: bool) -> None:
    parent = CategoryFactory.create() if beneath_a_parent else None
    CategoryFactory.create(name="Laptops", parent=parent)
    data = form_on(client.get(categories_url("add")))
    data |= {"name": "Laptops", "slug": "other", "parent": str(parent.pk) if parent else ""}
    response = client.post(categories_url("add"), data)
    errors = response.context["adminform"].form.errors
    assert errors == {"name": ["There is a category of this name here already."]}


def test_the_same_name_elsewhere_is_fine(client: Client) -> None:
    CategoryFactory.create(name="Accessories", parent=CategoryFactory.create())
    data = {**form_on(client.get(categories_url("add"))), "name": "Accessories", "slug": ""}
    assert client.post(categories_url("add"), data).status_code == 302
    assert categories().get(name="Accessories", parent=None).slug == "accessories-2"


def test_an_empty_category_is_deleted(client: Client, superuser: Any, news: list[dict[str, Any]]) -> None:
    category = CategoryFactory.create()
    news.clear()
    assert client.post(categories_url("delete", category.pk), {"post": "yes"}).status_code == 302
    assert not categories().exists()
    [event] = news
    assert event["signal"] is signals.categories_deleted
    assert ([row.pk for row in event["categories"]], event["actor"]) == ([category.pk], superuser)


def fill_with_product(category: Any) -> None:
    ProductFactory.create(name="The product", category=category)


def fill_with_child(category: Any) -> None:
    CategoryFactory.create(name="The child", parent=category)


@pytest.mark.parametrize(("fill", "named"), [(fill_with_product, "The product"), (fill_with_child, "The child")])
def test_a_category_with_something_in_it_is_not_deleted(
    client: Client, news: list[dict[str, Any]], fill: Any, named: str
) -> None:
    category = CategoryFactory.create(name="Full")
    fill(category)
    news.clear()
    url = categories_url("delete", category.pk)
    for response in (client.get(url), client.post(url, {"post": "yes"})):
        assert response.status_code == 200
        assert "protected related objects" in response.content.decode()
        assert named in response.content.decode()
    selected = {"action": "delete_selected", "_selected_action": [str(category.pk)], "post": "yes"}
    response = client.post(categories_url(), selected)
    assert response.status_code == 200
    assert named in response.content.decode()
    assert categories().filter(pk=category.pk).exists()
    assert news == []


def test_of_many_products_in_the_way_some_are_named(client: Client) -> None:
    category = CategoryFactory.create()
    for number in range(13):
        ProductFactory.create(name=f"P{number:02}", category=category)
    content = client.get(categories_url("delete", category.pk)).content.decode()
    assert "P09" in content
    assert "P10" not in content
    assert "Products: and 3 more" in content


def test_a_branch_is_deleted_when_all_of_it_is_selected(client: Client, news: list[dict[str, Any]]) -> None:
    root = CategoryFactory.create()
    leaf = CategoryFactory.create(parent=root)
    news.clear()
    selected = {"action": "delete_selected", "_selected_action": [str(root.pk), str(leaf.pk)], "post": "yes"}
    assert client.post(categories_url(), selected).status_code == 302
    assert not categories().exists()
    [event] = news
    assert {row.pk for row in event["categories"]} == {root.pk, leaf.pk}


def test_a_product_that_arrives_during_the_deletion_is_a_message(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    category = CategoryFactory.create()
    fill_with_product(category)
    # As if the product came after the check.
    page = "django_shopcore.catalog.admin.CategoryAdmin.get_deleted_objects"
    monkeypatch.setattr(page, lambda *args: ([], {}, set(), []))
    response = client.post(categories_url("delete", category.pk), {"post": "yes"}, follow=True)
    assert messages_on(response) == ["Other objects still refer to it."]
    assert categories().filter(pk=category.pk).exists()


def autocomplete(client: Client, term: str, model: Any, field: str) -> Any:
    meta = model._meta
    query = {"term": term, "app_label": meta.app_label, "model_name": meta.model_name, "field_name": field}
    return client.get(categories_url("paths"), query)


def test_the_choice_of_a_category_shows_paths_in_a_fixed_number_of_queries(client: Client) -> None:
    for number in range(5):
        CategoryFactory.create(name="Accessories", parent=CategoryFactory.create(name=f"Root {number}"))
    with CaptureQueriesContext(connection) as few:
        results = autocomplete(client, "access", get_product_model(), "category").json()["results"]
    assert [result["text"] for result in results] == [f"Root {number} > Accessories" for number in range(5)]
    for number in range(5, 20):
        CategoryFactory.create(name="Accessories", parent=CategoryFactory.create(name=f"Root {number}"))
    with CaptureQueriesContext(connection) as many:
        autocomplete(client, "access", get_category_model(), "parent")
    assert len(many) == len(few)


def test_the_choice_of_a_category_is_for_those_who_may_see_them(client: Client) -> None:
    assert autocomplete(browser(make_user(admin=True)), "a", get_product_model(), "category").status_code == 403
    page = client.get(products_url("add")).content.decode()
    assert f'data-ajax--url="{categories_url("paths")}"' in page
