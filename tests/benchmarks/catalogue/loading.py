"""A database with the example project's tables, filled with a catalogue."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from .data import CATEGORY_COLUMNS, PRODUCT_COLUMNS, Catalogue
from .peers import ROOT, example_environment

CATEGORY, PRODUCT = "shopcore_catalog_category", "shopcore_catalog_product"
BATCH = 50_000
MIGRATIONS = ROOT / "src/django_shopcore"
# What the floor needs besides: a counter, and an index that fits its own search alone.
FLOOR = """
CREATE TABLE floor_counter AS SELECT count(*) AS products FROM shopcore_catalog_product WHERE is_published;
CREATE INDEX floor_words ON shopcore_catalog_product
  USING gin (to_tsvector('simple', name || ' ' || description));
"""
WRITE = """
from django_shopcore.catalog import get_product_model
product = get_product_model().objects.get(pk=1)
product.save()
"""


def database(server_url: str, catalogue: Catalogue, *, reuse: bool) -> str:
    """The URL of a database filled with ``catalogue``; made anew, unless one of the same content may be reused."""
    name, content = f"shopcore_bench_{catalogue.products}", fingerprint(catalogue)
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    with psycopg.connect(server_url, autocommit=True) as server:
        comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        found = server.execute(comment, [name]).fetchone()
        if reuse and found == (content,):
            return url
        drop(server, name)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        manage(url, "migrate", "--verbosity", "0")
        fill(url, catalogue)
        server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), content))
    return url


def drop(server: psycopg.Connection, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def fingerprint(catalogue: Catalogue) -> str:
    """Changes with the data, with the migrations and with the operations that they are made of."""
    files = sorted([*MIGRATIONS.glob("*/migrations/*.py"), *MIGRATIONS.glob("**/*operations*.py")])
    state = hashlib.sha256(repr(catalogue).encode())
    for file in (*files, *(Path(__file__).with_name(f"{name}.py") for name in ("data", "loading"))):
        state.update(file.read_bytes())
    return state.hexdigest()


def manage(url: str, *arguments: str) -> None:
    command = [sys.executable, str(ROOT / "example_project/manage.py"), *arguments]
    done = subprocess.run(
        command, env=example_environment(DATABASE_URL=url), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


def fill(url: str, catalogue: Catalogue) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        with without_indexes(connection, PRODUCT):
            copy(connection, CATEGORY, CATEGORY_COLUMNS, catalogue.category_rows())
            copy(connection, PRODUCT, PRODUCT_COLUMNS, catalogue.product_rows())
        connection.execute(FLOOR)
        after_load(connection)
    # What the library does at a write in Python, and not in a trigger, happens once as well.
    manage(url, "shell", "--verbosity", "0", "--command", WRITE)


def after_load(connection: psycopg.Connection) -> None:
    """Brings the tables to the state that a site's are in after years of ordinary writes."""
    for table in (CATEGORY, PRODUCT):
        connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    connection.execute("VACUUM (ANALYZE)")


def copy(connection: psycopg.Connection, table: str, columns: Iterable[str], rows: Iterator[str]) -> None:
    """In batches, one statement each: the library's own triggers see them as they see a bulk write."""
    while batch := list(itertools.islice(rows, BATCH)):
        with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as stream:
            for start in range(0, len(batch), 1000):
                stream.write("\n".join(batch[start : start + 1000]) + "\n")


@contextmanager
def without_indexes(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """Drops the table's indexes but the primary key's, and makes them again from their own definitions."""
    constraints = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('u', 'x') ORDER BY conname",
        [table],
    ).fetchall()
    for name, _ in constraints:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name))
        )
    indexes = connection.execute(
        "SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE indrelid = %s::regclass AND NOT indisprimary ORDER BY relname",
        [table],
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in indexes:
        connection.execute(definition)
    for name, definition in constraints:
        statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
        connection.execute(statement.format(sql.Identifier(table), sql.Identifier(name), sql.SQL(definition)))
