"""Delivery: takes what is due from the outbox and sends it, channel by channel, batch by batch.

``drain()`` delivers what is due now and returns: for a task, a cron job, a test. ``Worker.run`` goes on until
it is stopped. Any number of workers may run, in processes or threads.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

import django.db
from django.db import InterfaceError, OperationalError, close_old_connections

from django_shopcore.core import periodic

from . import outbox
from .channels import Channel, ChannelDown, Refused, configured_channels
from .conf import app_settings
from .kinds import Skip, kind_named
from .models import OutboxMessage
from .preferences import Wishes, wishes_of
from .rendering import Delivery

logger = logging.getLogger(__name__)

BATCH = 50
POLL = 1.0  # seconds between two looks at an empty outbox
HOUSEKEEPING = 5.0  # seconds between two looks at periodic work and at what dead workers held
LONGEST_PAUSE = 15.0
DATABASE_AWAY = (OperationalError, InterfaceError)
State = OutboxMessage.State


@dataclass
class Line:
    """A channel with its present trouble."""

    channel: Channel
    failures: int = 0
    paused_until: float = 0.0

    def pause(self) -> None:
        self.failures += 1
        length = min(2.0 ** min(self.failures - 1, 10), LONGEST_PAUSE)
        self.paused_until = time.monotonic() + length * random.uniform(0.5, 1)  # noqa: S311

    @property
    def is_paused(self) -> bool:
        return time.monotonic() < self.paused_until


class Worker:
    """Delivers until ``stop`` is set, which is looked at between two messages."""

    def __init__(self, *, channels: Collection[str] = (), stop: threading.Event | None = None) -> None:
        """``channels``: the names of those to deliver on; empty for all."""
        self.stop = stop or threading.Event()
        chosen = [channel for channel in configured_channels() if channel.deferred]
        self.lines = [Line(channel) for channel in chosen if not channels or channel.name in channels]

    def run(self, *, poll: float = POLL) -> None:
        """Delivers and does periodic work until stopped; looks every ``poll`` seconds when there is nothing."""
        housekeeping = 0.0
        while not self.stop.is_set():
            try:
                if time.monotonic() >= housekeeping:
                    housekeeping = time.monotonic() + HOUSEKEEPING
                    close_old_connections()
                    periodic.run_due()
                    outbox.free_orphans()
                idle = not self.deliver_once()
            except django.db.Error as exc:
                logger.warning("The database does not answer (%s); trying again.", exc)
                close_old_connections()
                idle = True
            if idle:
                self.stop.wait(poll)

    def drain(self) -> Counter[str]:
        """Delivers all that is due; what fails is left for later. Returns the numbers by outcome."""
        outbox.free_orphans()
        total: Counter[str] = Counter()
        while not self.stop.is_set() and (done := self.deliver_once()):
            total += done
        return total

    def deliver_once(self) -> Counter[str]:
        """One batch on each channel that is not paused; empty when there was nothing to do."""
        outcomes: Counter[str] = Counter()
        for line in self.lines:
            if not line.is_paused and not self.stop.is_set():
                outcomes += Batch(line, self.stop).deliver()
        return outcomes


class Batch:
    """Messages that were claimed together, for one channel."""

    def __init__(self, line: Line, stop: threading.Event) -> None:
        self.line, self.channel, self.stop = line, line.channel, stop
        self.outcomes: Counter[str] = Counter()
        # Stops well before the lease is over, with time for one more message to be slow at every step.
        self.ends_at = time.monotonic() + app_settings.LEASE / 4

    def deliver(self) -> Counter[str]:
        # A channel that has just failed is asked with a single message, not with fifty.
        left = deque(outbox.claim(self.channel.name, limit=1 if self.line.failures else BATCH))
        if not left:
            return self.outcomes
        tried: OutboxMessage | None = None
        try:
            self._open()
            wishes = wishes_of(row.user for row in left if row.user is not None)
            # At least one, however long the opening took: else a slow channel would never get anywhere.
            while left and not self.stop.is_set() and (tried is None or time.monotonic() < self.ends_at):
                tried = left.popleft()
                self._deliver(tried, wishes.get(tried.user_id, Wishes()))
            self.line.failures = 0
        except ChannelDown as exc:
            self._pause(tried or left.popleft(), str(exc))
        finally:
            try:
                outbox.release(left)
            finally:
                self._close()
        return self.outcomes

    def _pause(self, tried: OutboxMessage, error: str) -> None:
        """Leaves the channel alone for a while. Only the message that was tried has to wait longer than that."""
        self.line.pause()
        logger.warning("The channel %s is down (%s); trying again soon.", self.channel.name, error)
        self._settle(lambda: outbox.retry_later(tried, error, refused=False))
        self.outcomes["retried"] += 1

    def _open(self) -> None:
        try:
            self.channel.open()
        except ChannelDown:
            raise
        except Exception as exc:  # a channel that cannot even start is down, whatever it says
            raise ChannelDown(f"{type(exc).__name__}: {exc}") from exc

    def _close(self) -> None:
        try:
            self.channel.close()
        except Exception:
            logger.exception("The channel %s did not close.", self.channel.name)

    def _deliver(self, row: OutboxMessage, wishes: Wishes) -> None:
        try:
            self.channel.send(_delivery(row, wishes))
        except Skip as exc:
            note = str(exc)
            outcome, settle = "skipped", lambda: outbox.finish(row, State.SKIPPED, note)
        except ChannelDown:
            raise
        except Exception as exc:
            # Errors of the database too: one that this message makes each time must not hold up the others.
            error, refused = f"{type(exc).__name__}: {exc}", isinstance(exc, Refused)
            logger.warning("Message %s (%s) was not delivered: %s", row.pk, row.kind, error, exc_info=not refused)
            outcome, settle = "retried", lambda: outbox.retry_later(row, error, refused=refused)
        else:
            outcome, settle = "sent", lambda: outbox.finish(row, State.SENT)
        if not self._settle(settle):
            logger.warning("Message %s took longer than its lease.", row.pk)
        self.outcomes[outcome] += 1

    def _settle(self, write: Callable[[], bool]) -> bool:
        """Writes down what became of a message; with the database away, as soon as it is back.

        A mail that was sent and not written down would be sent again, so this ends without success only
        when the worker is to stop and its batch's time is over.
        """
        while True:
            try:
                return write()
            except DATABASE_AWAY as exc:
                if self.stop.is_set() and time.monotonic() >= self.ends_at:
                    raise
                logger.warning("The database does not answer (%s); trying again.", exc)
                close_old_connections()
                self.stop.wait(0.5)
                time.sleep(0.1)


def _delivery(row: OutboxMessage, wishes: Wishes) -> Delivery:
    """The message as it is now. Raises ``Skip`` when it is no longer wanted or has nobody to go to."""
    kind = kind_named(row.kind)
    if kind is None:
        raise LookupError(f"No installed feature declares the notification {row.kind!r}.")
    user = row.user
    extra = kind.prepare(row)
    if row.user is not None and row.user != user:
        wishes = wishes_of([row.user])[row.user.pk]
    if row.user is not None and not row.user.is_active:
        raise Skip("The account is not active.")
    return Delivery.of_row(kind, row, extra, wishes)


def drain() -> Counter[str]:
    """Delivers all that is due now and returns the numbers of messages by outcome: sent, skipped, retried.

    A message that fails is tried again by a later call, after a delay that grows.
    """
    return Worker().drain()
