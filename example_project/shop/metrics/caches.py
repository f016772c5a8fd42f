"""Django's caches, which count what they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache as DjangosLocMemCache
from django.core.cache.backends.redis import RedisCache as DjangosRedisCache

from .measuring import CACHE_READS

HITS, MISSES = CACHE_READS.labels("hit"), CACHE_READS.labels("miss")
MISSING = object()
# Counters and probes: no answer was saved or missed by these.
UNCOUNTED = ("shopcore:limit:", "healthz:")


class CountsReads(BaseCache):
    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        value = super().get(key, MISSING, version)
        if not str(key).startswith(UNCOUNTED):
            (MISSES if value is MISSING else HITS).inc()
        return default if value is MISSING else value


class LocMemCache(CountsReads, DjangosLocMemCache):
    """Its ``get_many`` asks ``get`` for each key."""


class RedisCache(CountsReads, DjangosRedisCache):
    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        keys = list(keys)
        found = super().get_many(keys, version)
        HITS.inc(len(found))
        MISSES.inc(len(keys) - len(found))
        return found
