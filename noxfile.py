"""Tasks for people; ``nox --list`` shows them. The matrix of versions is in tox.ini, what CI runs in dev.py."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = []

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = ".[postgres,redis,argon2,rs256,mail,swagger]"
MANAGE = ("python", "example_project/manage.py")


def install(session: nox.Session, *groups: str) -> None:
    session.install("--editable", EXTRAS, *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation with any builder: nox -s docs -- linkcheck."""
    install(session, "example", "docs")
    builder = session.posargs[0] if session.posargs else "html"
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-b", builder, "docs", f"docs/_build/{builder}")


@nox.session
def schema(session: nox.Session) -> None:
    """Write the OpenAPI schema of the example project to docs/openapi.yaml."""
    install(session, "example")
    options = ("--file", "docs/openapi.yaml", "--validate", "--fail-on-warn")
    session.run(*MANAGE, "spectacular", *options, env={"DEBUG": "1"})


@nox.session
def build(session: nox.Session) -> None:
    """Build the source distribution and the wheel into dist, as they would be published."""
    session.install("build", "twine")
    session.run("python", "-m", "build", "--outdir", "dist")
    session.run("twine", "check", "--strict", *map(str, Path("dist").glob("django_shopcore-*")))


@nox.session
def coverage_html(session: nox.Session) -> None:
    """Show the coverage of the last dev.py test as htmlcov/index.html."""
    session.install("coverage[toml]")
    session.run("coverage", "html")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Send what the schema allows, and what it does not, to a running example project, as an admin."""
    install(session, "example", "fuzz")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    credentials = {"email": "fuzz@example.com", "password": secrets.token_urlsafe(16)}
    database = Path(session.create_tmp()).resolve() / "fuzz.sqlite3"
    database.unlink(missing_ok=True)
    settings = {
        "DEBUG": "1",
        "DATABASE_URL": f"sqlite:///{database}",
        "RATE_LIMITS": "off",
    }
    session.run(*MANAGE, "migrate", "--verbosity", "0", env=settings)
    sign_up = ("shopcore_create_admin", "--email", credentials["email"], "--password", credentials["password"])
    session.run(*MANAGE, *sign_up, env=settings, log=False)
    python = str(Path(session.bin) / "python")
    server = subprocess.Popen(
        [python, MANAGE[1], "runserver", "--noreload", address],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        token = sign_in(address, credentials)
        session.run(
            *("schemathesis", "run", f"http://{address}/api/v1/schema/"),
            *("--header", f"Authorization: Bearer {token}"),
            # A request that fits the schema may still be refused: a minimum above the maximum, for one.
            *("--exclude-checks", "positive_data_acceptance"),
            # They end the session that all the other requests need.
            *("--exclude-path-regex", "auth/(logout|sessions|password|me/delete)|users/"),
            *session.posargs,
        )
    finally:
        server.terminate()
        server.wait()


def sign_in(address: str, credentials: dict[str, str]) -> str:
    host, _, port = address.partition(":")
    for _ in range(150):
        try:
            socket.create_connection((host, int(port))).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    body, headers = json.dumps(credentials).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}/api/v1/auth/login/", body, headers)
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["access"])
