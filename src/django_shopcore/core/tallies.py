"""Requests that a process counts by itself for a moment, while a limit is far from reached.

What it has counted it owes to the shared cache, and pays with the next request that it asks the cache about. It never
owes more than a small share of what was left of the limit when it asked last, and counts nothing by itself of the last
``SHARE`` requests: up to there each one is counted where all processes count.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from . import leases

SHARE = 256
# Windows that are remembered; of those that have been there longest, what is owed is forgiven.
REMEMBERED = 1024


class _Tally:
    """What the shared cache has said of a window, and what has been counted since."""

    __slots__ = ("ends_at", "most", "owed", "until", "used")

    def __init__(self, used: int, quota: int, ends_at: float, until: float) -> None:
        self.used, self.ends_at, self.until = used, ends_at, until
        self.most, self.owed = max(0, quota - used) // SHARE, 0


_tallies: dict[str, _Tally] = {}
_lock = threading.Lock()


def forget() -> None:
    """Forgets all that was counted. For tests."""
    _tallies.clear()


def count(keys: Sequence[str]) -> list[tuple[int, float]] | None:
    """Counts one request in each window: how many there are, and for how many seconds each still lasts.

    ``None``, and nothing is counted, when the shared cache has to be asked.
    """
    now = leases.now()
    with _lock:
        tallies = [_tallies.get(key) for key in keys]
        found = [tally for tally in tallies if tally is not None and tally.owed < tally.most and now < tally.until]
        if len(found) < len(tallies):
            return None
        for tally in found:
            tally.owed += 1
        return [(tally.used + tally.owed, tally.ends_at - now) for tally in found]


def pay(keys: Sequence[str]) -> list[int]:
    """What is owed to each window that has not ended, and is not owed from now on."""
    now = leases.now()
    with _lock:
        tallies = [_tallies.pop(key, None) for key in keys]
    return [tally.owed if tally is not None and now < tally.ends_at else 0 for tally in tallies]


def note(keys: Sequence[str], quotas: Sequence[int], counts: Sequence[tuple[int, float]], asked: float) -> None:
    """Remembers what the shared cache has said, which was asked at ``asked`` (``leases.now()``)."""
    now, moment = leases.now(), leases.moment()
    with _lock:
        for key, quota, (used, left) in zip(keys, quotas, counts, strict=True):
            if quota - used < SHARE:
                continue
            ends_at = now + left
            tally = _Tally(used, quota, ends_at, min(ends_at, asked + moment))
            if (before := _tallies.pop(key, None)) is not None:
                # Another thread has asked meanwhile, and counted since.
                tally.owed = before.owed
            elif len(_tallies) >= REMEMBERED:
                del _tallies[next(iter(_tallies))]
            _tallies[key] = tally
