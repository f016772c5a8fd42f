"""What the tests of the cache of responses share: a cache that does as it is told, and answers made of real rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from django.core.cache.backends.base import BaseCache
from django.db import connection
from django.test import override_settings

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.core import breakers, shared_cache
from django_shopcore.core.response_cache import Answer, fetch
from tests.factories.catalog import CategoryFactory, ProductFactory

SCRIPTED = {"default": {"BACKEND": "tests.core.cached_answers.ScriptedCache"}}


class CacheError(Exception):
    """The cache does not answer."""


class ScriptedCache(BaseCache):
    """Shared by all its instances. Keys never expire: what a lease promises must not depend on it."""

    entries: ClassVar[dict[str, Any]] = {}
    calls: ClassVar[Counter[str]] = Counter()
    # Called before and after each operation: ("before add", key).
    script: ClassVar[list[Callable[[str, str], None]]] = []

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    @classmethod
    def reset(cls) -> None:
        for part in (cls.entries, cls.calls, cls.script):
            part.clear()

    def _do(self, name: str, key: str, action: Callable[[], Any]) -> Any:
        self.calls[name] += 1
        self._tell(f"before {name}", key)
        result = action()
        self._tell(f"after {name}", key)
        return result

    def _tell(self, moment: str, key: str) -> None:
        for listener in list(self.script):
            listener(moment, key)

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return self._do("get", key, lambda: self.entries.get(key, default))

    def get_many(self, keys: Any, version: Any = None) -> Any:
        return self._do("get_many", "", lambda: {key: self.entries[key] for key in keys if key in self.entries})

    def set(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> Any:
        self._do("set", key, lambda: self.entries.__setitem__(key, value))

    def add(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> Any:
        return self._do("add", key, lambda: self.entries.setdefault(key, value) is value)

    def delete(self, key: Any, version: Any = None) -> Any:
        return self._do("delete", key, lambda: self.entries.pop(key, None) is not None)

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> int:
        raise ValueError


def tables() -> tuple[str, str]:
    return get_product_model()._meta.db_table, get_category_model()._meta.db_table


def names() -> Answer:
    """The names of all products and categories and the tokens, read in one statement."""
    product, category = tables()
    if connection.vendor == "postgresql":
        versions, listed = "json_object_agg", "string_agg(name, ',' ORDER BY name)"
    else:
        versions, listed = "json_group_object", "group_concat(name)"
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT (SELECT {versions}("table", token) FROM shopcore_core_tableversion), '
            f"(SELECT {listed} FROM (SELECT name FROM {product} ORDER BY name) p), (SELECT {listed} FROM {category})"
        )
        tokens, products, categories = cursor.fetchone()
    tokens = json.loads(tokens) if isinstance(tokens, str) else tokens
    body = f"{products or ''} in {categories or ''}"
    return Answer(body.encode(), f'"{body}"', tokens)


class Reader:
    """Reads the names through the cache; knows how often they were computed."""

    def __init__(self, compute: Callable[[], Answer] = names) -> None:
        self.computed = 0
        self._compute = compute

    def read(self) -> str:
        return fetch("names", tables(), self.compute).body.decode()

    def compute(self) -> Answer:
        self.computed += 1
        return self._compute()


@pytest.fixture(params=["shared", "here"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where responses are kept: for all processes, or in the memory of this one."""
    ScriptedCache.reset()
    breakers.close_all()
    # What a test does in the midst of an operation is no slowness of the cache's.
    monkeypatch.setattr(shared_cache, "PATIENCE", 60.0)
    if request.param == "shared":
        with override_settings(CACHES=SCRIPTED):
            yield request.param
    else:
        yield request.param


shared_only = pytest.mark.parametrize("place", ["shared"], indirect=True)


@pytest.fixture
def product(place: str) -> Any:
    return ProductFactory(name="old", category=CategoryFactory(name="shelf"))
