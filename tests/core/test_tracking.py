"""A table's version: another token with every committed change, and the number of its rows, whoever writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, models, transaction
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.core.models import TableChange, TableVersion
from django_shopcore.core.tracking import is_versioned
from tests.catalog.shapes import PRODUCTS
from tests.core.versions import Act, counted, counts, product, products, rolled_back, rows, sql, version
from tests.factories.catalog import CategoryFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "swapped")]

POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own")
SQLITE = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own")
__all__ = ["rows"]


def savepoint_rolled_back(act: Act) -> None:
    with transaction.atomic():
        rolled_back(act)


def copied() -> None:
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(get_product_model()._meta.db_table)
        cursor.execute(f"CREATE TEMPORARY TABLE copied AS SELECT * FROM {table} LIMIT 1")
        cursor.execute("UPDATE copied SET slug = 'copied', sku = NULL")
        keys = "gen_random_uuid()" if connection.data_types and _has_uuid() else "id + 100000"
        cursor.execute(f"UPDATE copied SET id = {keys}")
        names = ", ".join(f'"{field.column}"' for field in get_product_model()._meta.concrete_fields)
        with cursor.copy(f"COPY (SELECT {names} FROM copied) TO STDOUT") as out:
            rows = b"".join(bytes(part) for part in out)
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as into:
            into.write(rows)
        cursor.execute("DROP TABLE copied")


def _has_uuid() -> bool:
    return isinstance(get_product_model()._meta.pk, models.UUIDField)


WRITES: dict[str, Act] = {
    "save": lambda: product().save(),
    "a hidden one": lambda: product(is_published=False).save(),
    "save again": lambda: products().first().save(),
    "update": lambda: products().update(is_published=False),
    "update of one": lambda: products().filter(pk=products().first().pk).update(price=3),
    "bulk_create": lambda: products().bulk_create([product(), product(is_published=False)]),
    "bulk_update": lambda: products().bulk_update(list(products().all()), ["is_published"]),
    "ignored conflicts": lambda: products().bulk_create([product(slug="a"), product()], ignore_conflicts=True),
    "upsert": lambda: products().bulk_create(
        [product(slug="a", is_published=False), product()],
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["is_published"],
    ),
    "delete": lambda: products().first().delete(),
    "delete all": lambda: products().all().delete(),
    "raw update": lambda: sql("UPDATE {table} SET is_published = NOT is_published"),
    "raw delete": lambda: sql("DELETE FROM {table} WHERE slug = %s", "a"),
    "two in a transaction": lambda: transaction.atomic(lambda: (product().save(), products().first().delete()))(),
    "after a savepoint": lambda: transaction.atomic(
        lambda: (rolled_back(lambda: product().save()), products().update(price=5))
    )(),
}
NOTHING: dict[str, Act] = {
    "a rollback": lambda: rolled_back(lambda: product().save()),
    "a savepoint": lambda: savepoint_rolled_back(lambda: products().update(price=9)),
    "an update of none": lambda: products().filter(slug="none").update(price=9),
    "a delete of none": lambda: sql("DELETE FROM {table} WHERE slug = 'none'"),
    "only conflicts": lambda: products().bulk_create([product(slug="a")], ignore_conflicts=True),
    "a read": lambda: list(products().all()),
    "another table": lambda: CategoryFactory.create(),
}


@pytest.mark.parametrize("name", WRITES)
def test_every_kind_of_write_moves_the_token_and_the_counters(rows: None, name: str) -> None:
    before = version().token
    WRITES[name]()
    assert version().token != before
    assert counts() == counted()
    assert not TableChange.objects.exists()


@pytest.mark.parametrize("name", NOTHING)
def test_what_changes_no_row_moves_nothing(rows: None, name: str) -> None:
    before = version().token
    NOTHING[name]()
    assert version().token == before
    assert counts() == counted() == (3, 3)


@POSTGRESQL
def test_copying_truncating_and_cascading_count_too(rows: None) -> None:
    table = get_product_model()._meta.db_table
    for write, expected in (
        (copied, 4),
        (lambda: sql("TRUNCATE {table} CASCADE"), 0),
        (lambda: product().save(), 1),
        (transaction.atomic(lambda: (sql("TRUNCATE {table} CASCADE"), product().save(), product().save())), 2),
        (transaction.atomic(lambda: (product().save(), at_once_from_here(), sql("TRUNCATE {table} CASCADE"))), 0),
    ):
        before = version().token
        write()
        assert version().token != before, table
        assert counts() == counted() == (expected, expected)


def at_once_from_here() -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")


@SQLITE
def test_the_words_of_sqlite_count_too(rows: None) -> None:
    columns = ", ".join(f'"{field.column}"' for field in get_product_model()._meta.concrete_fields)
    for conflict, moves in (("IGNORE", False), ("IGNORE", False)):
        before = version().token
        sql(f"INSERT OR {conflict} INTO {{table}} ({columns}) SELECT {columns} FROM {{table}}")
        assert (version().token != before) == moves
        assert counts() == counted() == (3, 3)
    before = version().token
    sql("UPDATE OR IGNORE {table} SET slug = 'a' WHERE slug IN ('a', 'b')")
    assert version().token != before
    assert counts() == counted()


def test_a_flush_leaves_versions_of_empty_tables(rows: None) -> None:
    before = version().token
    call_command("flush", interactive=False, verbosity=0)
    assert version().token != before
    assert counts() == (0, 0)
    CategoryFactory.create()
    product().save()
    assert counts() == (1, 1)


def test_a_lost_version_comes_back_with_the_next_migration(rows: None) -> None:
    TableVersion.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert counts() == (3, 3)
    assert version().token


@SQLITE
def test_a_table_that_sqlite_makes_anew_gets_its_triggers_back(rows: None) -> None:
    model: Any = get_product_model()
    old = model._meta.get_field("name")
    new = models.CharField(max_length=256)
    new.set_attributes_from_name("name")
    new.model = model
    with connection.schema_editor() as editor:
        editor.alter_field(model, old, new, strict=True)
        editor.alter_field(model, new, old, strict=True)
    assert triggers() == []
    call_command("migrate", verbosity=0)
    assert len(triggers()) >= 3
    before = version().token
    product().save()
    assert version().token != before
    assert counts() == counted() == (4, 4)


def triggers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
            [get_product_model()._meta.db_table],
        )
        return [name for (name,) in cursor.fetchall()]


class CatalogueElsewhere:
    """A router that keeps the catalogue in a database of its own, without the tables of ``core``."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "shop" if model._meta.app_label == "shopcore_catalog" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == "shop") == (app_label == "shopcore_catalog")


TWO_DATABASES = """
import django
from django.conf import settings
engine = "django.db.backends.sqlite3"
settings.DATABASES = {"default": {"ENGINE": engine, "NAME": "one"}, "shop": {"ENGINE": engine, "NAME": "two"}}
settings.DATABASE_ROUTERS = ["tests.core.test_tracking.CatalogueElsewhere"]
django.setup()
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from tests.factories.catalog import ProductFactory
for alias in ("default", "shop"):
    call_command("migrate", database=alias, verbosity=0)
for count in (1, 2):
    ProductFactory.create()
    with CaptureQueriesContext(connections["shop"]) as asked, CaptureQueriesContext(connections["default"]) as others:
        response = APIClient().get("/api/v1/products/?size=1")
    print(response.json()["count"], len(asked), len(others))
"""


@SQLITE
@pytest.mark.projects("full")
def test_a_catalogue_in_a_database_without_versions_is_read_all_the_same(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.projects.catalog_only",
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *(str(Path(part).absolute()) for part in sys.path if part)]),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TWO_DATABASES],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The first request looks whether there are versions.
    assert done.stdout.splitlines() == ["1 2 0", "2 1 0"]


def test_tokens_are_not_used_inside_a_transaction(rows: None, anonymous: APIClient) -> None:
    assert is_versioned("default")
    tag = anonymous.get(PRODUCTS)["ETag"]
    with transaction.atomic():
        assert not is_versioned("default")
        product().save()
        response = anonymous.get(PRODUCTS, {"size": 2}, HTTP_IF_NONE_MATCH=tag)
        assert (response.status_code, response.json()["count"]) == (200, 4)
        assert anonymous.get(PRODUCTS, HTTP_IF_NONE_MATCH=tag).status_code == 200
        transaction.set_rollback(True)
    assert anonymous.get(PRODUCTS, HTTP_IF_NONE_MATCH=tag).status_code == 304
