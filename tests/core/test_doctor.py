"""What ``shopcore_doctor`` says of settings, database, caches and replicas."""

from __future__ import annotations

import datetime
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from django_shopcore.core import doctor
from django_shopcore.core import json as our_json
from django_shopcore.core.doctor import NOTE, OK, WRONG, Finding
from django_shopcore.notifications.models import OutboxMessage
from tests.core.cached_answers import SCRIPTED
from tests.core.doctors import advice, findings, report
from tests.faults import FailingRedis
from tests.notifications.scripted import queue

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped")]

POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only")
REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.fixture
def section(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The examinations of a section of a test's own, and no others."""
    own: list[Any] = []
    monkeypatch.setattr(doctor, "_registered", {"Own": own})
    return own


def printed() -> str:
    output = io.StringIO()
    call_command("shopcore_doctor", stdout=output)
    return output.getvalue()


def test_a_migrated_site_has_nothing_wrong() -> None:
    code, found = report()
    assert (code, found["wrong"], found["database"]) == (0, 0, "default")
    assert list(found["sections"]) == [
        *("Site", "Settings in force", "Settings", "Database", "Replicas", "Rate limits", "Views", "Personal data"),
        *("Response cache", "Catalogue", "Notifications", "Mail"),
    ]
    levels = [one["level"] for section in found["sections"].values() for one in section]
    assert (levels.count(OK), levels.count(NOTE)) == (found["ok"], found["note"])
    assert levels.count(OK) > 5


def test_the_report_is_aligned_and_says_what_to_do(section: list[Any]) -> None:
    section.append(lambda alias: [Finding(OK, "short", "fine"), Finding(WRONG, "rather long", "bad", "Mend it.")])
    section.append(lambda alias: [Finding(NOTE, "note", "so so", "Perhaps.")])
    with pytest.raises(CommandError, match="Something is wrong"):
        printed()
    section.insert(0, section.pop())
    del section[1:]
    assert printed() == (
        "\nOwn\n  note   note  so so\n               > Perhaps.\n\n0 wrong, 1 to note, 0 fine\n"  # and exit code 0
    )


def test_columns_line_up(section: list[Any]) -> None:
    section.append(lambda alias: [Finding(OK, "a", "one"), Finding(NOTE, "longer", "two " * 40, "What to do.")])
    lines = printed().splitlines()
    assert lines[2:4] == ["  ok     a       one", f"  note   longer  {'two ' * 20}two"]
    assert lines[4].startswith(" " * 17 + "two two")
    assert lines[-3] == " " * 17 + "> What to do."


def test_an_examination_that_the_database_refuses_is_wrong_and_the_others_go_on(section: list[Any]) -> None:
    def examine_this(alias: str) -> Iterator[Finding]:
        raise DatabaseError("no such table: x\nand more")
        yield

    section += [examine_this, lambda alias: [Finding(OK, "other", alias)]]
    code, found = report()
    assert code == 1
    assert [(one["level"], one["subject"], one["said"]) for one in found["sections"]["Own"]] == [
        (WRONG, "examine this", "cannot be examined: no such table: x"),
        (OK, "other", "default"),
    ]


def test_an_unknown_database_is_refused() -> None:
    with pytest.raises(CommandError, match="no database 'elsewhere'"):
        report(database="elsewhere")


def test_a_migration_that_is_not_applied_is_wrong() -> None:
    assert findings("Database", "migrations") == [(OK, "all are applied")]
    MigrationRecorder(connection).record_unapplied("shopcore_catalog", "0002_database")
    [(level, said)] = findings("Database", "migrations")
    assert (level, said.split()[:3]) == (WRONG, ["not", "applied:", "shopcore_catalog.0002_database"])


def test_an_empty_database_is_wrong_and_ends_in_no_traceback(tmp_path: Path) -> None:
    script = (
        "import django, sys; from django.conf import settings; import tests.projects.full as s;"
        f"s.DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(tmp_path / 'x')!r}}}}};"
        "django.setup(); from django.core.management import execute_from_command_line as run;"
        "run(['manage.py', 'shopcore_doctor'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "CommandError: Something is wrong.\n")
    assert "not applied:" in done.stdout
    assert "has no table, or no table of versions" in done.stdout


def test_debug_and_pythons_own_json_are_noted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(our_json, "orjson", object())
    assert findings("Settings") == [(OK, "off"), (OK, "written by orjson")]
    monkeypatch.setattr(our_json, "orjson", None)
    settings.DEBUG = True
    assert [level for level, _ in findings("Settings")] == [NOTE, NOTE]


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0, NOTE), (None, OK), (60, OK)],
)
def test_a_new_connection_for_each_request_is_noted(
    seconds: int | None, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", seconds)
    assert [found for found, _ in findings("Database", "connections")] == [level]


def test_a_pool_keeps_connections_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"pool": True})
    assert findings("Database", "connections") == [(OK, "from a pool")]


@POSTGRESQL
def test_statements_that_are_not_prepared_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    assert [level for level, _ in findings("Database", "prepared statements")] == [NOTE]
    monkeypatch.setattr(connection.connection, "prepare_threshold", 5)
    assert findings("Database", "prepared statements") == [(OK, "used for reads")]


LOCAL = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
DEAD = {"default": {"BACKEND": REDIS, "LOCATION": "redis://127.0.0.1:1/0"}}
DIVIDED = {"default": {"BACKEND": REDIS, "LOCATION": ["redis://127.0.0.1:1/0", "redis://127.0.0.1:2/0"]}}


@pytest.mark.parametrize(
    ("caches", "seconds", "level", "said"),
    [
        (LOCAL, 600, NOTE, "kept by each process, which asks the database for versions"),
        (LOCAL, 0, NOTE, "not kept"),
        (SCRIPTED, 600, OK, "shared by all processes, in the cache 'default'"),
        (DIVIDED, 600, NOTE, "kept by each process: the cache 'default' has several servers"),
        (DEAD, 600, WRONG, "the cache 'default' fails (ConnectionError)"),
    ],
)
def test_where_responses_are_kept_is_told(settings: Any, caches: Any, seconds: int, level: str, said: str) -> None:
    settings.CACHES, settings.SHOPCORE_CATALOG_CACHE, settings.SHOPCORE_RATE_LIMITS = caches, seconds, False
    assert findings("Response cache", "responses") == [(level, said)]
    assert report()[0] == (level == WRONG)


def test_a_redis_that_remembers_is_noted(settings: Any, tmp_path: Path, redis_url: str) -> None:
    server = FailingRedis(tmp_path)
    try:
        settings.CACHES = {"default": {"BACKEND": REDIS, "LOCATION": server.url}}
        assert findings("Response cache", "Redis") == [(OK, "writes nothing to disk")]
        for setting, off, on in (("appendonly", "no", "yes"), ("save", "", "3600 1")):
            server.client().config_set(setting, on)
            [(level, said)] = findings("Response cache", "Redis")
            assert (level, said.partition(":")[0]) == (NOTE, "writes to disk")
            server.client().config_set(setting, off)
        assert advice("Response cache", "Redis") == [""]
    finally:
        server.kill()


def test_a_replica_that_does_not_exist_is_wrong(settings: Any) -> None:
    settings.SHOPCORE_REPLICAS = ["elsewhere"]
    [(level, said)] = findings("Replicas")
    assert (level, said.split(":")[0]) == (WRONG, "cannot be reached")
    assert report()[0] == 1


def test_what_is_no_standby_is_told(settings: Any) -> None:
    settings.SHOPCORE_REPLICAS = ["default"]
    expected = (NOTE, "is no standby: it accepts writes")
    assert findings("Replicas") == [expected if connection.vendor == "postgresql" else (WRONG, "is no PostgreSQL")]


def test_messages_that_do_not_leave_are_wrong() -> None:
    assert findings("Notifications") == [(OK, "delivers")]
    queue()
    OutboxMessage.objects.update(queued_at=timezone.now() - datetime.timedelta(minutes=10))
    assert findings("Notifications") == [(WRONG, "the oldest message has been waiting for 10 minutes")]
    assert report()[0] == 1


def test_it_changes_nothing() -> None:
    with connection.execute_wrapper(_refuse_writes):
        report()
    assert "default" in connections


def _refuse_writes(execute: Any, sql: str, *rest: Any) -> Any:
    assert not sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER")), sql
    return execute(sql, *rest)
