"""The servers that are measured beside each other, each one gunicorn worker on the same database."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = __name__.rpartition(".")[0]
WORKERS = {"sync": ("sync",), "gthread": ("gthread", "--threads", "4")}
# One secret for every process: a cursor of one is good for the other.
SECRETS = {"SECRET_KEY": secrets.token_urlsafe(50), "JWT_SIGNING_KEY": secrets.token_urlsafe(50)}
# The limits are counted at each request, and never reached.
BOUNDLESS = "999999999/m"


def environment(**variables: str) -> dict[str, str]:
    """The least that a program needs, so that no variable of the person at the keyboard changes a figure."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ
    }
    path = os.pathsep.join((str(ROOT), str(ROOT / "src"), str(ROOT / "example_project")))
    return {**kept, "PYTHONPATH": path, **variables}


def example_environment(**variables: str) -> dict[str, str]:
    """The example project as in production; only its limits are out of reach."""
    return environment(
        **SECRETS,
        SITE_URL="http://localhost:8000",
        EMAIL_URL="console:",
        RATE_LIMITS="on",
        SHOPCORE_CATALOG_READ_RATE=BOUNDLESS,
        SHOPCORE_CATALOG_SEARCH_RATE=BOUNDLESS,
        **variables,
    )


@dataclass(frozen=True)
class Peer:
    name: str
    application: str
    dialect: str  # which of a scenario's requests it understands
    environment: dict[str, str] = field(repr=False)


def peers(database_url: str, redis_url: str | None) -> dict[str, Peer]:
    """By name. Without Redis there is no cache to measure, and reads are not limited."""
    limits = {"REDIS_URL": redis_url} if redis_url else {}
    shop = "shop.wsgi:application"
    found = [
        Peer("floor", f"{PACKAGE}.floor:application", "floor", environment(DATABASE_URL=database_url)),
        Peer(
            "shopcore",
            shop,
            "shopcore",
            example_environment(DATABASE_URL=database_url, SHOPCORE_CATALOG_CACHE="0", **limits),
        ),
        Peer("drf", f"{PACKAGE}.drf_site.wsgi:application", "drf", environment(DATABASE_URL=database_url)),
    ]
    if redis_url:
        cached = example_environment(DATABASE_URL=database_url, REDIS_URL=redis_url)
        found.insert(2, Peer("shopcore-cached", shop, "shopcore", cached))
    return {peer.name: peer for peer in found}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes


class Server:
    """A running peer. It listens before it starts, so nobody can take its port."""

    def __init__(self, peer: Peer, worker: str, log: IO[bytes]) -> None:
        self.peer = peer
        self._metrics = tempfile.TemporaryDirectory(prefix="shopcore-bench-")
        variables = {**peer.environment, "PROMETHEUS_MULTIPROC_DIR": self._metrics.name}
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            self.port = listener.getsockname()[1]
            command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--worker-class", *WORKERS[worker]]
            command += ["--bind", f"fd://{listener.fileno()}", "--log-level", "warning", peer.application]
            self.process = subprocess.Popen(
                command, env=variables, cwd=ROOT, pass_fds=[listener.fileno()], stdout=log, stderr=log
            )

    def fetch(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except OSError as error:
            code = self.process.poll()
            raise SystemExit(f"{self.peer.name} does not answer ({error}); its exit code is {code}") from error
        finally:
            connection.close()

    def memory(self) -> int | None:
        """Bytes of the worker that are resident; None where the system does not tell."""
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            lines = Path(f"/proc/{children[0]}/status").read_text().splitlines()
        except (OSError, IndexError):
            return None
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + 15
        while self.process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.02)
        self.process.kill()
        self.process.wait()
        self._metrics.cleanup()
