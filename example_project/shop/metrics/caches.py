"""Django's caches, which count what they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache as DjangosLocMemCache
from django.core.cache.backends.redis import RedisCache as DjangosRedisCache
from django.core.cache.backends.redis import RedisCacheClient

from .measuring import CACHE_READS

HITS, MISSES = CACHE_READS.labels("hit"), CACHE_READS.labels("miss")
MISSING = object()
# Counters and probes: no answer was saved or missed by these.
UNCOUNTED = ("shopcore:limit:", "shopcore:nonce", "shopcore:lock:", "healthz:")


class CountsReads(BaseCache):
    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        value = super().get(key, MISSING, version)
        if not str(key).startswith(UNCOUNTED):
            (MISSES if value is MISSING else HITS).inc()
        return default if value is MISSING else value


class LocMemCache(CountsReads, DjangosLocMemCache):
    """Its ``get_many`` asks ``get`` for each key."""


class KeptClients(RedisCacheClient):
    """Makes its client once. Django makes one for each command, which takes longer than the command."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients: dict[bool, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        if write not in self._clients:
            self._clients[write] = super().get_client(key, write=write)
        return self._clients[write]


class RedisCache(CountsReads, DjangosRedisCache):
    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClients

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        keys = list(keys)
        found = super().get_many(keys, version)
        counted = [key for key in keys if not str(key).startswith(UNCOUNTED)]
        hits = sum(key in found for key in counted)
        HITS.inc(hits)
        MISSES.inc(len(counted) - hits)
        return found
