"""What a soak looks at from outside: memory of the processes, rows, and every message before it is pruned."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

from .ledger import Ledger, Memory, Rows, Seen
from .machines import Postgres
from .pace import Pace

# Rows that the clean-up has missed, in tables that not every site has. The parameter is for how long they are done
# with at least.
OVERDUE = {
    "shopcore_accounts_session": "expires_at < now() - %s OR ended_at < now() - %s",
    "shopcore_notifications_outboxmessage": "finished_at < now() - %s",
    "shopcore_notifications_notification": "created_at < now() - %s",
    "shopcore_audit_auditentry": "created_at < now() - %s",
    "shopcore_mfa_challenge": "expires_at < now() - %s",
}
WINDOWS = "SELECT count(*) FROM shopcore_core_ratelimitwindow WHERE ends_at < extract(epoch FROM now()) - %s"
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
OUTBOX = """SELECT coalesce(max(id), 0), coalesce(extract(epoch FROM now() - min(queued_at) FILTER (WHERE state = 'pending')), 0)
FROM shopcore_notifications_outboxmessage"""
MESSAGES = "SELECT message_uuid, kind, state, user_id FROM shopcore_notifications_outboxmessage WHERE channel = 'email'"


def memory_of(pid: int) -> tuple[int, int]:
    """PSS and RSS in kB; raises ``OSError`` for a process that has ended."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    found = {line.split()[0]: int(line.split()[1]) for line in lines}
    return found["Pss:"], found["Rss:"]


def sample_memory(ledger: Ledger, processes: dict[str, int]) -> None:
    for name, pid in processes.items():
        with contextlib.suppress(OSError, IndexError, KeyError):
            ledger.memory.append(Memory(ledger.now(), name, *memory_of(pid)))


def sample_rows(connection: psycopg.Connection[tuple[object, ...]], pace: Pace) -> Rows:
    """Of this moment, but for its ``at``."""

    def one(query: str, *values: object) -> tuple[int, ...]:
        row = connection.execute(query, values).fetchone()
        return tuple(int(value) for value in row or ())  # type: ignore[call-overload]

    tables = [str(name) for (name,) in connection.execute(TABLES)]
    rows = {table: one(f'SELECT count(*) FROM "{table}"')[0] for table in tables}
    since = f"{pace.kept + pace.slack} seconds"
    overdue = {}
    for table in OVERDUE.keys() & rows.keys():
        condition = OVERDUE[table]
        where = condition.replace("%s", "%s::interval")
        overdue[table] = one(f"SELECT count(*) FROM {table} WHERE {where}", *[since] * condition.count("%s"))[0]
    overdue["shopcore_core_ratelimitwindow"] = one(WINDOWS, pace.slack)[0]
    made, waiting = one(OUTBOX)
    return Rows(0.0, rows, overdue, made, waiting)


class Sampler:
    """Looks every few seconds until ``over``; what cannot be seen just now is left out."""

    def __init__(
        self,
        ledger: Ledger,
        pace: Pace,
        postgres: Postgres,
        cache: redis.Redis,
        processes: Callable[[], dict[str, int]],
    ) -> None:
        self.ledger, self.pace, self.postgres, self.cache, self.processes = ledger, pace, postgres, cache, processes
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def watch_memory(self, over: threading.Event) -> None:
        while not over.wait(self.pace.sample):
            sample_memory(self.ledger, self.processes())

    def watch_rows(self, over: threading.Event) -> None:
        while not over.wait(self.pace.sample):
            self.look()

    def watch_messages(self, over: threading.Event) -> None:
        """With a connection of its own: a message must be seen between its sending and its pruning."""
        while not over.wait(1):
            with contextlib.suppress(psycopg.Error), self.postgres.connect() as connection:
                while not over.wait(1):
                    self.note_messages(connection)

    def note_messages(self, connection: psycopg.Connection[tuple[object, ...]]) -> int:
        """How many of them wait."""
        found = connection.execute(MESSAGES).fetchall()
        for number, kind, state, user in found:
            self.ledger.messages[str(number)] = Seen(str(kind), str(state), str(user) if user else None)
        return sum(state == "pending" for _, _, state, _ in found)

    def look(self) -> None:
        begin = self.ledger.now()
        try:
            if self._connection is None:
                self._connection = self.postgres.connect()
            rows = sample_rows(self._connection, self.pace)
        except psycopg.Error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return
        if self.ledger.now() - begin < 2:  # otherwise it was paused, and says nothing of now
            keys = 0
            with contextlib.suppress(redis.RedisError):
                keys = int(self.cache.dbsize())  # type: ignore[arg-type]
            self.ledger.rows.append(
                Rows(begin, rows.tables, rows.overdue, rows.messages_made, rows.oldest_waiting, keys)
            )
