"""What a process may believe of the tables without asking the database: a nonce in the shared cache.

A process that has seen the nonce and *then* read the tables' tokens from the database may trust these tokens while
the nonce is there, and no longer than a lease. A writer removes the nonce after its commit; where it cannot, it
waits until every lease of before has ended. A process that has just looked does not look again for a moment; a
writer waits as long after it has removed the nonce. ``docs/explanation/caching`` has the argument.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connections, router

from . import counting, tracking
from .conf import cache_settings
from .models import TableVersion
from .shared_cache import SharedCache

logger = logging.getLogger(__name__)

NONCE = "shopcore:nonce"
# Of answers at hand, in each process: bytes at most, and seconds. Whoever empties the cache waits no longer than that.
MOST_AT_HAND = 16 * 1024 * 1024
LONGEST_AT_HAND = 10.0


@dataclass
class AtHand:
    """Answers of the shared cache that are right by the same tokens, by name; until ``until``."""

    until: float
    answers: dict[str, Any] = field(default_factory=dict)
    size: int = 0

    def keep(self, name: str, answer: Any, size: int) -> None:
        """Keeps ``answer``, of ``size`` bytes, if there is room for it."""
        if self.size + size <= MOST_AT_HAND:
            self.size += size
            self.answers[name] = answer


@dataclass
class Trust:
    """The tokens that this process has read after it had seen ``nonce``, and until when it believes them.

    Until ``looked_until`` it does so without another look at the nonce. What is ``at_hand`` is right by these tokens.
    """

    nonce: int
    tokens: Mapping[str, str]
    until: float
    at_hand: AtHand
    looked_until: float = 0.0


_trust: Trust | None = None


def shared_cache() -> SharedCache | None:
    """The cache of all processes, or ``None`` when there is none that can be relied on.

    With several servers a reader may ask another one than a writer has told.
    """
    alias = cache_settings.CACHE_ALIAS
    if is_divided(alias):
        return None
    return counting.shared_cache(alias)


def is_divided(alias: str) -> bool:
    """Whether the cache ``alias`` has several servers."""
    location: Any = settings.CACHES.get(alias, {}).get("LOCATION") or ""
    return "," in location or ";" in location if isinstance(location, str) else len(location) > 1


def readable_cache() -> SharedCache | None:
    """The shared cache, unless it has just failed."""
    cache = shared_cache()
    return None if cache is None or cache.breaker.is_resting else cache


def now() -> float:
    """The clock that trust is measured by, in seconds."""
    return time.monotonic()


def moment() -> float:
    """Seconds for which a look into the shared cache counts."""
    return cache_settings.CACHE_RECHECK_MS / 1000


def trusted(nonce: Any, asked: float | None = None) -> Trust | None:
    """What is believed, ``nonce`` being what the cache has just said; ``asked`` is ``now()`` before it was asked."""
    trust = _trust
    if trust is None:
        return None
    if trust.nonce != nonce:
        # Not to be believed again, should a cache ever come back with an old nonce.
        trust.until = 0.0
        return None
    if now() >= trust.until:
        return None
    if asked is not None:
        trust.looked_until = asked + moment()
    return trust


def known() -> Trust | None:
    """What will be believed if the nonce is still there."""
    trust = _trust
    return trust if trust is not None and now() < trust.until else None


def believed() -> Trust | None:
    """What is believed without another look into the cache, since there has just been one."""
    trust = _trust
    return trust if trust is not None and now() < min(trust.until, trust.looked_until) else None


def renew(cache: SharedCache, nonce: Any) -> Trust:
    """Reads the tokens of now, to be trusted from here under the nonce that the cache has said, or under a new one."""
    global _trust
    if type(nonce) is not int:
        nonce = secrets.randbits(63)
        if not cache.add(NONCE, nonce, timeout=cache_settings.CACHE_LEASE):
            nonce = cache.get(NONCE)
    # The lease begins before the reading: what is committed while it lasts may be missing from it.
    until = now() + cache_settings.CACHE_LEASE
    before, tokens = _trust, present_tokens()
    if before is not None and before.tokens == tokens and now() < before.at_hand.until:
        at_hand = before.at_hand
    else:
        at_hand = AtHand(until=now() + LONGEST_AT_HAND)
    trust = Trust(nonce, tokens, until, at_hand)
    if type(nonce) is int:
        _trust = trust
    return trust


def present_tokens() -> dict[str, str]:
    """The tokens of now, from the database that is written to."""
    return tracking.tokens(router.db_for_write(TableVersion))


def in_transaction(held: Iterable[Any] | None = None) -> bool:
    """Whether this thread may see rows that nobody else sees, ``held`` being all its connections."""
    for connection in connections.all(initialized_only=True) if held is None else held:
        if connection.in_atomic_block or (connection.connection is not None and not connection.autocommit):
            return True
    return False


def announce() -> None:
    """Ends the trust in what the tables were before now; returns when nobody believes it any longer."""
    cache = shared_cache() if cache_settings.CACHE else None
    if cache is None:
        return
    since = now()
    # Also a cache that has just failed: other processes may reach it, and believe what it says.
    if _removed(cache.insistent()):
        _outlast(moment() * 1.1)
        return
    lease = cache_settings.CACHE_LEASE * 1.1 + 0.1
    logger.warning("A write could not be announced to the cache of responses: it waits up to %.1f seconds.", lease)
    _outlast(since + lease - now())


def _outlast(seconds: float) -> None:
    """Waits until those who have looked before no longer go by it."""
    if seconds > 0:
        time.sleep(seconds)


def _removed(cache: SharedCache) -> bool:
    """Whether the cache has proven that the nonce of before is gone."""
    try:
        # Where there was none, only a successful add tells an empty cache from one that swallows its errors.
        return any(
            cache.delete(NONCE) or cache.add(NONCE, secrets.randbits(63), timeout=cache_settings.CACHE_LEASE)
            for _ in range(3)
        )
    except Exception:  # noqa: BLE001 - each cache client has errors of its own
        return False
