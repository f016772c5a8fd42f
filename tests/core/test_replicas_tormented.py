"""Writers and readers by HTTP, while a real streaming replica is late, loses its connections, dies and comes back."""

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
from django.db import connection, connections
from django.db.backends.signals import connection_created
from rest_framework.test import APIClient

from django_shopcore.core import replicas
from tests.core.replicated import replica, server, shared_cache
from tests.core.streaming_replica import StreamingReplica
from tests.factories.catalog import ProductFactory
from tests.fixtures import client_of
from tests.parallel import hang_up

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL streams."),
    pytest.mark.skipif(sys.platform == "win32", reason="Processes are killed and stopped by signals."),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="Replicates a server of the tests' own."),
]

__all__ = ["replica", "server", "shared_cache"]

API = "/api/v1"


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
