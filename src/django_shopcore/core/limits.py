"""Rate limits that admit exactly N requests per window, from any number of processes.

A window starts with a client's first request and lasts as long as the rate says. Requests are counted by one
atomic step: ``INCR`` in a shared cache (Redis, Memcached) through Django's cache interface, or one upsert in
the database where no shared cache is configured or the cache does not answer.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections, router
from rest_framework.exceptions import Throttled

from .client import client_network
from .conf import RATE, Setting, core_settings
from .models import RateLimitWindow
from .redis_scripts import Script, redis_client
from .signals import rate_limited

logger = logging.getLogger(__name__)

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Limit:
    """A limit on an action.

    ``setting`` holds the rate. An ``essential`` limit is enforced in the database where there is no shared
    cache; the others only with a shared cache, since counting reads would turn each into a write.
    """

    name: str
    setting: Setting[Any]
    essential: bool = True

    def rate(self) -> tuple[int, int] | None:
        """``(requests, seconds)``, or ``None`` when switched off."""
        value = self.setting.value()
        match = RATE.fullmatch(value) if value and core_settings.RATE_LIMITS else None
        if match is None:
            return None
        number, length, unit = match.groups()
        return int(number), int(length or 1) * UNITS[unit]


@dataclass(frozen=True)
class Usage:
    """What a limit says of one request."""

    limit: Limit
    quota: int
    window: int
    used: int
    resets_in: float

    @property
    def exceeded(self) -> bool:
        return self.used > self.quota

    @property
    def seconds_left(self) -> int:
        return max(1, math.ceil(self.resets_in))

    def headers(self) -> dict[str, str]:
        """``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers-10)."""
        remaining = max(0, self.quota - self.used)
        return {
            "RateLimit": f'"{self.limit.name}";r={remaining};t={self.seconds_left}',
            "RateLimit-Policy": f'"{self.limit.name}";q={self.quota};w={self.window}',
        }


def tightest_headers(usages: Sequence[Usage]) -> dict[str, str]:
    """The headers of the limit that leaves the least."""
    return min(usages, key=lambda usage: usage.quota - usage.used).headers() if usages else {}


class RateLimited(Throttled):
    """429 with ``Retry-After``."""

    default_code = "rate_limited"

    def __init__(self, usage: Usage) -> None:
        super().__init__(wait=usage.seconds_left)
        self.usage = usage


def caller_key(request: Any) -> str:
    """Whom a request counts for: the signed-in user, otherwise the network address."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"user:{user.pk}"
    return f"net:{client_network(request)}"


def shared_cache(alias: str | None = None) -> BaseCache | None:
    """The cache that all processes share and count in with one atomic step, or ``None``.

    Local memory is not shared; a backend with Django's general ``incr`` (database, files) reads and then writes.
    """
    try:
        cache = caches[alias or core_settings.RATE_LIMIT_CACHE]
    except Exception:  # noqa: BLE001 - no such alias, or its client library is missing
        return None
    atomic = type(cache).incr is not BaseCache.incr
    return cache if atomic and not isinstance(cache, LocMemCache) else None


def _window(limit: Limit, caller: str) -> tuple[str, int, int] | None:
    """The name of ``caller``'s present window with its quota and seconds; ``None`` when the limit is off."""
    rate = limit.rate()
    if rate is None:
        return None
    quota, window = rate
    digest = hashlib.sha256(f"{limit.name}|{quota}/{window}|{caller}".encode()).hexdigest()[:40]
    return f"shopcore:limit:{limit.name}:{digest}", quota, window


def count_request(limit: Limit, caller: str) -> Usage | None:
    """Counts one request of ``caller``; ``None`` when the limit is off or cannot be enforced here."""
    found = _window(limit, caller)
    if found is None:
        return None
    key, quota, window = found
    cache = shared_cache()
    now = time.time()
    if cache is not None:
        try:
            used, ends_at = _count_in_cache(cache, key, now, window)
            return Usage(limit, quota, window, used, ends_at - now)
        except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
            logger.warning("The rate limit cache failed (%s); counting in the database.", type(exc).__name__)
    if not limit.essential:
        return None
    used, ends_at = _count_in_database(key, now, window)
    return Usage(limit, quota, window, used, ends_at - now)


# One step and one round trip. For each window (a key, its milliseconds): the number of requests in it, and how long
# it still lasts; then the values of the keys that are left.
COUNT = Script("""
local found = {}
for i, window in ipairs(ARGV) do
  local used = redis.call('INCR', KEYS[i])
  if used == 1 then redis.call('PEXPIRE', KEYS[i], window) end
  found[#found + 1] = used
  found[#found + 1] = redis.call('PTTL', KEYS[i])
end
for i = #ARGV + 1, #KEYS do found[#found + 1] = redis.call('GET', KEYS[i]) end
return found
""")


def _count_in_cache(cache: BaseCache, key: str, now: float, window: int) -> tuple[int, float]:
    client = redis_client(cache)
    if client is not None:
        used, left = COUNT.run(client, [cache.make_and_validate_key(key)], [window * 1000])
        return used, now + left / 1000
    # A window lasts as long as its key: comparing clocks here would let two processes open the next one twice.
    ends_at = cache.get(key)
    if ends_at is None:
        cache.add(key, now + window, timeout=window)
        ends_at = cache.get(key, now + window)
    # The counter has a name per window and outlives it, so INCR never meets a key that is about to expire.
    counter = f"{key}:{ends_at:.6f}"
    try:
        return cache.incr(counter), ends_at
    except ValueError:
        cache.add(counter, 0, timeout=2 * window)
        return cache.incr(counter), ends_at


def first_in(key: str, seconds: int) -> bool:
    """Whether this is the first call with ``key`` within ``seconds``; of any number at once, one is. Always with 0.

    For what must not happen twice in a row, not for how often somebody may ask: it is not switched off with
    the rate limits. In the database it counts only if the transaction at hand commits.
    """
    if not seconds:
        return True
    name = f"shopcore:first:{hashlib.sha256(key.encode()).hexdigest()[:40]}"
    cache = shared_cache()
    if cache is not None:
        try:
            return cache.add(name, 1, timeout=seconds)
        except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
            logger.warning("The rate limit cache failed (%s); counting in the database.", type(exc).__name__)
    return _count_in_database(name, time.time(), seconds)[0] == 1


UPSERT = """
INSERT INTO {table} (key, count, ends_at) VALUES (%s, 1, %s)
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN {table}.ends_at <= %s THEN 1 ELSE {table}.count + 1 END,
  ends_at = CASE WHEN {table}.ends_at <= %s THEN excluded.ends_at ELSE {table}.ends_at END
RETURNING count, ends_at
"""


def _count_in_database(key: str, now: float, window: int) -> tuple[int, float]:
    alias = router.db_for_write(RateLimitWindow)
    connection = connections[alias]
    table = connection.ops.quote_name(RateLimitWindow._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(UPSERT.format(table=table), [key, now + window, now, now])
        used, ends_at = cursor.fetchone()
    return used, ends_at


def prune_windows() -> int:
    """Deletes windows that are over; returns how many."""
    return RateLimitWindow.objects.filter(ends_at__lt=time.time()).delete()[0]


def enforce(limits: Sequence[Limit], request: Any) -> list[Usage]:
    """Counts ``request`` against each limit; raises ``RateLimited`` for the first one exceeded."""
    usages = []
    for limit in limits:
        if not limit.essential and shared_cache() is None:
            continue
        usage = count_request(limit, caller_key(request))
        if usage is not None:
            usages.append(_within(usage, request))
    return usages


def _within(usage: Usage, request: Any) -> Usage:
    if usage.exceeded:
        # A receiver that fails must not turn the refusal into an error of ours.
        rate_limited.send_robust(sender=Limit, limit=usage.limit, usage=usage, request=request)
        raise RateLimited(usage)
    return usage


def enforce_and_read(
    limits: Sequence[Limit], request: Any, cache: Any, keys: Sequence[str]
) -> tuple[list[Usage], dict[str, Any] | None]:
    """As ``enforce``, with the values of ``keys`` in ``cache`` in the same round trip, where it is the limits' Redis.

    Otherwise the second is ``None``. A request that is refused is counted against all limits.
    """
    found = count_and_read(limits, request, cache, keys)
    if found is None:
        return enforce(limits, request), None
    usages, seen = found
    return admit(usages, request), seen


def count_and_read(
    limits: Sequence[Limit], request: Any, cache: Any, keys: Sequence[str]
) -> tuple[list[Usage], dict[str, Any]] | None:
    """Counts ``request`` against all limits and refuses nobody; with the values of ``keys`` in ``cache``.

    ``None`` where that takes more than one round trip, since ``cache`` is not the limits' Redis, or it has failed.
    """
    client = redis_client(cache) if cache is not None and cache is shared_cache() else None
    if client is None:
        return None
    caller = caller_key(request)
    windows = [(limit, *found) for limit in limits if (found := _window(limit, caller)) is not None]
    try:
        names = [cache.make_key(key) for key in (*(window[1] for window in windows), *keys)]
        answer = COUNT.run(client, names, [window * 1000 for *_, window in windows])
        counts, values = answer[: 2 * len(windows)], answer[2 * len(windows) :]
        loads = cache._cache._serializer.loads
        seen = {key: loads(value) for key, value in zip(keys, values, strict=True) if value is not None}
    except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
        logger.warning("The cache failed (%s).", type(exc).__name__)
        return None
    usages = [
        Usage(limit, quota, window, used, left / 1000)
        for (limit, _key, quota, window), used, left in zip(windows, counts[::2], counts[1::2], strict=True)
    ]
    return usages, seen


def admit(usages: Sequence[Usage], request: Any) -> list[Usage]:
    """The usages; raises ``RateLimited`` for the first that is too much."""
    return [_within(usage, request) for usage in usages]
