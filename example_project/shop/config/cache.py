"""``REDIS_URL``."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

Cache = dict[str, Any]

LOCAL_MEMORY: Cache = {"BACKEND": "shop.metrics.caches.LocMemCache", "LOCATION": "shop"}


def redis_cache(text: str) -> Cache:
    """A Redis that answers at once or counts as dead. The library keeps to a tenth of a second altogether by itself."""
    try:
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as RedisConnectionError
        from redis.retry import Retry
    except ImportError:
        raise ValueError("Redis needs its client: pip install 'django-shopcore[redis]'") from None
    try:
        url = urlsplit(text)
        valid = url.scheme == "unix" or (
            url.scheme in ("redis", "rediss") and bool(url.hostname) and url.port != 0 and _is_number(url.path[1:])
        )
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("expected redis://host:6379/0, rediss://… or unix:///path")
    return {
        "BACKEND": "shop.metrics.caches.RedisCache",
        "LOCATION": text,
        "KEY_PREFIX": "shop",
        "OPTIONS": {
            "socket_connect_timeout": 0.1,
            "socket_timeout": 0.1,
            # Once more, at once: that covers a connection that a restart of Redis has left dead in the pool.
            # The client's own default waits seconds between its tries. A timeout is not tried again: the
            # command may have been carried out, and a counter would count twice.
            "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        },
    }


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{0,4}", text) is not None
