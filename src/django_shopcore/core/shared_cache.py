"""The cache that all processes share, asked in a way that survives its failure.

A request waits for it a tenth of a second at most, whatever it asks and whatever time-outs the site has set or not, and
a command a second each time; after a failure it is left alone for a moment. Whoever asks it expects exceptions, and
goes on without it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from .breakers import breaker_of
from .redis_scripts import Clock, Script, bounded_copy, redis_client
from .waiting import current_waiting

# Seconds that one request waits for the cache altogether: a tenth at most, with all that is around it.
PATIENCE = 0.08
# Seconds that a command or a worker waits each time, whom nobody waits for.
PATIENCE_ELSEWHERE = 1.0
# Seconds after which a client whose time-outs are the site's counts as having failed, though it has an answer.
SLOW = 1.0
# So much is left to a request whose time is up: a cache that answers at once has done nothing wrong.
LAST = 0.01
INSTEAD = "the database stands in for it, and a write to the catalogue waits for SHOPCORE_CATALOG_CACHE_LEASE"


class CacheUnavailable(Exception):  # noqa: N818 - a state, not a mistake
    """The cache was not asked: it has failed a moment ago, or has cost this request enough time already."""


class SharedCache:
    """What the library asks of one of the site's caches. Each method raises what the cache's client raises, too.

    Of Django's Redis cache it asks a copy of its own, whose connections keep to the time that is left.
    """

    def __init__(self, alias: str, cache: BaseCache) -> None:
        self.alias = alias
        self.breaker = breaker_of("cache", alias, INSTEAD)
        self._insists = False
        self._clock = Clock()
        self._is_bounded = redis_client(cache) is not None
        self._cache: Any = bounded_copy(alias, self._clock) if self._is_bounded else cache
        # The client of Django's Redis cache, for what its interface has no command for; otherwise ``None``. Made once:
        # Django makes one for each command, which takes longer than the command.
        self.client: Any = redis_client(self._cache)

    def insistent(self) -> SharedCache:
        """The same, asked also when it has just failed: for those whom a failure costs more than the try."""
        twin = copy.copy(self)
        twin._insists = True
        return twin

    def get(self, key: str) -> Any:
        return self._ask(self._cache.get, key)

    def get_many(self, keys: Collection[str]) -> dict[str, Any]:
        found: dict[str, Any] = self._ask(self._cache.get_many, keys)
        return found

    def add(self, key: str, value: Any, timeout: float) -> bool:
        return bool(self._ask(self._cache.add, key, value, timeout))

    def set(self, key: str, value: Any, timeout: float) -> None:
        self._ask(self._cache.set, key, value, timeout)

    def set_many(self, values: Mapping[str, Any], timeout: float) -> None:
        self._ask(self._cache.set_many, values, timeout)

    def delete(self, key: str) -> bool:
        return bool(self._ask(self._cache.delete, key))

    def incr(self, key: str) -> int | None:
        """The counter, one higher; ``None`` where there is none."""
        number: int | None = self._ask(_counted, self._cache, key)
        return number

    def run(self, script: Script, keys: Iterable[str], arguments: Sequence[int]) -> Any:
        """What the script returns. Only with a ``client``; ``keys`` are as for the other methods."""
        return self._ask(self._run, script, keys, arguments)

    def _run(self, script: Script, keys: Iterable[str], arguments: Sequence[int]) -> Any:
        return script.run(self.client, [self._cache.make_key(key) for key in keys], arguments)

    def loads(self, value: bytes) -> Any:
        """A value as a script returns it."""
        return self._cache._cache._serializer.loads(value)

    def _ask(self, command: Callable[..., Any], *arguments: Any) -> Any:
        breaker, waiting, clock = self.breaker, current_waiting(), self._clock
        patience = PATIENCE if waiting is not None else PATIENCE_ELSEWHERE
        if not self._insists:
            if not breaker.allows():
                raise CacheUnavailable(self.alias)
            if waiting is not None:
                patience = max(PATIENCE - waiting.for_cache, LAST)
        begin = time.monotonic()
        clock.left = patience
        try:
            answer = command(*arguments)
        except Exception as error:
            breaker.failed(error)
            raise
        finally:
            took = patience - clock.left if self._is_bounded else time.monotonic() - begin
            if waiting is not None:
                waiting.for_cache += took
        if took > (patience if self._is_bounded else SLOW):
            breaker.failed(TimeoutError())
        else:
            breaker.succeeded()
        return answer


def _counted(cache: BaseCache, key: str) -> int | None:
    try:
        return cache.incr(key)
    except ValueError:  # Django's word for a missing key
        return None


def shared(alias: str) -> SharedCache:
    """The ``SharedCache`` around ``caches[alias]``: one for each thread, as Django's own."""
    cache: Any = caches[alias]
    found: SharedCache | None = cache.__dict__.get("shopcore")
    if found is None:
        found = cache.shopcore = SharedCache(alias, cache)
    return found
