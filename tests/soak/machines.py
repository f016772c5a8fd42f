"""The processes of the soaked site: PostgreSQL, gunicorn, the worker, the clean-up of cron."""

from __future__ import annotations

import contextlib
import http.client
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg

from tests import servers
from tests.example.site import Site

Processes = dict[str, int]


def children(pid: int) -> list[int]:
    """The processes that ``pid`` has started and that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(status.parent.name))
    return sorted(found)


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Postgres:
    """A server that can be paused and restarted, with its data."""

    def __init__(self, folder: Path, stop: ExitStack) -> None:
        servers._hand_over(folder)
        self._folder, self._data = folder, folder / "data"
        stop.callback(self._end)
        self.url = servers._postgres(folder, stop)
        self._restarted: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, autocommit=True, connect_timeout=5, application_name="soak")

    def pause(self) -> None:
        self._paused = [self.pid, *children(self.pid)]
        for pid in self._paused:
            send(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in {*self._paused, *children(self.pid)}:
            send(pid, signal.SIGCONT)

    def terminate_clients(self) -> None:
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND application_name <> 'soak'"
            )

    def halt(self) -> None:
        """Stops without waiting for the clients, as in a restart for an update."""
        pid = self.pid
        command = shlex.split((self._data / "postmaster.opts").read_text())
        send(pid, signal.SIGINT)
        give_up = time.monotonic() + 20
        while (self._data / "postmaster.pid").exists() and time.monotonic() < give_up:
            time.sleep(0.05)
        self._command = command

    def start(self) -> None:
        if self._restarted is not None:
            self._restarted.wait(10)
        with (self._folder / "log").open("ab") as log:
            self._restarted = subprocess.Popen(
                self._command, cwd=self._folder, env=servers._environment(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, **servers._unprivileged(),
            )  # fmt: skip
        for _ in range(200):
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL does not start again")

    def _end(self) -> None:
        if self._restarted is not None and self._restarted.poll() is None:
            servers._stop(self._restarted)


class Gunicorn:
    """One server with two workers of a kind; they are never replaced for their age."""

    OPTIONS = {"sync": (), "gthread": ("--threads", "4")}

    def __init__(self, kind: str, port: int, site: Site, variables: dict[str, str], log: Path, stop: ExitStack) -> None:
        self.kind, self.port = kind, port
        command = [sys.executable, "-m", "gunicorn", "--chdir", str(site.folder), "--bind", f"127.0.0.1:{port}"]
        command += ["--no-control-socket", "--workers", "2", "--worker-class", kind, *self.OPTIONS[kind], "shop.wsgi"]
        self._process = stop.enter_context(running(command, site, variables, log))

    @property
    def workers(self) -> list[int]:
        return children(self._process.pid)

    def reload(self) -> None:
        """The old workers end when they have answered, the new ones begin when they have started."""
        self._process.send_signal(signal.SIGHUP)

    def wait(self) -> None:
        """Returns when it answers; that takes as long as a worker takes to start."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz/live")
            connection.getresponse().read()


class Deliverer:
    """``shopcore_deliver``, started again when it has ended, as systemd would."""

    def __init__(self, site: Site, variables: dict[str, str], log: Path, stop: ExitStack) -> None:
        self._arguments = ([sys.executable, "manage.py", "shopcore_deliver"], site, variables, log)
        self._stop = stop
        self.start()

    def start(self) -> None:
        self._process = self._stop.enter_context(running(*self._arguments))

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Cron:
    """``shopcore_tick`` every ``seconds``, beside the worker that does the same."""

    def __init__(self, seconds: float, site: Site, variables: dict[str, str], log: Path, stop: ExitStack) -> None:
        self._over = threading.Event()
        self._arguments = ([sys.executable, "manage.py", "shopcore_tick"], site, variables, log)
        thread = threading.Thread(target=self._run, args=(seconds,))
        thread.start()
        stop.callback(thread.join)
        stop.callback(self._over.set)

    def _run(self, seconds: float) -> None:
        while not self._over.wait(seconds):
            with running(*self._arguments) as process, contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)


@contextlib.contextmanager
def running(command: list[str], site: Site, variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``command`` in the site's folder until the end of the block."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, cwd=site.folder, env=site.environment(variables), stdin=subprocess.DEVNULL, stdout=stream,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(35)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
