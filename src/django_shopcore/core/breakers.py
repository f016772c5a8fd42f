"""Circuit breakers: a server that has failed is left alone for a moment, so that nobody waits for it in a row.

Each process has its own. It says so in one log line when a breaker opens, and in one when it closes.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Any

from django.core.signals import setting_changed

logger = logging.getLogger(__name__)

# Seconds that a server which has failed is left alone. Then one caller finds out whether it is back.
PAUSE = 1.0


class Breaker:
    """Whether something is asked at all. ``name`` is how log lines call it, ``instead`` what happens meanwhile.

    ``rest``: the seconds that it is left alone, ``PAUSE`` unless they are given.
    """

    def __init__(self, name: str, instead: str, rest: float | None = None) -> None:
        self.name, self.instead, self._rest = name, instead, rest
        self._lock = threading.Lock()
        # Until when it is open (by the monotonic clock); 0 while it is closed, so that asking costs a comparison.
        self._until = 0.0
        self._since, self._closed = 0.0, -math.inf
        self._failures = self._spared = 0

    @property
    def rest(self) -> float:
        return PAUSE if self._rest is None else self._rest

    @property
    def is_open(self) -> bool:
        """Whether something has failed, and nobody has found it back since."""
        return self._until != 0.0

    @property
    def is_resting(self) -> bool:
        """Whether ``allows`` would refuse."""
        return self._until != 0.0 and time.monotonic() < self._until

    @property
    def closed_for(self) -> float:
        """For how many seconds it has been closed since it was last open; infinity if it never was."""
        return time.monotonic() - self._closed

    def allows(self) -> bool:
        """Whether the caller may ask, and is to say then whether it ``failed`` or ``succeeded``."""
        if self._until == 0.0:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                self._spared += 1
                return False
            self._until = now + self.rest  # for all but this caller
            return True

    def failed(self, error: BaseException) -> None:
        with self._lock:
            now = time.monotonic()
            opens = self._until == 0.0
            if opens:
                self._since, self._failures, self._spared = now, 0, 0
            self._until = now + self.rest
            self._failures += 1
        if opens:
            text = "%s failed (%s): %s. It is tried again every %g seconds."
            logger.warning(text, self.name, type(error).__name__, self.instead, self.rest)

    def succeeded(self) -> None:
        if self._until == 0.0:
            return
        with self._lock:
            closes, self._until = self._until != 0.0, 0.0
            self._closed = time.monotonic()
            seconds = self._closed - self._since
        if closes:
            text = "%s answers again after %.1f seconds; it failed %d times and was not asked %d times."
            logger.warning(text, self.name, seconds, self._failures, self._spared)


_breakers: dict[tuple[str, str], Breaker] = {}


def breaker_of(kind: str, alias: str, instead: str, rest: float | None = None) -> Breaker:
    """This process's breaker for the ``kind`` (``"cache"``, say) with this alias."""
    found = _breakers.get((kind, alias))
    return found or _breakers.setdefault((kind, alias), Breaker(f"The {kind} {alias!r}", instead, rest))


def close_all() -> None:
    """Forgets what has failed, silently. For tests, and for settings that have changed."""
    for breaker in _breakers.values():
        breaker._until, breaker._closed = 0.0, -math.inf


def _forget(setting: str, **kwargs: Any) -> None:
    if setting in ("CACHES", "DATABASES", "TASKS"):
        close_all()


setting_changed.connect(_forget, dispatch_uid="shopcore_core.breakers")
