"""Where rate limits count: windows in a shared cache or in the database, each counted by one atomic step.

A window starts with its first request and lasts as long as its key or its row says. Whose clock that is matters:
it is the cache's or PostgreSQL's own, since those of several machines differ.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections, router

from .conf import core_settings
from .models import RateLimitWindow
from .redis_scripts import Script
from .shared_cache import CacheUnavailable, SharedCache, shared

logger = logging.getLogger(__name__)


def shared_cache(alias: str | None = None) -> SharedCache | None:
    """The cache that all processes share and count in with one atomic step, or ``None``.

    Local memory is not shared; a backend with Django's general ``incr`` (database, files) reads and then writes.
    """
    alias = alias or core_settings.RATE_LIMIT_CACHE
    try:
        cache = caches[alias]
    except Exception:  # noqa: BLE001 - no such alias, or its client library is missing
        return None
    atomic = type(cache).incr is not BaseCache.incr
    return shared(alias) if atomic and not isinstance(cache, LocMemCache) else None


def secret_digest(text: str) -> str:
    """A digest that nobody can look up in a list of addresses: it takes the site's ``SECRET_KEY``."""
    digest = _keyed(settings.SECRET_KEY).copy()  # which is faster than a new one
    digest.update(text.encode(errors="backslashreplace"))
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)
def _keyed(secret: str | bytes) -> hashlib.blake2b:
    own = secret if isinstance(secret, bytes) else secret.encode()
    key = hashlib.blake2b(own, person=b"shopcore.limits").digest()
    return hashlib.blake2b(digest_size=20, key=key)


# One step and one round trip. For each window (a key, its milliseconds, how many requests to count): the number of
# requests in it, and how long it still lasts; then the values of the keys that are left.
COUNT = Script("""
local found, windows = {}, #ARGV / 2
for i = 1, windows do
  local used = redis.call('INCRBY', KEYS[i], ARGV[2 * i])
  if used == tonumber(ARGV[2 * i]) then redis.call('PEXPIRE', KEYS[i], ARGV[2 * i - 1]) end
  found[#found + 1] = used
  found[#found + 1] = redis.call('PTTL', KEYS[i])
end
for i = windows + 1, #KEYS do found[#found + 1] = redis.call('GET', KEYS[i]) end
return found
""")


def count_in_cache(cache: SharedCache, key: str, window: int) -> tuple[int, float]:
    """Counts one; how many there are in the window, and for how many seconds it still lasts."""
    if cache.client is not None:
        [found], _values = windows_in(cache.run(COUNT, [key], [window * 1000, 1]), [window])
        return found
    now = time.time()
    # A window lasts as long as its key: comparing clocks here would let two processes open the next one twice. The
    # second more is for caches whose clock ticks once a second, which would end a window early.
    ends_at = cache.get(key)
    if ends_at is None:
        cache.add(key, now + window, timeout=window + 1)
        ends_at = cache.get(key) or now + window
    # The counter has a name per window and outlives it, so INCR never meets a key that is about to expire.
    counter = f"{key}:{ends_at:.6f}"
    for _ in range(2):
        if (used := cache.incr(counter)) is not None:
            return used, ends_at - now
        cache.add(counter, 0, timeout=2 * window + 1)
    raise CacheUnavailable("It forgets at once.")


def windows_in(answer: Any, windows: Sequence[int]) -> tuple[list[tuple[int, float]], list[Any]]:
    """What ``COUNT`` has counted, with the seconds left, and the values after that. Raises for what is nonsense."""
    counts, values = answer[: 2 * len(windows)], answer[2 * len(windows) :]
    found = list(zip(counts[::2], counts[1::2], strict=True))
    if not all(used > 0 and 0 <= left <= 1000 * window for (used, left), window in zip(found, windows, strict=True)):
        raise ValueError("That would lock somebody out, or nobody.")
    return [(used, left / 1000) for used, left in found], values


# Seconds since the epoch, the same throughout a statement. Processes that share a SQLite file share a machine.
CLOCKS = {
    "postgresql": "extract(epoch FROM statement_timestamp())::double precision",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}

# What is refused is not counted, and writes nothing.
UPSERT = """
INSERT INTO {table} (key, count, ends_at) VALUES (%s, 1, {now} + %s)
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN {table}.ends_at <= {now} THEN 1 ELSE {table}.count + 1 END,
  ends_at = CASE WHEN {table}.ends_at <= {now} THEN excluded.ends_at ELSE {table}.ends_at END
WHERE {table}.ends_at <= {now} OR {table}.count < %s
RETURNING count, ends_at - {now}
"""
LEFT = "SELECT ends_at - {now} FROM {table} WHERE key = %s"
TAKE_BACK = "UPDATE {table} SET count = count - 1 WHERE key = %s AND count > 0"
MARK = """
INSERT INTO {table} (key, count, ends_at) VALUES (%s, 1, {now} + %s)
ON CONFLICT (key) DO UPDATE SET ends_at = excluded.ends_at
"""
IS_MARKED = "SELECT count FROM {table} WHERE key = %s AND ends_at > {now}"
FORGET = "DELETE FROM {table} WHERE key = %s"
PRUNE = "DELETE FROM {table} WHERE ends_at < {now}"


def count_in_database(key: str, quota: int, window: int) -> tuple[int, float]:
    """Counts one unless there are ``quota``; how many that makes, and for how many seconds the window lasts."""
    counted = _run(UPSERT, key, window, quota, fetches=True)
    if counted is not None:
        used, left = counted
        return used, left
    found = _run(LEFT, key, fetches=True)
    return quota + 1, found[0] if found else 0.0


def take_back_in_database(key: str) -> None:
    _run(TAKE_BACK, key)


# For so many seconds the shared cache remembers a refusal: a flood is no flood of writes.
REFUSED_FOR = 5


def count_durably(key: str, quota: int, window: int) -> tuple[int, float]:
    """The database decides; a shared cache only keeps away from it for a moment what it would refuse again."""
    cache, refused = shared_cache(), f"{key}:refused"
    if cache is not None:
        try:
            ends_at = cache.get(refused)
        except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
            note_failure(exc)
            cache = None
        else:
            if isinstance(ends_at, float):
                return quota + 1, ends_at - time.time()
    used, left = count_in_database(key, quota, window)
    if cache is not None and used > quota and left >= 1:
        _try(cache.set, refused, time.time() + left, min(REFUSED_FOR, int(left)))
    return used, left


def _try(command: Callable[..., object], *args: object) -> None:
    try:
        command(*args)
    except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
        note_failure(exc)


def note_failure(exc: Exception) -> None:
    """What there is to know the cache's circuit breaker has logged."""
    logger.debug("The rate limit cache failed (%s); counting in the database.", type(exc).__name__)


def end_durable(key: str) -> None:
    """Ends the window that ``count_durably`` counts in."""
    _run(FORGET, key)
    cache = shared_cache()
    if cache is not None:
        _try(cache.delete, f"{key}:refused")


def mark(key: str, seconds: int) -> None:
    """Remembers ``key`` for so long from now, in the database."""
    _run(MARK, key, seconds)


def is_marked(key: str) -> bool:
    return _run(IS_MARKED, key, fetches=True) is not None


def prune_windows() -> int:
    """Deletes windows that are over; returns how many."""
    return int(_run(PRUNE))


def _run(sql: str, *params: Any, fetches: bool = False) -> Any:
    """The first row of what is fetched, otherwise the number of rows."""
    connection = connections[router.db_for_write(RateLimitWindow)]
    table = connection.ops.quote_name(RateLimitWindow._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(sql.format(table=table, now=CLOCKS[connection.vendor]), params or None)
        return cursor.fetchone() if fetches else cursor.rowcount
