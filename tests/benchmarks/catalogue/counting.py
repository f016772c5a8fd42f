"""SQL statements and rows of one request, counted inside a peer.

``python -m tests.benchmarks.catalogue.counting APPLICATION``, in the peer's environment, calls the application
without a server; what to ask for comes as JSON on standard input. Rows are those that the database read: of
sequential scans, and entries of indexes, also the ones that it threw away.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import unquote

import psycopg

from .peers import PACKAGE, ROOT, Peer
from .scenarios import Scenario

READ = """
SELECT coalesce(sum(seq_tup_read), 0) + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes)
FROM pg_stat_user_tables"""
FLUSH = "SELECT pg_stat_force_next_flush()"


@dataclass(frozen=True)
class Count:
    """Of the second request of its kind. A check of the connection's health is a statement too."""

    statements: list[str]
    rows: int


def count(peer: Peer, scenarios: list[Scenario]) -> dict[str, Count]:
    """By scenario."""
    asked = {
        one.name: {"paths": one.paths[peer.dialect], "conditional": one.conditional}
        for one in scenarios
        if peer.dialect in one.paths
    }
    done = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.counting", peer.application],
        input=json.dumps(asked),
        env=peer.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"counting in {peer.name} failed:\n{done.stderr}")
    return {name: Count(**found) for name, found in json.loads(done.stdout.splitlines()[-1]).items()}


class Recorder:
    """Sees every statement that goes through psycopg, whatever sends it."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.connections: set[psycopg.Connection[Any]] = set()
        self.execute = psycopg.Cursor.execute
        recorder = self

        def execute(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.statements.append(query if isinstance(query, str) else str(query))
            recorder.connections.add(cursor.connection)
            return recorder.execute(cursor, query, *args, **kwargs)

        psycopg.Cursor.execute = execute

    def flush(self) -> None:
        """Lets the connections tell the database's statistics at once what they read."""
        for connection in self.connections:
            if not connection.closed:
                self.execute(connection.cursor(), FLUSH)


def request(application: Any, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    started: list[Any] = []
    answer = application(environ, lambda *args: started.append(args))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return int(started[0][0][:3]), dict(started[0][1])


def main(name: str) -> None:
    recorder = Recorder()
    module, _, attribute = name.partition(":")
    application = getattr(import_module(module), attribute)
    found = {}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as observer:
        for scenario, asked in json.load(sys.stdin).items():
            paths, headers = asked["paths"], {}
            _, answered = request(application, paths[-1], headers)
            if asked["conditional"] and "ETag" in answered:
                headers = {"If-None-Match": answered["ETag"]}
            # The path that counts is asked for before as well: a cache that is in use is warm.
            request(application, paths[0], headers)
            recorder.flush()
            before = observer.execute(READ).fetchone()[0]
            recorder.statements = []
            status, _ = request(application, paths[0], headers)
            statements = recorder.statements[:]
            recorder.flush()
            if status >= 400:
                sys.exit(f"{paths[0]} is answered with {status}")
            found[scenario] = {"statements": statements, "rows": int(observer.execute(READ).fetchone()[0] - before)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
