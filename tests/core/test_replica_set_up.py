"""What a site is told of a set-up with replicas that cannot work, and what the router leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.db import connections, router

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped")]

ROUTER = "django_shopcore.core.replicas.ReplicaRouter"
MIDDLEWARE = "django_shopcore.core.replica_clients.ReplicaMiddleware"


@pytest.fixture
def replica(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An alias and nothing behind it."""
    monkeypatch.setitem(connections.settings, "replica", {**connections.settings["default"], "NAME": "/nothing/here"})
    settings.SHOPCORE_REPLICAS = ["replica"]
    settings.DATABASE_ROUTERS = [ROUTER]
    yield
    connections["replica"].close()
    del connections["replica"]


def findings() -> list[str]:
    return [
        f"{m.id} {m.msg}"
        for m in run_checks(databases=["default"])
        if m.id in ("shopcore.E005", "shopcore.E006", "shopcore.W005", "shopcore.W006")
    ]


def test_without_replicas_there_is_nothing_to_say() -> None:
    assert findings() == []


def test_a_set_up_that_works_is_not_reported(replica: None) -> None:
    assert findings() == []


def test_replicas_that_are_none(replica: None, settings: Any) -> None:
    settings.SHOPCORE_REPLICAS = ["replica", "default", "nowhere"]
    settings.DATABASE_ROUTERS = []
    assert findings() == [
        "shopcore.E005 SHOPCORE_REPLICAS: the database that is written to is no replica.",
        "shopcore.E005 SHOPCORE_REPLICAS: there is no database 'nowhere'.",
        "shopcore.W005 Nothing keeps writes away from SHOPCORE_REPLICAS.",
    ]


def test_a_replica_of_another_kind(replica: None) -> None:
    other = "sqlite3" if connections["default"].vendor == "postgresql" else "postgresql"
    connections["replica"].close()
    del connections["replica"]
    connections.settings["replica"]["ENGINE"] = f"django.db.backends.{other}"
    assert findings() == [
        "shopcore.E005 SHOPCORE_REPLICAS: 'replica' is another kind of database than the default.",
    ]


def test_models_that_are_not_for_replicas(replica: None, settings: Any) -> None:
    product = str(getattr(django_settings, "SHOPCORE_CATALOG_PRODUCT_MODEL", "shopcore_catalog.Product"))
    settings.SHOPCORE_REPLICA_MODELS = ["auth.Group", "sessions", product, "shopcore_core", "blog"]
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://x"}}
    assert findings() == [
        f"shopcore.E006 SHOPCORE_REPLICA_MODELS: '{product}' is not for replicas, or is read from them anyway.",
        "shopcore.E006 SHOPCORE_REPLICA_MODELS: 'shopcore_core' is not for replicas, or is read from them anyway.",
        "shopcore.E006 SHOPCORE_REPLICA_MODELS: there is no model or app 'blog'.",
    ]


@pytest.mark.parametrize("missing", ["middleware", "cache"])
def test_models_that_no_replica_is_read_for(missing: str, replica: None, settings: Any) -> None:
    settings.SHOPCORE_REPLICA_MODELS = ["auth.Group"]
    if missing == "cache":
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    assert findings() == ["shopcore.W006 No replica is read for SHOPCORE_REPLICA_MODELS."]


def test_migrations_leave_replicas_alone(replica: None) -> None:
    for app in ("shopcore_catalog", "auth", "sessions"):
        assert router.allow_migrate("replica", app) is False
        assert router.allow_migrate("default", app) is True
