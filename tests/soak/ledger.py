"""What happened in a soak. Threads write it down; ``verdicts`` judges it when all is over."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# What may happen to a request in a window.
UNAVAILABLE, DROPPED, SLOW = "503", "dropped", "timeout"

# What the load counts, each at least once.
AFTER_WRITE, AT_ONCE = "reads after a write", "refresh tokens used at once"
REPLAYED, BY_LINK = "sessions ended by a replay", "passwords reset by a mail's link"
CHECKS = (AFTER_WRITE, AT_ONCE, REPLAYED, BY_LINK)


@dataclass
class Window:
    """The time of a fault, by the soak's own clock, and what it excuses until ``recovery`` seconds after its end."""

    fault: str
    begin: float
    end: float
    recovery: float
    permits: frozenset[str] = frozenset()
    # Parts of the site that cannot be judged meanwhile: "limits", "mail", "workers".
    touches: frozenset[str] = frozenset()

    @property
    def over(self) -> float:
        return self.end + self.recovery

    def meets(self, begin: float, end: float) -> bool:
        return begin <= self.over and end >= self.begin


@dataclass(frozen=True)
class Failure:
    """A request without the answer it should have had: ``kind`` is a status, ``dropped`` or ``timeout``."""

    kind: str
    begin: float
    end: float
    request: str
    request_id: str
    retry_after: bool = False
    body: str = ""


@dataclass(frozen=True)
class Broken:
    """A promise that a checker saw broken."""

    promise: str
    at: float
    what: str
    request_id: str = ""


@dataclass(frozen=True)
class Burst:
    """More requests at once than a limit admits."""

    begin: float
    end: float
    asked: int
    quota: int
    admitted: int
    refused: int


@dataclass(frozen=True)
class Rows:
    """Of one moment: rows by table, rows that should be gone, seconds that the oldest waiting message waits."""

    at: float
    tables: dict[str, int]
    overdue: dict[str, int]
    messages_made: int
    oldest_waiting: float
    redis_keys: int = 0


@dataclass(frozen=True)
class Memory:
    at: float
    process: str  # "sync 4711"
    pss: int  # kB
    rss: int


@dataclass
class Seen:
    """A message of the outbox: what was last seen of it."""

    kind: str
    state: str
    user: str | None


@dataclass
class Ledger:
    """``now()`` is seconds since the start."""

    started: float = field(default_factory=time.monotonic)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    bursts: list[Burst] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    sign_ins: list[float] = field(default_factory=list)
    welcomed: Counter[str] = field(default_factory=Counter)
    messages: dict[str, Seen] = field(default_factory=dict)
    checks: Counter[str] = field(default_factory=Counter)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> float:
        return time.monotonic() - self.started

    def note(self, route: str, outcome: str, seconds: float) -> None:
        with self._lock:
            self.statuses[route, outcome] += 1
            self.slowest[route] = max(seconds, self.slowest.get(route, 0.0))

    def count(self, check: str) -> None:
        with self._lock:
            self.checks[check] += 1

    def welcome(self, address: str) -> None:
        with self._lock:
            self.welcomed[address] += 1

    def breaks(self, promise: str, what: str, request_id: str = "") -> None:
        self.broken.append(Broken(promise, self.now(), what, request_id))

    def windows_at(self, begin: float, end: float, windows: Iterable[Window] | None = None) -> list[Window]:
        return [window for window in windows or self.windows if window.meets(begin, end)]


def of_statuses(statuses: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """The numbers by route and outcome."""
    table: dict[str, dict[str, Any]] = {}
    for (route, outcome), number in sorted(statuses.items()):
        table.setdefault(route, {})[outcome] = number
    return table
