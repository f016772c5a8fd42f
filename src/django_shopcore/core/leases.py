"""What a process may believe of the tables without asking the database: a nonce in the shared cache.

A process that has seen the nonce and *then* read the tables' tokens from the database may trust these tokens while
the nonce is there, and no longer than a lease. A writer removes the nonce after its commit; where it cannot, it
waits until every lease of before has ended. ``docs/explanation/caching`` has the argument.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connections, router

from . import limits, tracking
from .conf import cache_settings
from .models import TableVersion
from .shared_cache import SharedCache

logger = logging.getLogger(__name__)

NONCE = "shopcore:nonce"


@dataclass(frozen=True)
class Trust:
    """The tokens that this process has read after it had seen ``nonce``, and until when it believes them."""

    nonce: int
    tokens: Mapping[str, str]
    until: float


_trust: Trust | None = None


def shared_cache() -> SharedCache | None:
    """The cache of all processes, or ``None`` when there is none that can be relied on.

    With several servers a reader may ask another one than a writer has told.
    """
    alias = cache_settings.CACHE_ALIAS
    if is_divided(alias):
        return None
    return limits.shared_cache(alias)


def is_divided(alias: str) -> bool:
    """Whether the cache ``alias`` has several servers."""
    location: Any = settings.CACHES.get(alias, {}).get("LOCATION") or ""
    return "," in location or ";" in location if isinstance(location, str) else len(location) > 1


def readable_cache() -> SharedCache | None:
    """The shared cache, unless it has just failed."""
    cache = shared_cache()
    return None if cache is None or cache.breaker.is_resting else cache


def trusted(nonce: Any) -> Mapping[str, str] | None:
    """The tokens of the tables as far as they are known, ``nonce`` being what the cache has just said."""
    global _trust
    trust = _trust
    if trust is None:
        return None
    if trust.nonce != nonce:
        # Not to be believed again, should a cache ever come back with an old nonce.
        _trust = None
        return None
    return trust.tokens if time.monotonic() < trust.until else None


def renew(cache: SharedCache, nonce: Any) -> Mapping[str, str]:
    """Reads the tokens of now, to be trusted from here under the nonce that the cache has said, or under a new one."""
    global _trust
    if type(nonce) is not int:
        nonce = secrets.randbits(63)
        if not cache.add(NONCE, nonce, timeout=cache_settings.CACHE_LEASE):
            nonce = cache.get(NONCE)
    # The lease begins before the reading: what is committed while it lasts may be missing from it.
    until = time.monotonic() + cache_settings.CACHE_LEASE
    tokens = present_tokens()
    if type(nonce) is int:
        _trust = Trust(nonce, tokens, until)
    return tokens


def present_tokens() -> dict[str, str]:
    """The tokens of now, from the database that is written to."""
    return tracking.tokens(router.db_for_write(TableVersion))


def in_transaction() -> bool:
    """Whether this thread may see rows that nobody else sees."""
    return any(
        connection.in_atomic_block or (connection.connection is not None and not connection.autocommit)
        for connection in connections.all(initialized_only=True)
    )


def announce() -> None:
    """Ends the trust in what the tables were before now; returns when nobody believes it any longer."""
    cache = shared_cache() if cache_settings.CACHE else None
    if cache is None:
        return
    since = time.monotonic()
    # Also a cache that has just failed: other processes may reach it, and believe what it says.
    if not _removed(cache.insistent()):
        lease = cache_settings.CACHE_LEASE * 1.1 + 0.1
        logger.warning("A write could not be announced to the cache of responses: it waits up to %.1f seconds.", lease)
        time.sleep(max(0.0, since + lease - time.monotonic()))


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
