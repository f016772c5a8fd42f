"""Rate limits that admit exactly N requests per window, from any number of processes.

A window starts with the first request and lasts as long as the rate says. Requests are counted by one atomic step:
``INCR`` in a shared cache (Redis, Memcached) through Django's cache interface, or one upsert in the database where
no shared cache is configured or the cache does not answer. Durable limits are counted in the database alone, and reads
that are far from their limit by ``tallies`` first.

A limit counts for the caller unless it is told a subject: an account that somebody tries, a session, a challenge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import Throttled

from . import leases, tallies
from .client import client_network
from .conf import RATE, Setting, core_settings
from .counting import (
    COUNT,
    count_durably,
    count_in_cache,
    count_in_database,
    end_durable,
    note_failure,
    prune_windows,
    secret_digest,
    shared_cache,
    take_back_in_database,
    windows_in,
)
from .signals import rate_limited

__all__ = [
    "Limit",
    "RateLimited",
    "Usage",
    "client_key",
    "enforce",
    "lift",
    "prune_windows",
    "shared_cache",
    "take_back",
]

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Limit:
    """A limit on an action.

    ``setting`` holds the rate. An ``essential`` limit is enforced in the database where there is no shared
    cache; the others only with a shared cache, since counting reads would turn each into a write. A ``durable``
    one is counted in the database in any case, so that nothing that becomes of the cache admits one more: for
    what guards secrets and mailboxes. What is left of one that is not ``told`` is in no header: what others have
    done counts towards it too.
    """

    name: str
    setting: Setting[Any]
    essential: bool = True
    durable: bool = False
    told: bool = True

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
    """What a limit says of one request. ``key`` names the window it was counted in."""

    limit: Limit
    quota: int
    window: int
    used: int
    resets_in: float
    key: str

    @property
    def exceeded(self) -> bool:
        return self.used > self.quota

    @property
    def seconds_left(self) -> int:
        return min(self.window, max(1, math.ceil(self.resets_in)))

    def headers(self) -> dict[str, str]:
        """``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers-10)."""
        remaining = max(0, self.quota - self.used)
        return {
            "RateLimit": f'"{self.limit.name}";r={remaining};t={self.seconds_left}',
            "RateLimit-Policy": f'"{self.limit.name}";q={self.quota};w={self.window}',
        }


def tightest_headers(usages: Sequence[Usage]) -> dict[str, str]:
    """The headers of the limit that leaves the least, of those that may be told or have refused the request."""
    told = [usage for usage in usages if usage.limit.told or usage.exceeded]
    return min(told, key=lambda usage: usage.quota - usage.used).headers() if told else {}


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
    return client_key(request)


def client_key(request: Any) -> str:
    """The network that a request comes from, whoever sends it."""
    return f"net:{client_network(request)}"


def _window(limit: Limit, subject: str) -> tuple[str, int, int] | None:
    """The name of ``subject``'s present window with its quota and seconds; ``None`` when the limit is off."""
    rate = limit.rate()
    if rate is None:
        return None
    quota, window = rate
    digest = secret_digest(f"{limit.name}|{quota}/{window}|{subject}")
    return f"shopcore:limit:{limit.name}:{digest}", quota, window


def count_request(limit: Limit, subject: str) -> Usage | None:
    """Counts one request for ``subject``; ``None`` when the limit is off or cannot be enforced here."""
    found = _window(limit, subject)
    if found is None:
        return None
    key, quota, window = found
    if limit.durable:
        used, left = count_durably(key, quota, window)
        return Usage(limit, quota, window, used, left, key)
    cache = shared_cache()
    if cache is not None:
        try:
            return Usage(limit, quota, window, *count_in_cache(cache, key, window), key)
        except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
            note_failure(exc)
    if not limit.essential:
        return None
    return Usage(limit, quota, window, *count_in_database(key, quota, window), key)


def take_back(usages: Iterable[Usage]) -> None:
    """Undoes the counting of an attempt that was right: for durable limits on attempts that fail.

    It gives back this one and no other. Counting first and taking back holds for attempts at once too: looking
    first and counting the failures afterwards does not.
    """
    for usage in usages:
        take_back_in_database(usage.key)


def lift(limit: Limit, subject: str) -> None:
    """Ends ``subject``'s present window of a durable limit: for who has proved to be meant by it."""
    found = _window(limit, subject)
    if found is not None:
        end_durable(found[0])


def first_in(key: str, seconds: int) -> bool:
    """Whether this is the first call with ``key`` within ``seconds``; of any number at once, one is. Always with 0.

    For what must not happen twice in a row, not for how often somebody may ask: it is not switched off with
    the rate limits. In the database it counts only if the transaction at hand commits.
    """
    if not seconds:
        return True
    name = f"shopcore:first:{secret_digest(key)}"
    cache = shared_cache()
    if cache is not None:
        try:
            return cache.add(name, 1, timeout=seconds)
        except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
            note_failure(exc)
    return count_in_database(name, 1, seconds)[0] == 1


def enforce(limits: Sequence[Limit], request: Any, subject: str | None = None) -> list[Usage]:
    """Counts ``request`` against each limit; raises ``RateLimited`` for the first one exceeded.

    It counts for ``subject``, a text such as ``"session:17"``, and for the caller when there is none.
    """
    usages = []
    for limit in limits:
        if not limit.essential and shared_cache() is None:
            continue
        usage = count_request(limit, caller_key(request) if subject is None else subject)
        if usage is not None:
            usages.append(_within(usage, request))
    return usages


def _within(usage: Usage, request: Any) -> Usage:
    if usage.exceeded:
        # A receiver that fails must not turn the refusal into an error of ours.
        rate_limited.send_robust(sender=Limit, limit=usage.limit, usage=usage, request=request)
        raise RateLimited(usage)
    return usage


def count_here(limits: Sequence[Limit], request: Any, cache: Any) -> list[Usage] | None:
    """Counts ``request`` in this process alone, if it has just asked ``cache`` and all limits are far from reached.

    Otherwise ``None``, and it is not counted.
    """
    own = shared_cache()
    if own is None or cache is not own or own.client is None:
        return None
    windows = _windows(limits, request)
    counts = tallies.count([window[1] for window in windows])
    return None if counts is None else _usages(windows, counts)


def count_and_read(
    limits: Sequence[Limit], request: Any, cache: Any, keys: Sequence[str]
) -> tuple[list[Usage], dict[str, Any]] | None:
    """Counts ``request`` against all limits and refuses nobody; with the values of ``keys`` in ``cache``.

    ``None`` where that takes more than one round trip, since ``cache`` is not the limits' Redis, or it has failed.
    """
    own = shared_cache()
    if own is None or cache is not own or own.client is None:
        return None
    windows = _windows(limits, request)
    names = [window[1] for window in windows]
    try:
        amounts = [1 + owed for owed in tallies.pay(names)]
        arguments = [n for (*_, window), amount in zip(windows, amounts, strict=True) for n in (window * 1000, amount)]
        asked = leases.now()
        answer = own.run(COUNT, (*names, *keys), arguments)
        counts, values = windows_in(answer, [window for *_, window in windows])
        seen = {key: own.loads(value) for key, value in zip(keys, values, strict=True) if value is not None}
    except Exception as exc:  # noqa: BLE001 - each cache client has errors of its own
        note_failure(exc)
        return None
    tallies.note(names, [quota for _, _, quota, _ in windows], counts, asked)
    return _usages(windows, counts), seen


def _windows(limits: Sequence[Limit], request: Any) -> list[tuple[Limit, str, int, int]]:
    """The caller's present windows, of the limits that are on."""
    caller = caller_key(request)
    return [(limit, *found) for limit in limits if (found := _window(limit, caller)) is not None]


def _usages(windows: Sequence[tuple[Limit, str, int, int]], counts: Sequence[tuple[int, float]]) -> list[Usage]:
    return [
        Usage(limit, quota, window, used, left, key)
        for (limit, key, quota, window), (used, left) in zip(windows, counts, strict=True)
    ]


def admit(usages: Sequence[Usage], request: Any) -> list[Usage]:
    """The usages; raises ``RateLimited`` for the first that is too much."""
    return [_within(usage, request) for usage in usages]
