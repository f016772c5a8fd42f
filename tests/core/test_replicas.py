"""The catalogue is read from a real streaming replica, and nobody notices: however late, silent or dead it is."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.backends.signals import connection_created
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.core import replicas
from tests.core.replicated import replica, server, shared_cache, statements
from tests.core.streaming_replica import StreamingReplica
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.fixtures import client_of
from tests.parallel import hang_up

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL streams."),
    pytest.mark.skipif(sys.platform == "win32", reason="Processes are killed and stopped by signals."),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="Replicates a server of the tests' own."),
]

__all__ = ["replica", "server", "shared_cache", "statements"]

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
    assert statements == {"default": 1, "replica": 2}  # one more for the tree


def test_a_late_replica_rests_and_is_used_again(
    product: Any, replica: Any, statements: Any, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "SHORTEST_REST", 0.5)
    replica.catch_up()
    replica.pause()
    try:
        change(product)
        anonymous.get(f"{API}/products/")
        statements.clear()
        for _ in range(5):
            anonymous.get(f"{API}/products/")
        assert not statements["replica"]
    finally:
        replica.resume()
    replica.catch_up()
    time.sleep(0.5)
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
    product: Any, replica: Any, statements: Any, anonymous: Any
) -> None:
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
    product: Any, replica: Any, anonymous: Any
) -> None:
    replica.catch_up()
    anonymous.get(f"{API}/products/")
    replica.stop()
    try:
        started = time.monotonic()
        assert anonymous.get(f"{API}/products/").json()["count"] == 1
        assert 0.9 < time.monotonic() - started < 2
        started = time.monotonic()
        assert anonymous.get(f"{API}/products/").json()["count"] == 1
        assert time.monotonic() - started < 0.3
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


class Crowd:
    """Writers and readers by HTTP, in threads of their own; what they wrote, what they saw, and what was wrong."""

    def __init__(self, admin: Any, rows: list[Any]) -> None:
        self.admin, self.rows = admin, rows
        self.stands = {row.pk: 0 for row in rows}
        self.stale, self.errors, self.asked = 0, [], Counter[str]()
        self._over = threading.Event()
        calls = [*(lambda row=row: self._write(row) for row in rows), self._read, self._read, self._read]
        self._threads = [threading.Thread(target=self._run, args=(call,)) for call in calls]

    def __enter__(self) -> Crowd:
        connection_created.connect(self._count)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a thread hangs"
        connection_created.disconnect(self._count)

    def _count(self, connection: Any, **kwargs: Any) -> None:
        def count(execute: Any, *args: Any) -> Any:
            result = execute(*args)
            self.asked[connection.alias] += 1
            return result

        connection.execute_wrappers.append(count)

    def _run(self, call: Callable[[], None]) -> None:
        try:
            while not self._over.is_set():
                call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.errors.append(error)
        finally:
            connections.close_all()
            hang_up()

    def _write(self, row: Any) -> None:
        price = self.stands[row.pk] + 1
        answer = self.admin().patch(f"{API}/products/{row.pk}/", {"price": str(price)})
        assert answer.status_code == 200, answer.content
        self.stands[row.pk] = price
        time.sleep(random.choice([0, 0.02, 0.1, 0.3]))

    def _read(self) -> None:
        stood, row = dict(self.stands), random.choice(self.rows)
        url = random.choice(["", "?ordering=price", "?search=lamp", f"?category={row.category_id}", f"{row.pk}/"])
        answer = APIClient().get(f"{API}/products/{url}")
        assert answer.status_code == 200, answer.content
        body = answer.json()
        found = body.get("results", [body])
        assert found
        self.stale += any(float(one["price"]) < stood[one["id"]] for one in found)


@pytest.fixture
def crowd(admin_client: Any, settings: Any, replica: Any) -> Crowd:
    settings.SHOPCORE_RATE_LIMITS = False
    user = admin_client.handler._force_user
    rows = [ProductFactory(name=f"lamp {number}", price=0) for number in range(2)]
    replica.catch_up()
    return Crowd(lambda: client_of(user), rows)


def torment(replica: StreamingReplica) -> None:
    replica.end_connections()
    time.sleep(0.3)
    replica.delay(100)
    time.sleep(1)
    replica.delay(0)
    time.sleep(0.3)
    replica.pause()
    time.sleep(0.5)
    replica.resume()
    time.sleep(0.3)
    replica.kill()
    time.sleep(0.5)
    replica.start()
    time.sleep(1)
    replica.stop()
    time.sleep(0.5)
    replica.go_on()
    time.sleep(0.5)


@pytest.mark.parametrize("caching", ["nothing is kept", "a shared cache"])
def test_nobody_reads_what_was_replaced_whatever_happens_to_the_replica(
    caching: str, crowd: Crowd, replica: Any, request: pytest.FixtureRequest
) -> None:
    if caching == "a shared cache":
        request.getfixturevalue("shared_cache")
    with crowd:
        torment(replica)
    assert crowd.errors == []
    assert crowd.stale == 0
    # Otherwise it would prove nothing.
    assert crowd.asked["replica"] > 10
    assert min(crowd.stands.values()) > 5


def test_without_the_comparison_of_tokens_they_do(crowd: Crowd, replica: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "_is_present", lambda tokens, present: True)
    replica.delay(100)
    give_up = time.monotonic() + 20
    with crowd:
        while not crowd.stale and time.monotonic() < give_up:
            time.sleep(0.05)
    replica.delay(0)
    assert crowd.errors == []
    assert crowd.stale
