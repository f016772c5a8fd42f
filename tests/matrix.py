"""Run the tests once for each cell of the matrix database x project, two cells at a time.

``python dev.py test`` and tox come here. Arguments that are not listed below go to every pytest; to run
a single cell by hand: ``SHOPCORE_TEST_DB=postgres pytest --ds tests.projects.swapped``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
DATABASES = ("postgres", "sqlite")
# The longest first, so that the last to finish is a short one.
PROJECTS = (
    "full",
    "swapped",
    "host_user",
    "catalog_only",
    "accounts_only",
    "uuid_user",
    "email_user",
    "own_product",
    "catalog_accounts",
    "extended",
    "extended_swapped",
)
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Cell:
    database: str
    project: str

    def __str__(self) -> str:
        return f"{self.project} on {self.database}"


@dataclass(frozen=True)
class Result:
    exit_code: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @classmethod
    def read(cls, exit_code: int, report: Path) -> Result:
        """Count from pytest's JUnit report; a run that broke without a failed test counts as one failure."""
        passed = failed = skipped = 0
        if report.exists():
            for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - pytest wrote it a moment ago
                bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                ignored = int(suite.get("skipped", 0))
                failed, skipped = failed + bad, skipped + ignored
                passed += int(suite.get("tests", 0)) - bad - ignored
        if exit_code not in (0, NOTHING_COLLECTED):
            failed = max(failed, 1)
        return cls(exit_code, passed, failed, skipped)


@dataclass(frozen=True)
class Matrix:
    cells: Sequence[Cell]
    pytest_arguments: Sequence[str]
    coverage: bool
    folder: Path

    def run(self) -> list[Result]:
        if len(self.cells) == 1:
            return [self._run(self.cells[0], None)]
        results = []
        with ThreadPoolExecutor(max_workers=2) as pool:
            outputs = {cell: self.folder / f"{cell}.out" for cell in self.cells}
            running = {pool.submit(self._run, cell, outputs[cell]): cell for cell in self.cells}
            try:
                for done in as_completed(running):
                    cell, result = running[done], done.result()
                    results.append(result)
                    if result.exit_code == NOTHING_COLLECTED:
                        print(f"nothing to run: {cell}", flush=True)
                        continue
                    print(f"\n{f' {cell} ':=^100}", flush=True)
                    print(outputs[cell].read_text(errors="replace"), flush=True)
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise
        return results

    def _run(self, cell: Cell, output: Path | None) -> Result:
        report = self.folder / f"{cell}.xml"
        runner = ["coverage", "run", "--parallel-mode", "-m", "pytest"] if self.coverage else ["pytest"]
        options = ["--junitxml", str(report), "-o", f"cache_dir=.pytest_cache/{cell.project}-{cell.database}"]
        if sys.stdout.isatty():
            options.append("--color=yes")
        command = [sys.executable, "-m", *runner, *options, *self.pytest_arguments]
        environment = self._environment(cell)
        if output is None:
            exit_code = subprocess.call(command, cwd=ROOT, env=environment)
        else:
            print(f"running: {cell}", flush=True)
            with output.open("wb") as file:
                exit_code = subprocess.call(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        return Result.read(exit_code, report)

    def _environment(self, cell: Cell) -> dict[str, str]:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": f"tests.projects.{cell.project}",
            "SHOPCORE_TEST_DB": cell.database,
            "COVERAGE_FILE": str(self.folder / "coverage"),
        }
        if redis := environment.get(servers.REDIS):
            # A test may flush its database while another cell runs.
            place = DATABASES.index(cell.database) * len(PROJECTS) + PROJECTS.index(cell.project)
            environment[servers.REDIS] = f"{redis.rpartition('/')[0]}/{place}"
        # The example project's settings read these: a test that starts it must not get the developer's own.
        for name in ("DATABASE_URL", "REDIS_URL"):
            environment.pop(name, None)
        return environment


def report_coverage(folder: Path, *, whole: bool) -> bool:
    """Whether the coverage reaches its floor in pyproject.toml; a part of the tests has none."""
    coverage = [sys.executable, "-m", "coverage"]
    files = list(map(str, folder.glob("coverage.*")))
    if not files or subprocess.call([*coverage, "combine", "--quiet", *files], cwd=ROOT):
        return not whole
    return subprocess.call([*coverage, "report", *([] if whole else ["--fail-under=0"])], cwd=ROOT) == 0


def main() -> int:
    parser = argparse.ArgumentParser("dev.py test", description=__doc__, allow_abbrev=False)
    parser.add_argument("--db", action="append", choices=DATABASES, help="only on this database")
    parser.add_argument("--project", action="append", choices=PROJECTS, help="only this project (repeatable)")
    parser.add_argument("--no-cov", action="store_true", help="do not measure coverage")
    options, rest = parser.parse_known_args()
    databases, projects = options.db or DATABASES, options.project or PROJECTS
    whole = not (options.db or options.project or rest)

    # Here and not in the cells, so that all of them share one server.
    servers.redis_url()
    if "postgres" in databases:
        servers.database_url()
    with tempfile.TemporaryDirectory(prefix="shopcore-matrix-") as temporary:
        folder = Path(temporary)
        cells = [Cell(database, project) for project in projects for database in databases]
        results = Matrix(cells, rest, not options.no_cov, folder).run()
        covered = options.no_cov or report_coverage(folder, whole=whole)

    passed, failed, skipped = (
        sum(getattr(result, outcome) for result in results) for outcome in ("passed", "failed", "skipped")
    )
    if all(result.exit_code == NOTHING_COLLECTED for result in results):
        print("no cell has a test that fits these arguments")
        failed = max(failed, 1)
    if missing := servers.redis_missing():
        print(f"Tests against Redis were SKIPPED: {missing}")
    if not covered:
        print("FAILED: coverage")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if covered and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
