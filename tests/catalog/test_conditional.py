"""Entity tags, caching and ``If-Match`` of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model, signals
from tests.catalog.shapes import CATEGORIES, PRODUCTS, TREE, key_of, path_of
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]


def tag_of(client: APIClient, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return str(response["ETag"])


@pytest.fixture
def product(db: None) -> Any:
    return ProductFactory.create(private_metadata={"cost": 1})


def addresses(product: Any) -> list[str]:
    return [PRODUCTS, f"{PRODUCTS}?cursor=", path_of(product), CATEGORIES, path_of(product.category), TREE]


def varies_by(response: Any) -> set[str]:
    return {name.strip() for name in response["Vary"].split(",")}


def test_anonymous_reads_may_be_kept_by_anybody_who_asks_again(anonymous: APIClient, product: Any) -> None:
    for url in addresses(product):
        response = anonymous.get(url)
        assert response["Cache-Control"] == "public, no-cache"
        assert "Authorization" in varies_by(response)
        assert response["ETag"].startswith('"')


def test_reads_with_credentials_are_private(customer_client: APIClient, admin_client: APIClient, product: Any) -> None:
    for url in addresses(product):
        for client in (customer_client, admin_client):
            response = client.get(url)
            assert response["Cache-Control"] == "private, no-cache"
            assert "Authorization" in varies_by(response)


def test_a_read_that_carries_any_authorization_is_private(anonymous: APIClient, product: Any) -> None:
    response = anonymous.get(path_of(product), HTTP_AUTHORIZATION="Unheard-of x")
    assert (response.status_code, response["Cache-Control"]) == (200, "private, no-cache")


def test_errors_and_writes_are_not_kept_and_vary_too(
    anonymous: APIClient, admin_client: APIClient, product: Any
) -> None:
    for response in (
        anonymous.get(f"{PRODUCTS}0/"),
        anonymous.get(f"{PRODUCTS}?page=0"),
        anonymous.post(PRODUCTS, {}),
        anonymous.delete(TREE),
        admin_client.post(PRODUCTS, {}),
        admin_client.patch(path_of(product), {"name": "B"}),
        admin_client.delete(path_of(product)),
    ):
        assert response["Cache-Control"] == "private, no-store"
        assert "Authorization" in varies_by(response)


def test_a_match_is_304_with_the_validators_and_no_body(
    anonymous: APIClient, admin_client: APIClient, product: Any
) -> None:
    for client in (anonymous, admin_client):
        for url in addresses(product):
            full = client.get(url)
            tag = full["ETag"]
            for header in (tag, f'"other", {tag}', f"W/{tag}", "*", f'{tag},"x"'):
                response = client.get(url, HTTP_IF_NONE_MATCH=header)
                assert (response.status_code, response.content) == (304, b""), header
                assert response["ETag"] == tag
                assert response["Cache-Control"] == full["Cache-Control"]
                assert varies_by(response) == varies_by(full)
                assert "Content-Type" not in response
            for header in ('"other"', tag.strip('"'), "", f'"{tag}"', "W/*"):
                response = client.get(url, HTTP_IF_NONE_MATCH=header)
                assert (response.status_code, response.content) == (200, full.content), header


def test_a_head_request_is_a_read_without_a_body(anonymous: APIClient, product: Any) -> None:
    for url in addresses(product):
        full, head = anonymous.get(url), anonymous.head(url)
        assert (head.status_code, head.content, head["ETag"]) == (200, b"", full["ETag"])
        assert anonymous.head(url, HTTP_IF_NONE_MATCH=full["ETag"]).status_code == 304


def test_an_objects_tag_is_the_same_for_everybody_and_on_the_answer_to_a_write(
    anonymous: APIClient, customer_client: APIClient, admin_client: APIClient, product: Any
) -> None:
    for row in (product, product.category):
        written = admin_client.patch(path_of(row), {"metadata": {"a": 1}})
        tags = {tag_of(client, path_of(row)) for client in (anonymous, customer_client, admin_client)}
        assert tags == {written["ETag"]}
        assert tag_of(anonymous, f"{path_of(row)}?fields=id") == written["ETag"]
    created = admin_client.post(PRODUCTS, {"name": "N", "price": 1, "category": product.category_id})
    assert tag_of(anonymous, created["Location"]) == created["ETag"]


def test_every_change_of_an_object_changes_its_tag(admin_client: APIClient, anonymous: APIClient, product: Any) -> None:
    seen = {tag_of(anonymous, path_of(product))}
    for change in (
        {"name": "Other"},
        {"price": "11.00"},
        {"metadata": {"a": 1}},
        {"private_metadata": {"b": 1}},
        {"in_stock": False},
        {"in_stock": True},
    ):
        seen.add(admin_client.patch(path_of(product), change)["ETag"])
    assert len(seen) == 7
    assert tag_of(anonymous, path_of(product)) in seen


def test_tags_are_the_objects_own(anonymous: APIClient) -> None:
    category = CategoryFactory.create()
    first, second = (ProductFactory.create(category=category) for _ in range(2))
    tag = tag_of(anonymous, path_of(first))
    assert tag != tag_of(anonymous, path_of(second))
    get_product_model().objects.filter(pk=second.pk).update(price=99)
    assert tag_of(anonymous, path_of(first)) == tag


def test_a_category_that_is_renamed_changes_the_tags_of_its_products(
    anonymous: APIClient, admin_client: APIClient, product: Any
) -> None:
    before = tag_of(anonymous, path_of(product))
    admin_client.patch(path_of(product.category), {"name": "Renamed"})
    response = anonymous.get(path_of(product), HTTP_IF_NONE_MATCH=before)
    assert response.status_code == 200
    assert response.json()["category_name"] == "Renamed"
    assert response["ETag"] != before


def test_once_a_write_has_answered_no_list_or_tree_is_what_it_was(
    anonymous: APIClient, admin_client: APIClient, product: Any
) -> None:
    urls = [PRODUCTS, f"{PRODUCTS}?search=product&cursor=", CATEGORIES, TREE]

    def changed(before: dict[str, str]) -> list[str]:
        return [url for url in urls if anonymous.get(url, HTTP_IF_NONE_MATCH=before[url]).status_code == 200]

    def tags() -> dict[str, str]:
        return {url: tag_of(anonymous, url) for url in urls}

    before = tags()
    assert changed(before) == []
    admin_client.patch(path_of(product), {"price": "77.00"})
    assert changed(before) == urls[:2]
    before = tags()
    admin_client.patch(path_of(product.category), {"name": "Renamed"})
    assert changed(before) == urls
    before = tags()
    admin_client.delete(path_of(product))
    assert changed(before) == urls[:2]
    before = tags()
    admin_client.delete(path_of(product.category))
    assert changed(before) == urls[2:]


def test_a_list_of_an_admin_has_another_tag_than_that_of_the_public(
    anonymous: APIClient, admin_client: APIClient, product: Any
) -> None:
    assert tag_of(anonymous, PRODUCTS) != tag_of(admin_client, PRODUCTS)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_write_with_the_tag_of_another_version_is_412_and_changes_nothing(
    admin_client: APIClient, product: Any, method: str
) -> None:
    body = {"name": "New", "price": "5.00", "category": product.category_id}
    for row in (product, product.category):
        tag = tag_of(admin_client, path_of(row))
        stale = ['"stale"', f"W/{tag}", tag.strip('"'), "", f'"x", W/{tag}', "W/*"]
        for header in stale:
            response = getattr(admin_client, method)(path_of(row), body, HTTP_IF_MATCH=header)
            assert problem_of(response) == (412, "precondition_failed"), header
        assert tag_of(admin_client, path_of(row)) == tag


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("header", ["{tag}", '"x", {tag}', "*", "{tag}, W/{tag}"])
def test_a_write_with_the_tag_of_the_present_version_is_done(
    admin_client: APIClient, product: Any, method: str, header: str
) -> None:
    body = {"name": "New", "price": "5.00", "category": product.category_id}
    for row in (product, CategoryFactory.create()):
        tag = tag_of(admin_client, path_of(row))
        response = getattr(admin_client, method)(path_of(row), body, HTTP_IF_MATCH=header.format(tag=tag))
        assert response.status_code == (204 if method == "delete" else 200)


def test_the_tag_of_a_write_serves_for_the_next_one_and_only_for_that(admin_client: APIClient, product: Any) -> None:
    first = admin_client.patch(path_of(product), {"name": "1"})["ETag"]
    second = admin_client.patch(path_of(product), {"name": "2"}, HTTP_IF_MATCH=first)
    assert second.status_code == 200
    assert problem_of(admin_client.patch(path_of(product), {"name": "3"}, HTTP_IF_MATCH=first))[0] == 412
    assert admin_client.delete(path_of(product), HTTP_IF_MATCH=second["ETag"]).status_code == 204


def test_a_request_that_would_fail_anyhow_fails_for_its_own_reason(admin_client: APIClient, product: Any) -> None:
    response = admin_client.patch(path_of(product), {"price": "x"}, HTTP_IF_MATCH='"stale"')
    assert errors_of(response) == [("price", "invalid")]


def test_if_match_on_what_does_not_exist_is_404(admin_client: APIClient) -> None:
    response = admin_client.patch(f"{PRODUCTS}0/", {}, HTTP_IF_MATCH="*")
    assert problem_of(response) == (404, "not_found")


def test_an_unpublished_products_tag_is_told_to_admins_only(anonymous: APIClient, admin_client: APIClient) -> None:
    hidden = ProductFactory.create(is_published=False)
    tag = tag_of(admin_client, path_of(hidden))
    for header in (tag, "*"):
        response = anonymous.get(path_of(hidden), HTTP_IF_NONE_MATCH=header)
        assert problem_of(response) == (404, "not_found")
        assert "ETag" not in response


@pytest.fixture
def right_after() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Lets something happen the moment a product's write is committed, before its answer is sent."""
    written = [signals.products_created, signals.products_updated]
    receivers = []

    def arrange(call: Callable[[], Any]) -> None:
        def receiver(**kwargs: Any) -> None:
            transaction.on_commit(call)

        receivers.append(receiver)
        for signal in written:
            signal.connect(receiver)

    yield arrange
    for receiver in receivers:
        for signal in written:
            signal.disconnect(receiver)


@pytest.mark.django_db(transaction=True)
def test_the_answer_to_a_write_is_what_it_wrote_although_somebody_else_wrote_right_after(
    admin_client: APIClient, right_after: Any
) -> None:
    product = ProductFactory.create()
    right_after(lambda: get_product_model().objects.update(price="99.00"))
    bulk = {"update": [{"id": key_of(product), "price": "7.00"}]}

    created = admin_client.post(PRODUCTS, {"name": "N", "price": "5.00", "category": product.category_id})
    changed = admin_client.patch(path_of(product), {"price": "6.00"})
    together = admin_client.post(f"{PRODUCTS}bulk/", bulk)

    assert [created.json()["price"], changed.json()["price"]] == ["5.00", "6.00"]
    assert [row["price"] for row in together.json()["updated"]] == ["7.00"]
    # Whoever trusts the tag of the answer must not overwrite what came after it.
    assert problem_of(admin_client.patch(path_of(product), {}, HTTP_IF_MATCH=changed["ETag"]))[0] == 412


@pytest.mark.django_db(transaction=True)
def test_a_write_is_answered_although_the_row_is_gone_right_after(admin_client: APIClient, right_after: Any) -> None:
    product = ProductFactory.create()
    right_after(lambda: get_product_model().objects.all().delete())
    changed = admin_client.patch(path_of(product), {"price": "6.00"})
    assert (changed.status_code, changed.json()["price"]) == (200, "6.00")
    created = admin_client.post(PRODUCTS, {"name": "N", "price": "5.00", "category": product.category_id})
    assert (created.status_code, created.json()["name"]) == (201, "N")


@pytest.mark.django_db(transaction=True)  # within one nothing is known of what has not changed
@pytest.mark.parametrize(
    ("url", "status"),
    [
        (PRODUCTS, 304),
        (f"{PRODUCTS}?size=-1", 400),
        (f"{PRODUCTS}?min_price=x", 400),
        (f"{PRODUCTS}?page=999", 404),
        (f"{PRODUCTS}facets/", 304),
        (f"{PRODUCTS}facets/?min_price=x", 400),
        (f"{CATEGORIES}?size=-1", 400),
    ],
)
def test_an_asterisk_names_any_answer_but_no_error(
    anonymous: APIClient, customer_client: APIClient, product: Any, url: str, status: int
) -> None:
    for client in (anonymous, customer_client):
        assert client.get(url, HTTP_IF_NONE_MATCH="*").status_code == status
