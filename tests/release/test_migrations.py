"""What released migrations would do to a table in use, read from their SQL for PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.projects("full", "swapped", "host_user")

# Each takes a long lock, rewrites the table, or breaks the code that still runs during a deployment.
UNSAFE = {
    "changes a column's type": r"ALTER TABLE (?P<table>\S+) .*ALTER COLUMN \S+ TYPE ",
    "makes a column required": r"ALTER TABLE (?P<table>\S+) .*ALTER COLUMN \S+ SET NOT NULL",
    "adds a required column without a default": r"ALTER TABLE (?P<table>\S+) ADD COLUMN (?!.* DEFAULT ).* NOT NULL",
    "adds a column that is filled row by row": r"ALTER TABLE (?P<table>\S+) ADD COLUMN .*GENERATED ALWAYS AS",
    "drops a column": r"ALTER TABLE (?P<table>\S+) DROP COLUMN",
    "drops a table": r"DROP TABLE (?P<table>\S+)",
    "renames": r"ALTER TABLE (?P<table>\S+) RENAME ",
    "adds a constraint that reads all rows": r"ALTER TABLE (?P<table>\S+) ADD CONSTRAINT (?!.* NOT VALID)",
    "builds an index under a lock": r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY).* ON (?P<table>\S+)",
}
# 0.1.0 is not released: no site has a table that these could lock.
FIRST_RELEASE = {
    "shopcore_accounts.0002_pending_registration",
    "shopcore_catalog.0002_database",
    "shopcore_core.0002_periodic_run",
    "shopcore_core.0003_table_versions",
}


def dangers(sql: str) -> list[str]:
    """What the SQL of one migration does to tables that it did not make itself."""
    statements = [" ".join(part.split()) for part in re.sub(r"^--.*$", "", sql, flags=re.MULTILINE).split(";")]
    made = set(re.findall(r"CREATE TABLE (\S+)", " ".join(statements)))
    found = []
    for statement in statements:
        for what, pattern in UNSAFE.items():
            match = re.search(pattern, statement)
            if match and match["table"] not in made:
                found.append(f"{what}: {statement}")
    return found


def our_migrations() -> Iterable[tuple[str, str]]:
    loader = MigrationLoader(connection)
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("django_shopcore.")}
    return sorted(key for key in loader.disk_migrations if key[0] in ours)


@pytest.mark.django_db
def test_no_migration_after_the_first_release_locks_or_rewrites_a_table_in_use() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("the SQL of interest is PostgreSQL's")
    migrations = list(our_migrations())
    for label, name in migrations:
        out = StringIO()
        call_command("sqlmigrate", label, name, stdout=out)
        problems = [] if f"{label}.{name}" in FIRST_RELEASE else dangers(out.getvalue())
        assert problems == [], f"{label}.{name}"
    assert migrations


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE "shop" ALTER COLUMN "price" TYPE numeric(12, 2) USING "price"::numeric(12, 2)',
        'ALTER TABLE "shop" ALTER COLUMN "name" SET NOT NULL',
        'ALTER TABLE "shop" ADD COLUMN "code" varchar(20) NOT NULL',
        'ALTER TABLE "shop" ADD COLUMN "search" tsvector GENERATED ALWAYS AS (to_tsvector(name)) STORED',
        'ALTER TABLE "shop" DROP COLUMN "name" CASCADE',
        'DROP TABLE "shop" CASCADE',
        'ALTER TABLE "shop" RENAME COLUMN "name" TO "title"',
        'ALTER TABLE "shop" ADD CONSTRAINT "positive" CHECK ("price" > 0)',
        'CREATE INDEX "by_name" ON "shop" ("name")',
        'CREATE UNIQUE INDEX "by_name" ON "shop" ("name")',
    ],
)
def test_a_statement_that_hurts_a_table_in_use_is_found_unless_the_table_is_new(statement: str) -> None:
    assert dangers(f"BEGIN;\n--\n-- Some operation\n--\n{statement};\nCOMMIT;")
    assert dangers(f'CREATE TABLE "shop" ("id" bigint);\n{statement};') == []


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE "shop" ADD COLUMN "code" varchar(20) NULL',
        'ALTER TABLE "shop" ADD COLUMN "code" varchar(20) DEFAULT \'\' NOT NULL',
        'ALTER TABLE "shop" ADD CONSTRAINT "positive" CHECK ("price" > 0) NOT VALID',
        'CREATE INDEX CONCURRENTLY "by_name" ON "shop" ("name")',
    ],
)
def test_a_statement_that_a_running_site_does_not_notice_passes(statement: str) -> None:
    assert dangers(f"{statement};") == []
