"""The README's quickstart, literally, in a new site: ``python tests/release/quickstart.py``.

It runs with the interpreter that runs it and with the django-shopcore installed there, and needs nothing else but
curl. tox runs it with each optional dependency alone, and the release with the wheel on each Python.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HASHERS = re.compile(r"^PASSWORD_HASHERS = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)

# The site must find the installed package, and its own settings.
FOREIGN = ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")

# The module that each optional dependency brings, and what a site with it writes into its settings.
EXTRAS = {
    "postgres": ("psycopg", "import django.db.backends.postgresql.base"),
    "redis": (
        "redis",
        'CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://"}}',
    ),
    "argon2": ("argon2", ""),
    "rs256": (
        "cryptography",
        "from cryptography.hazmat.primitives import serialization\n"
        "from cryptography.hazmat.primitives.asymmetric import rsa\n"
        "_pem = BASE_DIR / 'key.pem'\n"
        "if not _pem.exists():\n"
        "    _pem.write_bytes(rsa.generate_private_key(65537, 2048).private_bytes(\n"
        "        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))\n"
        "_key = serialization.load_pem_private_key(_pem.read_bytes(), None)\n"
        "SIMPLE_JWT = {'ALGORITHM': 'RS256', 'SIGNING_KEY': _pem.read_text(), 'VERIFYING_KEY':\n"
        "    _key.public_key().public_bytes(serialization.Encoding.PEM,\n"
        "        serialization.PublicFormat.SubjectPublicKeyInfo).decode()}\n",
    ),
    "mail": ("anymail", 'INSTALLED_APPS += ["anymail"]'),
    "swagger": ("drf_spectacular_sidecar", 'INSTALLED_APPS += ["drf_spectacular", "drf_spectacular_sidecar"]'),
    "fast": ("orjson", ""),
    "mfa": ("webauthn", 'INSTALLED_APPS += ["django_shopcore.mfa"]'),
    "testing": ("factory", ""),
}
# What brings the module of another.
IMPLIED = {"mfa": {"rs256"}}


class QuickstartError(Exception):
    pass


@dataclass
class Readme:
    """The blocks of "Add it to your site"."""

    settings: str
    urls: str
    commands: list[list[str]] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)

    @classmethod
    def read(cls, text: str) -> Readme:
        section = text.partition("\n## Add it to your site\n")[2].partition("\n## ")[0]
        blocks = BLOCK.findall(section)
        python = [body for kind, body in blocks if kind == "python"]
        joined = "".join(body for kind, body in blocks if kind == "console").replace("\\\n", " ")
        lines = [shlex.split(line[2:]) for line in joined.splitlines() if line.startswith("$ ")]
        if len(python) != 2 or not lines:
            raise QuickstartError("the README's quickstart has another shape: settings, urls, commands")
        settings, urls = python
        return cls(
            settings,
            urls,
            [words for words in lines if words[0] == "python"],
            [words for words in lines if words[0] == "curl"],
        )


def installed_extras() -> set[str]:
    return {extra for extra, (module, _) in EXTRAS.items() if find_spec(module)}


def site_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=site_environment(), capture_output=True, text=True)
    if done.returncode:
        raise QuickstartError(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def make_site(readme: Readme, folder: Path, extras: set[str]) -> None:
    run([sys.executable, "-m", "django", "startproject", "site_of_mine", "."], folder)
    package = folder / "site_of_mine"
    block = readme.settings if "argon2" in extras else HASHERS.sub("", readme.settings)
    parts = [
        (package / "settings.py").read_text(),
        "DJANGO_APPS = INSTALLED_APPS",
        block,
        "INSTALLED_APPS += DJANGO_APPS",
        *(EXTRAS[extra][1] for extra in sorted(extras)),
    ]
    (package / "settings.py").write_text("\n".join(parts))
    (package / "urls.py").write_text(readme.urls)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    with log.open("wb") as output:
        command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        server = subprocess.Popen(command, cwd=folder, env=site_environment(), stdout=output, stderr=subprocess.STDOUT)
    try:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    yield f"localhost:{port}"
                    return
            time.sleep(0.1)
        raise QuickstartError(f"the site did not start:\n{log.read_text()}")
    finally:
        server.terminate()
        server.wait()


def quickstart(folder: Path, extras: set[str], readme: Path = README) -> list[str]:
    """Do what the README says and return what it did. Redis needs a server, so its site is only checked."""
    page = Readme.read(readme.read_text(encoding="utf-8"))
    make_site(page, folder, extras - {"redis"})
    done, access = [], ""
    for words in page.commands:
        if words[2] != "runserver":
            run([sys.executable, *words[1:]], folder)
            done.append(" ".join(words[1:3]))
    with serving(folder) as address:
        for words in page.requests:
            url = next(word for word in words if "localhost:8000" in word)
            command = [word.replace("localhost:8000", address).replace("$ACCESS", access) for word in words]
            answer = run([*command, "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"], folder)
            body = json.loads(answer)
            access = body.get("access", access)
            done.append(url.partition("/api/v1/")[2].partition("?")[0])
    if "redis" in extras:
        with (folder / "site_of_mine/settings.py").open("a") as settings:
            settings.write(f"\n{EXTRAS['redis'][1]}\n")
    run([sys.executable, "manage.py", "check"], folder)
    run([sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"], folder)
    return done


def main() -> int:
    parser = argparse.ArgumentParser("quickstart.py", description=__doc__)
    parser.add_argument("--only", metavar="EXTRA", choices=[*EXTRAS, "none"], help="fail if another extra is there")
    only = parser.parse_args().only
    extras = installed_extras()
    if only and extras - IMPLIED.get(only, set()) != {only} - {"none"}:
        print(f"installed are {sorted(extras) or 'no extras'}", file=sys.stderr)
        return 1
    if shutil.which("curl") is None:
        print("curl is missing", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="shopcore-quickstart-") as folder:
        try:
            done = quickstart(Path(folder), extras)
        except QuickstartError as error:
            print(error, file=sys.stderr)
            return 1
    print(f"{sys.version.split()[0]} with {', '.join(sorted(extras)) or 'no extras'}: {'; '.join(done)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
