"""What containers and hosts are given: secrets in files, gunicorn's options, and files that agree with each other."""

from __future__ import annotations

import json
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.example.site import EXAMPLE, PRODUCTION, PYTHON, Server, Site

ROOT = EXAMPLE.parent
REQUIRED = {"SECRET_KEY", "JWT_SIGNING_KEY", "SITE_URL", "EMAIL_URL"}


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def make_secrets(folder: Path) -> str:
    command = [*PYTHON, str(EXAMPLE / "docker/make_secrets.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PRODUCTION.items() if key != name}


# --- Secrets in files -------------------------------------------------------------------------------------


def test_a_variable_can_be_read_from_a_file(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{'from-a-file-0123456789' * 3}\n")
    variables = {**without("SECRET_KEY"), "SECRET_KEY_FILE": str(secret)}
    assert site.evaluate("settings.SECRET_KEY", variables) == secret.read_text().strip()


def test_a_variable_wins_over_its_file(site: Site, tmp_path: Path) -> None:
    variables = {**PRODUCTION, "SECRET_KEY_FILE": str(tmp_path / "not-even-there")}
    assert site.evaluate("settings.SECRET_KEY", variables) == PRODUCTION["SECRET_KEY"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "SECRET_KEY_FILE: the file cannot be read: No such file or directory"),
        (b"\xff", "SECRET_KEY_FILE: the file cannot be read: it is not UTF-8"),
        (b"\n", "SECRET_KEY_FILE: the file is empty"),
    ],
    ids=["missing", "binary", "empty"],
)
def test_a_file_without_a_value_stops_the_start(
    site: Site, tmp_path: Path, content: bytes | None, message: str
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    done = site.manage("check", variables={**without("SECRET_KEY"), "SECRET_KEY_FILE": str(secret)})
    assert done.returncode == 3
    assert message in done.stderr.splitlines()


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    assert len(make_secrets(tmp_path).splitlines()) == 4
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert make_secrets(tmp_path) == ""
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == made
    assert len(set(made.values())) == 4
    assert made["database_url"] == f"postgres://shop:{made['database_password']}@db:5432/shop"
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o400}


def test_the_site_starts_with_the_secrets_that_were_made(site: Site, tmp_path: Path) -> None:
    make_secrets(tmp_path)
    variables = {name: PRODUCTION[name] for name in ("SITE_URL", "EMAIL_URL")}
    for name in ("secret_key", "jwt_signing_key", "database_url"):
        variables[f"{name.upper()}_FILE"] = str(tmp_path / name)
    assert site.evaluate("settings.DATABASES['default']['HOST']", variables) == "db"


# --- Files that name each other's things --------------------------------------------------------------------


def files_named_in(command: list[str]) -> Iterator[str]:
    return (part for part in command if part.endswith(".py"))


def test_every_command_in_the_compose_file_and_the_dockerfile_exists() -> None:
    commands = [
        service["command"] for service in read("docker-compose.yml")["services"].values() if "command" in service
    ]
    commands += [json.loads(found) for found in re.findall(r"CMD (\[.*\])", (ROOT / "Dockerfile").read_text())]
    named = {file for command in commands for file in files_named_in(command)}
    assert named == {
        "docker/demo_catalogue.py",
        "docker/gunicorn.conf.py",
        "docker/healthcheck.py",
        "docker/make_secrets.py",
        "manage.py",
    }
    assert all((EXAMPLE / file).is_file() for file in named)


def test_the_production_file_drops_the_catcher_and_the_demo_and_requires_the_address() -> None:
    services = read("compose.prod.yml")["services"]
    assert [name for name, service in services.items() if service.get("profiles") == ["never"]] == ["mail", "demo"]
    for name in ("app", "worker", "migrate"):
        required = {key for key, text in services[name]["environment"].items() if ":?" in text}
        assert required == {"SITE_URL", "EMAIL_URL", "ALLOWED_HOSTS"}


def test_only_the_proxy_listens_to_other_machines() -> None:
    services = {**read("docker-compose.yml")["services"], **{"proxy": read("compose.prod.yml")["services"]["proxy"]}}
    open_ports = {
        name
        for name, service in services.items()
        for port in service.get("ports", ())
        if not port.startswith("127.0.0.1:")
    }
    assert open_ports == {"proxy"}


def test_the_examples_of_env_files_name_every_documented_variable() -> None:
    page = (ROOT / "docs/reference/example-project.md").read_text(encoding="utf-8")
    documented = {
        name
        for row in re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
        for name in re.findall(r"`([A-Z][A-Z_]+)`", row)
    }
    assert documented >= REQUIRED
    for file in (ROOT / ".env.example", EXAMPLE / ".env.example"):
        named = set(re.findall(r"^#?([A-Z_]+)=", file.read_text(encoding="utf-8"), re.MULTILINE))
        assert documented - named == set(), file


def test_on_render_the_worker_has_the_secrets_of_the_web_service() -> None:
    web, worker = (
        {variable["key"]: variable for variable in service["envVars"]}
        for service in read("render.yaml")["services"]
        if service["type"] in ("web", "worker")
    )
    assert web.keys() >= REQUIRED
    for name in REQUIRED:
        assert worker[name]["fromService"] == {"name": "shop", "type": "web", "envVarKey": name}
    # 44 characters, and the site asks for 50.
    assert "generateValue" not in web["SECRET_KEY"]


# --- gunicorn -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run on Windows")
def test_gunicorn_takes_its_options_from_the_environment(fresh_site: Site) -> None:
    variables = {**PRODUCTION, "PORT": "9001", "WEB_CONCURRENCY": "3", "WEB_THREADS": "5", "WEB_TIMEOUT": "50"}
    config = EXAMPLE / "docker/gunicorn.conf.py"
    command = (*PYTHON, "-m", "gunicorn", "--config", str(config), "--print-config", "shop.wsgi")
    done = fresh_site.run(*command, variables=variables)
    assert done.returncode == 0, done.stderr
    printed = dict(re.findall(r"^(\w+)\s+= (.*)$", done.stdout, re.MULTILINE))
    assert [printed[name] for name in ("bind", "workers", "threads", "timeout")] == ["['0.0.0.0:9001']", "3", "5", "50"]


# What systemd does: the socket becomes file 3, and variables say so to the process with this id.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def asking_all_the_time(port: int) -> Iterator[tuple[list[int], list[OSError]]]:
    """Three clients; what was answered, and what failed."""
    answered: list[int] = []
    failed: list[OSError] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                with urlopen(f"http://127.0.0.1:{port}/healthz/live", timeout=20) as response:
                    answered.append(response.status)
            except OSError as error:
                failed.append(error)
                time.sleep(0.01)

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        yield answered, failed
    finally:
        stop.set()
        for client in clients:
            client.join(timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run on Windows")
@pytest.mark.parametrize("held", [True, False], ids=["the socket is held", "control: it is not"])
def test_a_restart_behind_a_held_socket_fails_no_request(fresh_site: Site, held: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        variables = {**PRODUCTION, "PORT": str(port), "WEB_CONCURRENCY": "1"}
        command = [*PYTHON, "-m", "gunicorn", "--config", str(EXAMPLE / "docker/gunicorn.conf.py"), "shop.wsgi"]
        files = [listener.fileno()] if held else []
        if held:
            command = [sys.executable, "-c", HAND_OVER, str(listener.fileno()), *command]
        else:
            listener.close()

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                cwd=fresh_site.folder,
                env=fresh_site.environment(variables),
                pass_fds=files,
                stderr=subprocess.DEVNULL,
            )

        server = start()
        try:
            Server(port, fresh_site.folder / "log").wait(server)
            with asking_all_the_time(port) as (answered, failed):
                wait_for_more(answered)
                server.terminate()
                assert server.wait(timeout=30) == 0
                server = start()
                wait_for_more(answered)
        finally:
            server.terminate()
            server.wait(timeout=30)
    assert bool(failed) is not held, failed[:3]


def wait_for_more(answered: list[int]) -> None:
    goal = len(answered) + 20
    for _ in range(400):
        if len(answered) >= goal:
            return
        time.sleep(0.05)
    raise AssertionError(f"{goal - len(answered)} answers are missing")
