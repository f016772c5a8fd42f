"""The catalogue is read from a real streaming replica, and nobody notices: however late, silent or dead it is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction

from django_shopcore.catalog import get_product_model
from django_shopcore.core import replicas
from tests.core.replicated import replica, server, statements
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL streams."),
    pytest.mark.skipif(sys.platform == "win32", reason="Processes are killed and stopped by signals."),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="Replicates a server of the tests' own."),
]

__all__ = ["replica", "server", "statements"]

API = "/api/v1"


@pytest.fixture
def product() -> Any:
    above = CategoryFactory(name="shelf", slug="shelf")
    return ProductFactory(name="lamp", slug="lamp", category=CategoryFactory(name="board", slug="board", parent=above))


def products(query: str) -> Callable[[Any], str]:
    return lambda product: f"{API}/products/{query.format(category=product.category_id, product=product.pk)}"


READS = {
    "list": products(""),
    "page": products("?page=1&size=1"),
    "keyset": products("?cursor="),
    "sparse": products("?fields=id,name"),
    "filter": products("?min_price=5&ordering=-price"),
    "category": products("?category={category}"),
    "search": products("?search=lamp"),
    "facets": products("facets/"),
    "detail": products("{product}/"),
    "categories": lambda product: f"{API}/categories/",
    "tree": lambda product: f"{API}/categories/tree/",
}
every_read = pytest.mark.parametrize("address", READS.values(), ids=READS)


@every_read
def test_a_replica_that_has_caught_up_is_read(
    address: Any, product: Any, replica: Any, statements: Any, anonymous: Any, settings: Any
) -> None:
    replica.catch_up()
    url = address(product)
    anonymous.get(url)  # once, for what is kept
    statements.clear()
    from_replica = anonymous.get(url)
    # Of the primary just the tokens; with a cache that all share not even these.
    assert statements.pop("default") == 1
    assert statements.pop("replica") in (1, 2)
    settings.SHOPCORE_REPLICAS = []
    from_primary = anonymous.get(url)
    assert not statements["replica"]
    assert from_replica.status_code == 200
    assert (from_replica.json(), from_replica["ETag"]) == (from_primary.json(), from_primary["ETag"])


def change(product: Any) -> None:
    get_product_model().objects.filter(pk=product.pk).update(name="newer lamp", price=20)
    type(product.category).objects.filter(pk=product.category_id).update(name="newer board")


@every_read
def test_a_replica_that_is_late_is_not_believed(
    address: Any, product: Any, replica: Any, anonymous: Any, settings: Any
) -> None:
    replica.catch_up()
    url = address(product)
    before = anonymous.get(url).json()
    replica.pause()
    try:
        change(product)
        late = anonymous.get(url).json()
    finally:
        replica.resume()
    settings.SHOPCORE_REPLICAS = []
    assert late == anonymous.get(url).json()
    assert late != before


@every_read
def test_without_the_comparison_of_tokens_a_late_replica_shows_what_was_replaced(
    address: Any, product: Any, replica: Any, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "_is_present", lambda tokens, present: True)
    replica.catch_up()
    url = address(product)
    before = anonymous.get(url).json()
    replica.pause()
    try:
        change(product)
        assert anonymous.get(url).json() == before
    finally:
        replica.resume()


def test_what_a_late_replica_does_not_know_is_asked_of_the_primary(product: Any, replica: Any, anonymous: Any) -> None:
    replica.catch_up()
    replica.pause()
    try:
        new = ProductFactory(category=CategoryFactory())
        assert anonymous.get(f"{API}/products/{new.pk}/").status_code == 200
        assert anonymous.get(f"{API}/products/?category={new.category_id}").json()["count"] == 1
        assert anonymous.get(f"{API}/products/?page=2&size=1").status_code == 200
        product.delete()
        assert anonymous.get(f"{API}/products/{product.pk}/").status_code == 404
    finally:
        replica.resume()


def test_a_category_that_is_newer_than_the_tree_that_is_kept_is_read_from_a_replica_too(
    product: Any, replica: Any, statements: Any, anonymous: Any
) -> None:
    replica.catch_up()
    anonymous.get(f"{API}/products/?category={product.category_id}")  # from here on a tree is kept
    new = ProductFactory(category=CategoryFactory())
    replica.catch_up()
    anonymous.get(f"{API}/products/?category={new.category_id}")
    statements.clear()
    assert anonymous.get(f"{API}/products/?category={new.category_id}").json()["count"] == 1
    assert statements == {"default": 1, "replica": 1}


def test_a_late_replica_rests_and_is_used_again(
    product: Any, replica: Any, statements: Any, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "SHORTEST_REST", 1.0)
    replica.catch_up()
    replica.pause()
    try:
        change(product)
        anonymous.get(f"{API}/products/")
        statements.clear()
        for _ in range(3):
            anonymous.get(f"{API}/products/")
        assert not statements["replica"]
    finally:
        replica.resume()
    replica.catch_up()
    time.sleep(1)
    statements.clear()
    anonymous.get(f"{API}/products/")
    assert statements["replica"] == 1


def test_within_a_transaction_the_primary_is_read(product: Any, replica: Any, statements: Any, anonymous: Any) -> None:
    replica.catch_up()
    statements.clear()
    with transaction.atomic():
        change(product)
        assert anonymous.get(f"{API}/products/{product.pk}/").json()["name"] == "newer lamp"
    assert not statements["replica"]


def test_a_lost_connection_to_a_replica_is_replaced(
    product: Any, replica: Any, statements: Any, anonymous: Any
) -> None:
    replica.catch_up()
    anonymous.get(f"{API}/products/")
    replica.end_connections()
    statements.clear()
    assert anonymous.get(f"{API}/products/").json()["count"] == 1
    assert statements["replica"] == 2
    assert replicas._rests == {}


def test_a_replica_that_is_gone_is_left_alone_until_it_is_back(
    product: Any, replica: Any, statements: Any, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "REST_AFTER_FAILURE", 2.0)
    replica.catch_up()
    anonymous.get(f"{API}/products/")
    replica.kill()
    try:
        assert anonymous.get(f"{API}/products/").json()["count"] == 1
        statements.clear()
        assert anonymous.get(f"{API}/products/{product.pk}/").json()["name"] == "lamp"
        assert statements == {"default": 1}
    finally:
        replica.start()
    replica.catch_up()
    time.sleep(replicas.REST_AFTER_FAILURE)
    statements.clear()
    assert anonymous.get(f"{API}/products/").json()["count"] == 1
    assert statements["replica"] == 1


def test_a_replica_that_stands_still_is_waited_for_a_second_and_then_left_alone(
    product: Any, replica: Any, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "REST_AFTER_FAILURE", 2.0)
    replica.catch_up()
    anonymous.get(f"{API}/products/")
    replica.stop()
    try:
        started = time.monotonic()
        assert anonymous.get(f"{API}/products/").json()["count"] == 1
        assert 0.9 < time.monotonic() - started < 3
        started = time.monotonic()
        assert anonymous.get(f"{API}/products/").json()["count"] == 1
        assert time.monotonic() - started < 0.9
    finally:
        replica.go_on()


def test_what_was_probably_meant_is_found_in_the_same_state_as_that_nothing_matched(
    product: Any, replica: Any, anonymous: Any
) -> None:
    url = f"{API}/products/?search=lanp"
    replica.catch_up()
    assert anonymous.get(url).json()["did_you_mean"] == "lamp"
    replica.pause()

    def see_the_new_one(execute: Any, sql: str, *args: Any) -> Any:
        result = execute(sql, *args)
        if "similarity" in sql:
            replica.resume()
            replica.catch_up()
        return result

    try:
        ProductFactory(name="lanp", category=product.category)
        with connections["replica"].execute_wrapper(see_the_new_one):
            found = anonymous.get(url).json()
    finally:
        replica.resume()
    assert "did_you_mean" not in found
    assert [row["name"] for row in found["results"]] == ["lanp"]


def test_an_answer_from_a_replica_is_kept_for_as_long_as_it_is_right(
    product: Any, replica: Any, statements: Any, anonymous: Any, settings: Any
) -> None:
    settings.SHOPCORE_CATALOG_CACHE = 600
    replica.catch_up()
    url = f"{API}/products/?size=7"
    first = anonymous.get(url)
    assert statements["replica"]
    statements.clear()
    kept = anonymous.get(url)
    assert (kept.content, kept["ETag"]) == (first.content, first["ETag"])
    assert not statements["replica"]
    replica.pause()
    try:
        change(product)
        assert anonymous.get(url).json()["results"][0]["name"] == "newer lamp"
    finally:
        replica.resume()
