"""A site's own models are read from a replica, and each client sees what it has written itself."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

from django_shopcore.core import replica_clients
from tests.core.replicated import replica, server, shared_cache, statements

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL streams."),
    pytest.mark.skipif(sys.platform == "win32", reason="Processes are killed and stopped by signals."),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="Replicates a server of the tests' own."),
]

__all__ = ["replica", "server", "shared_cache", "statements"]


def groups(request: HttpRequest) -> JsonResponse:
    """A view as a site has it; ``group`` is a model that is its own."""
    if request.method == "POST" or "create" in request.GET:
        Group.objects.create(name=request.GET["name"])
    names = list(Group.objects.order_by("name").values_list("name", flat=True))
    if "rename" in request.GET:
        group = Group.objects.get(name=names[0])
        group.name = request.GET["rename"]
        group.save()
    return JsonResponse({"names": names, "database": Group.objects.all().db})


urlpatterns = [path("groups/", groups)]


@pytest.fixture(autouse=True)
def site(replica: Any, settings: Any, shared_cache: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_shopcore.core.replica_clients.ReplicaMiddleware"]
    settings.SHOPCORE_REPLICA_MODELS = ["auth.Group"]
    monkeypatch.setattr(replica_clients, "RENEWED", 1)
    monkeypatch.setattr(replica_clients, "KEPT", 3)
    cache.clear()
    replica.catch_up()
    yield
    replica.resume()
    cache.clear()


def ask(address: str, query: str = "", method: str = "get", **headers: str) -> Any:
    return getattr(Client(REMOTE_ADDR=address), method)(f"/groups/?{query}", headers=headers).json()


def test_a_client_that_has_written_reads_the_primary_until_the_replica_is_behind_its_write(replica: Any) -> None:
    assert ask("192.0.2.1") == {"names": [], "database": "replica"}
    replica.pause()
    assert ask("192.0.2.1", "name=editors", "post") == {"names": ["editors"], "database": "default"}
    assert ask("192.0.2.1") == {"names": ["editors"], "database": "default"}
    # It has not written. For how long it may see what was is bounded.
    assert ask("192.0.2.2") == {"names": [], "database": "replica"}
    time.sleep(replica_clients.KEPT + 0.2)
    assert ask("192.0.2.1") == ask("192.0.2.2") == {"names": ["editors"], "database": "default"}
    replica.resume()
    replica.catch_up()
    time.sleep(1)
    assert ask("192.0.2.1") == {"names": ["editors"], "database": "replica"}


def test_without_the_memory_of_who_wrote_a_client_misses_its_own_write(
    replica: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_clients.Client, "remember", lambda self: None)
    ask("192.0.2.1")
    replica.pause()
    ask("192.0.2.1", "name=editors", "post")
    assert ask("192.0.2.1") == {"names": [], "database": "replica"}


def test_a_client_is_known_by_its_credentials_from_another_address(replica: Any) -> None:
    ask("192.0.2.1")
    replica.pause()
    ask("192.0.2.1", "name=editors", "post", Authorization="Bearer token")
    assert ask("192.0.2.2", Authorization="Bearer token")["names"] == ["editors"]


def test_a_cache_that_comes_back_empty_lets_nobody_miss_a_write(replica: Any) -> None:
    ask("192.0.2.1")
    replica.pause()
    ask("192.0.2.1", "name=editors", "post")
    cache.clear()
    assert ask("192.0.2.1") == {"names": ["editors"], "database": "default"}


def test_who_cannot_remember_a_write_waits_for_the_replicas(replica: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("192.0.2.1")
    replica.pause()
    monkeypatch.setattr(type(cache._connections[cache._alias]), "set_many", lambda *args, **kwargs: [])
    later = threading.Timer(0.5, replica.resume)
    later.start()
    started = time.monotonic()
    ask("192.0.2.1", "name=editors", "post")
    assert 0.4 < time.monotonic() - started < 2.5
    later.join()
    assert ask("192.0.2.1") == {"names": ["editors"], "database": "replica"}


def test_a_request_that_writes_though_its_method_is_safe_counts(replica: Any) -> None:
    ask("192.0.2.1")
    replica.pause()
    assert ask("192.0.2.1", "create&name=editors")["names"] == ["editors"]
    assert ask("192.0.2.1")["names"] == ["editors"]


def test_what_was_read_from_a_replica_is_written_to_the_primary(replica: Any) -> None:
    ask("192.0.2.1", "name=editors", "post")
    time.sleep(replica_clients.KEPT + 0.2)
    replica.catch_up()
    assert ask("192.0.2.1", "rename=authors")["names"] == ["editors"]
    assert Group.objects.using("default").get().name == "authors"


def test_outside_of_requests_in_transactions_and_of_other_models_the_primary_is_read(settings: Any) -> None:
    assert Group.objects.all().db == "default"
    with transaction.atomic():
        assert ask("192.0.2.1")["database"] == "default"
    settings.SHOPCORE_REPLICA_MODELS = ["auth.Permission"]
    assert ask("192.0.2.1")["database"] == "default"


@pytest.mark.parametrize("missing", ["cache", "replica"])
def test_without_a_cache_or_a_replica_that_answers_the_primary_is_read(
    missing: str, replica: Any, settings: Any
) -> None:
    Group.objects.create(name="editors")
    if missing == "cache":
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        assert ask("192.0.2.1") == {"names": ["editors"], "database": "default"}
        return
    replica.kill()
    try:
        assert ask("192.0.2.1") == {"names": ["editors"], "database": "default"}
    finally:
        replica.start()


def test_objects_of_both_databases_refer_to_each_other(django_user_model: Any, replica: Any) -> None:
    user = django_user_model.objects.create(email="a@example.com")
    Group.objects.create(name="editors")
    replica.catch_up()
    user.groups.add(Group.objects.using("replica").get())
    assert [group.name for group in user.groups.all()] == ["editors"]
