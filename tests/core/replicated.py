"""Fixtures of the tests with a streaming replica: the database ``replica``, which is the tests' own, replicated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connections

from django_shopcore.core import replicas
from tests import servers
from tests.core.streaming_replica import StreamingReplica
from tests.parallel import hang_up


@pytest.fixture(scope="module", autouse=True)
def server(django_db_setup: None) -> Iterator[StreamingReplica]:
    server = StreamingReplica(servers.database_url())
    primary = connections.settings["default"]
    connections.settings["replica"] = {
        **primary, "HOST": "127.0.0.1", "PORT": str(server.port), "TEST": {**primary["TEST"], "MIRROR": "default"},
    }  # fmt: skip
    yield server
    connections["replica"].close()
    del connections["replica"], connections.settings["replica"]
    server.remove()


@pytest.fixture
def replica(server: StreamingReplica, settings: Any, monkeypatch: pytest.MonkeyPatch) -> StreamingReplica:
    settings.SHOPCORE_REPLICAS = ["replica"]
    settings.SHOPCORE_REPLICA_TIMEOUT = 1
    settings.SHOPCORE_CATALOG_CACHE = 0
    settings.DATABASE_ROUTERS = ["django_shopcore.core.replicas.ReplicaRouter"]
    monkeypatch.setattr(replicas, "_rests", {})
    monkeypatch.setattr(replicas, "REST_AFTER_FAILURE", 0.3)
    connections["replica"].close()
    return server


@pytest.fixture
def statements(replica: Any) -> Iterator[Counter[str]]:
    """How many statements each database has been asked."""
    counted: Counter[str] = Counter()

    def counter(alias: str) -> Any:
        def count(execute: Any, *args: Any) -> Any:
            counted[alias] += 1
            return execute(*args)

        return count

    with ExitStack() as stack:
        for alias in ("default", "replica"):
            stack.enter_context(connections[alias].execute_wrapper(counter(alias)))
        yield counted


@pytest.fixture
def shared_cache(settings: Any, redis_url: str) -> Iterator[None]:
    settings.SHOPCORE_CATALOG_CACHE = 600
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}}
    yield
    hang_up()
