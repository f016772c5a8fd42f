"""Real threads against a real database, for the tests of races. They need ``django_db(transaction=True)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection, connections

only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time: there is no race to show."
)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Runs ``calls`` in a thread each, all starting together; their results, an exception as itself."""
    barrier = Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait(30)
            results[place] = call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error
        finally:
            connections.close_all()
            hang_up()

    threads = [Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    return results


def hang_up() -> None:
    """Ends this thread's connections to Redis; the garbage collector would warn of them."""
    for cache in caches.all(initialized_only=True):
        for pool in getattr(getattr(cache, "_cache", None), "_pools", {}).values():
            pool.disconnect()
