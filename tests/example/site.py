"""A copy of the example project, so that no test meets the developer's ``.env`` and data."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"
PYTHON = (sys.executable, "-W", "error")
# What a process needs to start at all; nothing of the developer's own settings.
INHERITED = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH")

DEBUG = {"DEBUG": "on"}
PRODUCTION = {
    "SECRET_KEY": "a-secret-key-for-tests-0123456789-0123456789-0123456789",
    "JWT_SIGNING_KEY": "another-key-for-tests-0123456789-0123456789",
    "SITE_URL": "http://localhost:8000",
    "EMAIL_URL": "smtp://user:password@mail.example.com",
}
HTTPS = {**PRODUCTION, "SITE_URL": "https://shop.example.com", "TRUSTED_PROXIES": "1"}

Variables = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Site:
    folder: Path

    @classmethod
    def copy_to(cls, folder: Path) -> Site:
        ignored = shutil.ignore_patterns("data", "static.*", "__pycache__", ".env")
        for name in ("shop", "demo"):
            shutil.copytree(EXAMPLE / name, folder / name, ignore=ignored)
        shutil.copy(EXAMPLE / "manage.py", folder)
        return cls(folder)

    def environment(self, variables: Variables) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {**inherited, "HOME": str(self.folder), "TMPDIR": str(self.folder), "PYTHONUTF8": "1", **variables}

    def run(self, *command: str, variables: Variables) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def python(self, code: str, variables: Variables) -> subprocess.CompletedProcess[str]:
        return self.run(*PYTHON, "-c", code, variables={"DJANGO_SETTINGS_MODULE": "shop.settings", **variables})

    def manage(self, *arguments: str, variables: Variables) -> subprocess.CompletedProcess[str]:
        return self.run(*PYTHON, "manage.py", *arguments, variables=variables)

    def evaluate(self, expression: str, variables: Variables) -> Any:
        """A value in terms of ``settings``, as JSON."""
        code = f"import json, shop.settings as settings; print(json.dumps({expression}, default=str))"
        done = self.python(code, variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def answers(self, code: str, variables: Variables) -> list[list[Any]]:
        """Status, headers and text of each response that ``code`` puts into ``answers``, with ``client`` at hand."""
        begin = "import json, django; django.setup(); from django.test import Client\n"
        begin += "client, answers = Client(raise_request_exception=False), []\n"
        end = "\nprint(json.dumps([[a.status_code, dict(a.headers), a.content.decode()] for a in answers]))"
        done = self.python(begin + code + end, variables)
        assert done.returncode == 0, done.stderr
        found: list[list[Any]] = json.loads(done.stdout)
        return found

    @contextmanager
    def serve(self, *command: str, variables: Variables, port: int) -> Iterator[Server]:
        """``command`` while it answers on ``port``; the log is a file in the site's folder."""
        log = self.folder / f"log-{port}"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        try:
            server = Server(port, log)
            server.wait(process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)


@dataclass(frozen=True)
class Server:
    port: int
    log: Path

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(600):
            assert process.poll() is None, self.log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self.log.read_text())

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._send(Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers=named))

    def post(self, path: str, body: Any) -> Answer:
        headers, data = {"Content-Type": "application/json"}, json.dumps(body).encode()
        return self._send(Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method="POST"))

    def _send(self, request: Request) -> Answer:
        try:
            with urlopen(request, timeout=30) as response:  # noqa: S310
                return Answer(response.status, response.headers, response.read())
        except HTTPError as response:
            with response:
                return Answer(response.code, response.headers, response.read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
