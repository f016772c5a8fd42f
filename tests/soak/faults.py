"""What goes wrong in a soak, in an order that its seed decides."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults import FailingRedis, Way
from tests.notifications.smtp import HANG, SmtpServer

from .ledger import DROPPED, SLOW, UNAVAILABLE, Ledger, Window
from .machines import Deliverer, Gunicorn, Postgres, send
from .pace import Pace

# Until a fault's window closes, in seconds: what the documentation promises for the recovery without a restart.
RECOVERY = 5.0
STAGES = ("connect", "ehlo", "mail", "rcpt", "data", "body")


@dataclass(frozen=True)
class Fault:
    """``begin`` does the harm and ``end`` undoes it; in between the soak waits, unless it is ``instant``."""

    name: str
    begin: Callable[[], object]
    end: Callable[[], object] = lambda: None
    permits: frozenset[str] = frozenset()
    touches: frozenset[str] = frozenset()
    instant: bool = False


@dataclass(frozen=True)
class Planned:
    at: float
    fault: Fault
    seconds: float


@dataclass
class Victims:
    """All that can be harmed."""

    redis: FailingRedis
    way: Way  # between the site and Redis
    postgres: Postgres
    smtp: SmtpServer
    web: list[Gunicorn]
    deliverer: Deliverer
    chance: random.Random

    def of_processes(self) -> list[Fault]:
        """Those that replace processes, and so end the measuring of their memory."""
        process = frozenset({"workers"})
        return [
            Fault("worker killed", self._kill_worker, permits=frozenset({DROPPED}), touches=process, instant=True),
            Fault("reload", self._reload, self._reloaded, frozenset({SLOW}), process, instant=True),
            Fault("delivery killed", self.deliverer.kill, self.deliverer.start, touches=frozenset({"mail"})),
        ]

    def of_surroundings(self) -> list[Fault]:
        limits, mail, database = frozenset({"limits"}), frozenset({"mail"}), frozenset({"limits", "mail"})
        away = frozenset({UNAVAILABLE})
        return [
            Fault("Redis restarted", self.redis.kill, self.redis.start, touches=limits),
            Fault("Redis paused", self.redis.pause, self.redis.resume, touches=limits),
            Fault("Redis cut off", self.way.cut, self.way.mend, touches=limits),
            Fault(
                "PostgreSQL paused", self.postgres.pause, self.postgres.resume, frozenset({UNAVAILABLE, SLOW}), database
            ),
            Fault("PostgreSQL clients ended", self.postgres.terminate_clients, permits=away, touches=database, instant=True),
            Fault("PostgreSQL restarted", self.postgres.halt, self.postgres.start, away, database),
            Fault("SMTP refused", self.smtp.refuse, self.smtp.listen, touches=mail),
            Fault("SMTP hung", lambda: self._smtp(HANG), self._smtp_well, touches=mail),
            Fault("SMTP 4xx", lambda: self._smtp("451 later"), self._smtp_well, touches=mail),
        ]  # fmt: skip

    def _kill_worker(self) -> None:
        send(self.chance.choice([pid for server in self.web for pid in server.workers]), signal.SIGKILL)

    def _reload(self) -> None:
        self._reloading = self.chance.choice(self.web)
        self._reloading.reload()

    def _reloaded(self) -> None:
        time.sleep(0.5)  # until the old workers have heard of it
        self._reloading.wait()

    def _smtp(self, reaction: str) -> None:
        self.smtp.at = {self.chance.choice(STAGES): reaction}

    def _smtp_well(self) -> None:
        self.smtp.at = {}


def plan(pace: Pace, chance: random.Random, processes: list[Fault], others: list[Fault]) -> list[Planned]:
    """The faults with their moments: each kind in turn, in another order each round.

    First those of processes, and no more of them once memory is measured; then the others.
    """
    planned: list[Planned] = []
    at = pace.warm_up
    first, later = rounds(processes, chance), rounds(others, chance)
    while True:
        # Workers that a reload has started need a while until they are warm.
        early = at < pace.measured_from / 2 or len(planned) < len(processes)
        fault = next(first if early else later)
        seconds = 0.0 if fault.instant else chance.uniform(*pace.fault)
        if at + seconds + RECOVERY > pace.seconds:
            return planned
        planned.append(Planned(at, fault, seconds))
        at += seconds + RECOVERY + chance.uniform(*pace.gap)


def rounds(faults: list[Fault], chance: random.Random) -> Iterator[Fault]:
    while True:
        yield from chance.sample(faults, len(faults))


def inflict(planned: list[Planned], ledger: Ledger, over: threading.Event) -> None:
    """Carries out the plan; what was begun is ended, also when ``over`` is set meanwhile."""
    for one in planned:
        if over.wait(max(0.0, one.at - ledger.now())):
            return
        fault = one.fault
        window = Window(fault.name, ledger.now(), float("inf"), RECOVERY, fault.permits, fault.touches)
        ledger.windows.append(window)
        fault.begin()
        over.wait(one.seconds)
        fault.end()
        window.end = ledger.now()
