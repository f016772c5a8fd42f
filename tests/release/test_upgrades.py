"""A site in use goes from each released version to this one and has all that it had.

As long as no version is released, and beside the released ones, a tag is made in a clone of this repository, and a
further migration behind it.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.release import upgrading

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

ROOT = Path(__file__).resolve().parents[2]

Database = dict[str, Any]
TAG = "v0.0.1"
FIELD = '\n    note = models.CharField(max_length=20, default="old")\n'
MIGRATION = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("{app}", "{last}")]
    operations = [migrations.RunSQL({sql!r}, migrations.RunSQL.noop)]
"""


def git(repository: Path, *arguments: str) -> bytes:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *identity, "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def released() -> list[str]:
    return git(ROOT, "tag", "--list", "v[0-9]*", "--sort", "version:refname").decode().split()


def has_history() -> bool:
    try:
        return (ROOT / ".git").exists() and bool(git(ROOT, "rev-parse", "HEAD"))
    except (OSError, subprocess.CalledProcessError):  # no git, or it does not trust the owner of the folder
        return False


if not has_history():
    pytest.skip("the history is in the repository only", allow_module_level=True)


def source_of(repository: Path, tag: str, folder: Path) -> Path:
    """The library as it was at ``tag``."""
    with tarfile.open(fileobj=BytesIO(git(repository, "archive", tag, "src"))) as archive:
        # Filters came with later patch releases of Python 3.10 and 3.11.
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder, **safely)  # noqa: S202 - made by git of our own files
    return folder / "src"


def run(source: Path, database: Database, *command: str) -> subprocess.CompletedProcess[str]:
    paths = [
        str(source),
        str(ROOT),
        *(path for path in sys.path if path and not Path(path, "django_shopcore").is_dir()),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "UPGRADE_DATABASE": json.dumps(database)}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def done(source: Path, database: Database, action: str, state: Path) -> Any:
    ended = run(source, database, "-m", "tests.release.upgrading", action, str(state))
    if ended.returncode:
        raise UpgradeError(f"{action}:\n{ended.stdout}{ended.stderr}")
    return json.loads(state.read_text())


class UpgradeError(Exception):
    pass


def upgrade(old: Path, new: Path, databases: Callable[[], Database], folder: Path) -> None:
    """Raises ``UpgradeError`` unless a site that ``old`` made and filled is whole with ``new``."""
    database, state = databases(), folder / "state.json"
    before = done(old, database, "fill", state)
    after = done(new, database, "ask", state)
    for asked, answer in before["answers"].items():
        if lost := missing(answer, after["answers"][asked]):
            raise UpgradeError(f"{asked}: {lost}")
    if after["renamed"] != "Renamed":
        raise UpgradeError("a product cannot be renamed any more")
    expected = done(new, databases(), "schema", folder / "fresh.json")
    for table in sorted(expected.keys() | after["schema"].keys()):
        if expected.get(table) != after["schema"].get(table):
            raise UpgradeError(
                f"{table} is not what a new site has: {after['schema'].get(table)}, {expected.get(table)}"
            )


def missing(before: Any, after: Any, place: str = "") -> str:
    """What was in ``before`` and is not, or not so, in ``after``, which may have more fields."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = (missing(value, after.get(key), f"{place}.{key}") for key, value in before.items())
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        found = (missing(*pair, f"{place}[{number}]") for number, pair in enumerate(zip(before, after, strict=True)))
    else:
        return "" if before == after else f"{place} was {before!r} and is {after!r}"
    return next(filter(None, found), "")


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Makes empty databases on the server, or in the folder, of the tests."""
    settings = connection.settings_dict
    made: list[str] = []

    def make() -> Database:
        name = f"upgrade_{secrets.token_hex(6)}"
        if connection.vendor == "sqlite":
            return {"ENGINE": settings["ENGINE"], "NAME": str(tmp_path / name)}
        administer(f"CREATE DATABASE {name}")
        made.append(name)
        return {key: settings[key] for key in ("ENGINE", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")} | {
            "NAME": name
        }

    yield make
    for name in made:
        administer(f"DROP DATABASE {name} WITH (FORCE)")


def administer(sql: str) -> None:
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(sql)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """This repository with a tag at its last commit."""
    place = tmp_path / "clone"
    git(ROOT, "clone", "--quiet", "--no-local", "--depth", "1", f"file://{ROOT}", str(place))
    git(place, "tag", TAG)
    return place


def last_migration(clone: Path, feature: str) -> str:
    return max((clone / f"src/django_shopcore/{feature}/migrations").glob("0*.py")).stem


def add_migration(clone: Path, feature: str, sql: str) -> None:
    text = MIGRATION.format(app=f"shopcore_{feature}", last=last_migration(clone, feature), sql=sql)
    (clone / f"src/django_shopcore/{feature}/migrations/9999_next.py").write_text(text)


def add_column(clone: Path) -> None:
    """A column of a table that has rows, as a developer adds it."""
    models = clone / "src/django_shopcore/catalog/abstract_models.py"
    text = models.read_text()
    place = text.index("    class Meta", text.index("class AbstractProduct"))
    models.write_text(text[:place] + FIELD.lstrip("\n") + "\n" + text[place:])
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    command = ("-m", "django", "makemigrations", "shopcore_catalog", "--settings", "tests.release.upgrade_site")
    made = run(clone / "src", database, *command)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("tag", released())
def test_a_released_version_is_upgraded_to_this_one(
    tag: str, databases: Callable[[], Database], tmp_path: Path
) -> None:
    upgrade(source_of(ROOT, tag, tmp_path / "old"), ROOT / "src", databases, tmp_path)


def test_a_tag_is_upgraded_over_a_migration_that_follows_it(
    clone: Path, databases: Callable[[], Database], tmp_path: Path
) -> None:
    add_column(clone)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "feat: a note")
    old = source_of(clone, TAG, tmp_path / "old")
    assert len(list(old.rglob("migrations/0*.py"))) + 1 == len(list((clone / "src").rglob("migrations/0*.py")))
    upgrade(old, clone / "src", databases, tmp_path)


@pytest.mark.parametrize(
    ("feature", "sql", "complaint"),
    [
        ("catalog", "UPDATE shopcore_catalog_product SET price = 1", r"products/: .*price was"),
        ("accounts", "DELETE FROM shopcore_accounts_session", r"(?s)ask:.*401"),
        ("catalog", "CREATE UNIQUE INDEX one ON shopcore_catalog_product (category_id)", "(?si)ask:.*unique"),
    ],
    ids=["changes rows", "deletes rows", "fails with rows"],
)
def test_a_migration_that_loses_something_is_found(
    clone: Path, databases: Callable[[], Database], tmp_path: Path, feature: str, sql: str, complaint: str
) -> None:
    add_migration(clone, feature, sql)
    old = source_of(clone, TAG, tmp_path / "old")
    with pytest.raises(UpgradeError, match=complaint):
        upgrade(old, clone / "src", databases, tmp_path)


def test_a_table_that_an_upgraded_site_has_otherwise_than_a_new_one_is_found(
    clone: Path, databases: Callable[[], Database], tmp_path: Path
) -> None:
    """As when a migration is edited that was released."""
    [edited] = (clone / "src/django_shopcore/accounts/migrations").glob("0002_*.py")
    edited.write_text(edited.read_text().replace("operations = [", f"operations = [migrations.RunSQL({INDEX!r}),"))
    with pytest.raises(UpgradeError, match="shopcore_accounts_session is not what a new site has"):
        upgrade(source_of(clone, TAG, tmp_path / "old"), clone / "src", databases, tmp_path)


INDEX = "CREATE INDEX edited ON shopcore_accounts_session (expires_at)"


def test_what_is_lost_is_named() -> None:
    assert missing({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3}) == ""
    assert missing({"a": [{"b": 1}]}, {"a": [{"b": 2}]}) == ".a[0].b was 1 and is 2"
    assert missing({"a": [1]}, {"a": []}) == ".a was [1] and is []"
    assert missing({"a": 1}, {}) == ".a was 1 and is None"
    assert upgrading.READS.keys() == {"nobody", "admin", "customer"}
