"""How long things last in a soak: what takes days in a shop takes seconds here, or no run would see the end of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

DAY = 86_400
# Below so many minutes a run is a look at whether all this works; workers are still warming up then.
SHORT = 10
# What a message may be late by after an outage, in seconds; the contract says so.
MAIL_WITHIN = 60
# Between two looks of a worker at periodic work.
HOUSEKEEPING = 5


@dataclass(frozen=True)
class Pace:
    """All in seconds. ``access`` and ``refresh`` are lifetimes of tokens, ``kept`` is for how long a row stays that is
    done with, ``prune`` the period of the clean-up, ``leeway`` that of spent refresh tokens.
    """

    seconds: float
    access: int
    refresh: int
    kept: int
    prune: int
    leeway: int
    fault: tuple[float, float]
    gap: tuple[float, float]
    warm_up: float
    sample: float
    late: float  # how much later than planned things may be on a busy machine
    growth: float  # what a process may grow by, as a share

    @classmethod
    def of(cls, minutes: float) -> Pace:
        seconds = minutes * 60
        if minutes < SHORT:
            return cls(seconds, 60, 60, 5, 5, 5, (1.5, 3), (1, 2), min(8, seconds / 8), 1, 12, 0.25)
        return cls(seconds, 120, 180, 60, 20, 10, (3, 8), (15, 30), 60, 5, 15, 0.05)

    @property
    def longest_journey(self) -> float:
        """After its sign-in a customer is gone after so long, whatever happens."""
        return 30

    @property
    def slack(self) -> float:
        """What a clean-up may be late by: its period, the worker's, an outage and a restart."""
        return self.prune + HOUSEKEEPING + self.fault[1] + self.late

    @property
    def session_life(self) -> float:
        """From a sign-in to the moment by which its row is deleted."""
        return self.longest_journey + self.refresh + self.kept + self.slack

    @property
    def message_life(self) -> float:
        """From the writing of a message to the moment by which its row is deleted."""
        return self.fault[1] + MAIL_WITHIN + self.kept + self.slack

    @property
    def measured_from(self) -> float:
        """When the processes are left alone, and warm."""
        return self.seconds * 0.4

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Pace:
        return cls(**json.loads(text))
