#!/usr/bin/env python3
"""The developer's commands. They need nothing but Python 3.10 or newer.

  setup                         make .venv with all that the demo and the tests need
  demo [--port N] [--no-browser] [--products N]
                                run the example project with sample data
  test [--db NAME] [--project NAME] [--no-cov] [pytest arguments]
                                run the tests on every database and test project
  lint                          ruff, mypy, import-linter, missing and unsafe migrations
  docs                          build the documentation into docs/_build/html
  bench [--products N ...] [--check] [...]
                                measure how fast the catalogue is read; --help lists the options
  soak [--minutes N] [--workers sync|gthread] [--no-faults] [--seed N] [--json FILE]
                                run the example project under load while things fail around it
  check                         all that CI runs: lint, test, bench --check, docs, the package itself

Each command installs what it lacks into .venv, with uv where there is one. Nothing outside of this
folder is touched.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
EXTRAS = "postgres,redis,argon2,rs256,mail,swagger,fast,mfa"
# The dependency groups that a command needs. A group that includes another comes with it.
GROUPS = {
    "setup": ("example", "test", "lint"),
    "demo": ("example",),
    "test": ("example", "test"),
    "lint": ("example", "test", "lint"),
    "docs": ("example", "docs"),
    "bench": ("example", "test", "bench"),
    "soak": ("example", "test"),
    "check": ("example", "test", "bench", "lint", "docs"),
}
TOTALS = re.compile(r"\d+ passed, \d+ failed, \d+ skipped")


# --- The virtual environment ----------------------------------------------------------------------------


def environment() -> dict[str, str]:
    cache = ROOT / ".cache"
    return {
        "PIP_CACHE_DIR": str(cache / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_CACHE_DIR": str(cache / "uv"),
        **os.environ,
    }


def example_environment() -> dict[str, str]:
    """With DEBUG on, the example project asks for no other variable."""
    return {"DEBUG": "1", **environment()}


def find_uv() -> str | None:
    """uv, unless it is too old to know dependency groups."""
    uv = shutil.which("uv")
    if uv is None:
        return None
    answer = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", answer)
    return uv if found and (int(found[1]), int(found[2])) >= (0, 7) else None


def is_sound() -> bool:
    """Whether .venv starts, belongs to this version of Python, and something can install into it."""
    question = "import sys, importlib.util as u; print('%d.%d' % sys.version_info[:2], bool(u.find_spec('pip')))"
    try:
        answer = subprocess.run([PYTHON, "-c", question], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    version, _, has_pip = answer.strip().partition(" ")
    return version == VERSION and (has_pip == "True" or find_uv() is not None)


def make_venv() -> None:
    uv = find_uv()
    if uv is None and find_spec("ensurepip") is None:
        sys.exit(
            f"This Python cannot make a virtual environment. On Debian or Ubuntu: apt install python{VERSION}-venv"
        )
    shutil.rmtree(VENV, ignore_errors=True)
    print(f"Making .venv for Python {VERSION}", flush=True)
    try:
        if uv:
            run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
        else:
            run([sys.executable, "-m", "venv", str(VENV)])
            # pip learnt about dependency groups in 25.1.
            run([str(PYTHON), "-m", "pip", "install", "--quiet", "pip>=25.1"])
    except BaseException:
        shutil.rmtree(VENV, ignore_errors=True)
        raise


def ensure(groups: tuple[str, ...]) -> None:
    """Have ``groups`` installed in .venv. A stamp for each group makes the second time instant."""
    if not is_sound():
        make_venv()
    state = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    # The installed package points into this folder, which may have been moved.
    state.update(f"{VERSION} {EXTRAS} {ROOT}".encode())
    stamps = {group: VENV / f".installed-{group}" for group in groups}
    missing = [group for group, stamp in stamps.items() if not stamp.exists() or stamp.read_text() != state.hexdigest()]
    if not missing:
        return
    print(f"Installing into .venv: django-shopcore[{EXTRAS}] and the groups {', '.join(missing)}", flush=True)
    uv = find_uv()
    installer = [uv, "pip", "install", "--python"] if uv else []
    installer += [str(PYTHON)] if uv else [str(PYTHON), "-m", "pip", "install"]
    options = [option for group in missing for option in ("--group", group)]
    run([*installer, "--quiet", "--editable", f".[{EXTRAS}]", *options])
    for group in missing:
        stamps[group].write_text(state.hexdigest())


def run(command: list[str]) -> None:
    code = subprocess.call(command, cwd=ROOT, env=environment())
    if code:
        sys.exit(f"failed with exit code {code}: {' '.join(command)}")


# --- The commands ---------------------------------------------------------------------------------------


def call(*command: str) -> int:
    return subprocess.call([str(PYTHON), *command], cwd=ROOT, env=environment())


def demo(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("dev.py demo", description="Run the example project with sample data.")
    parser.add_argument("--port", type=int, help="the port to listen on")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--products", type=int, help="how many sample products to make")
    parser.parse_args(arguments)
    ensure(GROUPS["demo"])
    command = [str(PYTHON), str(ROOT / "example_project/manage.py"), "demo", *arguments]
    if os.name != "nt":
        os.execve(command[0], command, environment())
    return subprocess.call(command, env=environment())


def lint() -> int:
    """Run every linter, whatever the others say: one line for each, and what the failing ones print."""
    tools = {
        "ruff check": [str(PYTHON), "-m", "ruff", "check", "."],
        "ruff format": [str(PYTHON), "-m", "ruff", "format", "--check", "."],
        "mypy": [str(PYTHON), "-m", "mypy"],
        "import-linter": [str(PYTHON), "-c", "from importlinter.cli import lint_imports_command as lint; lint()"],
        "migrations": [str(PYTHON), "example_project/manage.py", "makemigrations", "--check", "--dry-run"],
        "migration lint": [str(PYTHON), "-m", "django", "lintmigrations", "--settings", "tests.projects.linted"],
    }

    def lint_with(command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=example_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        results = dict(zip(tools, pool.map(lint_with, tools.values()), strict=True))
    for name, result in results.items():
        print(f"{name:<15} {'FAILED' if result.returncode else 'ok'}")
        if result.returncode:
            print(result.stdout)
    return int(any(result.returncode for result in results.values()))


def bench(*arguments: str) -> int:
    return call("-m", "tests.benchmarks.catalogue", *arguments)


def docs() -> int:
    return call("-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")


def package() -> int:
    """Build the wheel and compare it with the source: what was left out is found by users, not by tests."""
    uv = find_uv()
    with tempfile.TemporaryDirectory() as folder:
        if uv:
            code = subprocess.call([uv, "build", "--quiet", "--wheel", "-o", folder], cwd=ROOT, env=environment())
        else:
            code = call("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ".")
        if code:
            return code
        names = zipfile.ZipFile(next(Path(folder).glob("*.whl"))).namelist()
    packed = {name for name in names if ".dist-info/" not in name}
    source = {path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    expected = {path.relative_to(ROOT / "src").as_posix() for path in source}
    problems = [f"not in the wheel: {name}" for name in sorted(expected - packed)]
    problems += [f"should not be in the wheel: {name}" for name in sorted(packed - expected)]
    for part in ("/py.typed", "/migrations/0001", "/templates/", "/locale/de/LC_MESSAGES/django.mo"):
        if not any(part in name for name in packed):
            problems.append(f"the wheel has no {part}")
    print("\n".join(problems) or f"the wheel has all {len(packed)} files")
    return int(bool(problems))


def test_and_count() -> tuple[int, str]:
    """Run the tests, show what they print, and keep their last line."""
    command = [str(PYTHON), "-u", "-m", "tests.matrix"]
    totals = "0 passed, 1 failed, 0 skipped"
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as tests:
        for line in tests.stdout or ():
            print(line, end="", flush=True)
            totals = line.strip() if TOTALS.fullmatch(line.strip()) else totals
    return tests.returncode, totals


def check() -> int:
    rows, totals = [], ""
    for name in ("lint", "test", "bench", "docs", "package"):
        print(f"\n{f' {name} ':#^100}", flush=True)
        begin = time.monotonic()
        if name == "test":
            code, totals = test_and_count()
        else:
            code = {"lint": lint, "bench": lambda: bench("--check"), "docs": docs, "package": package}[name]()
        rows.append((name, code, time.monotonic() - begin))
    print()
    for name, code, seconds in rows:
        print(f"{name:<10} {'FAILED' if code else 'ok':<8} {seconds:6.1f} s")
    print(totals)
    return int(any(code for _, code, _ in rows))


def main() -> int:
    if sys.version_info < (3, 10):  # noqa: UP036 - whoever runs it with an older one should read why it fails
        sys.exit(f"This is Python {VERSION}; django-shopcore needs 3.10 or newer.")
    command, *arguments = sys.argv[1:] or ["--help"]
    if command == "demo":
        return demo(arguments)
    if command == "test":
        ensure(GROUPS["test"])
        return call("-m", "tests.matrix", *arguments)
    if command == "bench":
        ensure(GROUPS["bench"])
        return bench(*arguments)
    if command == "soak":
        ensure(GROUPS["soak"])
        return call("-m", "tests.soak", *arguments)
    parser = argparse.ArgumentParser("dev.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=GROUPS, metavar="command", help="one of the above")
    chosen = parser.parse_args([command, *arguments]).command
    ensure(GROUPS[chosen])
    if chosen == "setup":
        print("Ready. Now: python3 dev.py demo")
        return 0
    return {"lint": lint, "docs": docs, "check": check}[chosen]()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
