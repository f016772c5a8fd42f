"""What ``shopcore_doctor`` looks at in the catalogue: what our migrations made of its tables, and its limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connections

from django_shopcore.core import doctor, limits
from django_shopcore.core.conf import core_settings
from django_shopcore.core.doctor import NOTE, OK, WRONG, Finding
from django_shopcore.core.examinations import examine_cache
from django_shopcore.core.extensions import all_extensions
from django_shopcore.core.tracking import VERSIONS, TrackTable

from . import get_product_model
from .conf import app_settings
from .metadata_operations import MetadataIndex, metadata_index
from .operations import SearchIndex, list_indexes
from .restoring import parts, watched_parts
from .search import search_problems
from .search.postgresql_tables import index_names

MANY = 10_000  # rows, below which PostgreSQL may well do without an index
MEGABYTE = 1024 * 1024
# What the search does without, said by ``search_problems``.
DISPENSABLE = ("extension ", "FTS5 ")

INVALID = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass(%s) AND NOT i.indisvalid ORDER BY 1
"""
# Twice as large as its entries would be if each page were nine tenths full; of B-trees, whose entries can be told.
USE = """
SELECT s.indexrelname, s.idx_scan, pg_relation_size(s.indexrelid), a.amname = 'btree' AND pg_relation_size(s.indexrelid)
  > 2 * c.reltuples * (SELECT 12 + coalesce(sum(w.avg_width), 0) FROM pg_attribute k
    JOIN pg_attribute t ON t.attrelid = s.relid AND t.attname = k.attname
    JOIN pg_stats w ON w.schemaname = s.schemaname AND w.tablename = s.relname AND w.attname = t.attname
    WHERE k.attrelid = s.indexrelid) / 0.9
FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.relid JOIN pg_class i ON i.oid = s.indexrelid
JOIN pg_am a ON a.oid = i.relam
WHERE s.relid = to_regclass(%s) AND s.indexrelname = ANY(%s) AND c.reltuples >= %s ORDER BY 1
"""


def register() -> None:
    doctor.register("Response cache", examine_cache)
    doctor.register(
        "Catalogue",
        examine_tables,
        examine_other_tables,
        examine_metadata,
        examine_abilities,
        examine_search,
        examine_indexes,
        examine_limits,
    )


def examine_tables(alias: str) -> Iterator[Finding]:
    connection: Any = connections[alias]
    tables = set(connection.introspection.table_names())
    for model, operations in parts():
        subject, table = model._meta.label, model._meta.db_table
        if not {table, VERSIONS} <= tables:
            yield Finding(WRONG, subject, "has no table, or no table of versions", "Run manage.py migrate.")
            continue
        whole = True
        for operation in operations:
            missing = [] if isinstance(operation, SearchIndex) else operation.missing(connection, model)
            if missing:
                whole = False
                yield Finding(WRONG, subject, f"lacks {', '.join(missing)}", _advice(operation, connection, model))
        invalid = _invalid(connection, table)
        if invalid:
            advice = "Building them was interrupted: drop them, and build them again."
            yield Finding(WRONG, subject, f"has invalid indexes: {', '.join(invalid)}", advice)
        elif whole:
            yield Finding(OK, subject, "has its triggers, its version and its indexes")


def examine_other_tables(alias: str) -> Iterator[Finding]:
    connection: Any = connections[alias]
    tables = set(connection.introspection.table_names())
    ours = {model for model, _operations in parts()}
    elsewhere = {one.related_model for one in all_extensions() if one.model not in ours}  # of users
    for model, tracking in watched_parts():
        if model in elsewhere:
            continue
        subject = model._meta.label
        if model._meta.db_table not in tables:
            yield Finding(WRONG, subject, "has no table", "Run manage.py migrate.")
        elif not tracking.missing(connection, model):
            yield Finding(OK, subject, "is tracked: answers that show it are kept")
        elif tracking.is_partly_there(connection, model):
            missing = ", ".join(tracking.missing(connection, model))
            yield Finding(WRONG, subject, f"lacks {missing}", "Run manage.py migrate, which makes them again.")
        else:
            advice = (
                f'Run TrackTable("{model._meta.model_name}") of django_shopcore.core.tracking in a migration of '
                f"{model._meta.app_label}."
            )
            yield Finding(NOTE, subject, "is not tracked: answers that show it are not kept", advice)


def examine_metadata(alias: str) -> Iterator[Finding]:
    connection, model = connections[alias], get_product_model()
    if connection.vendor != "postgresql" or model._meta.db_table not in connection.introspection.table_names():
        return
    label = f"{model._meta.app_label}.{model._meta.model_name}"
    for key in app_settings.METADATA_FILTERS:
        if MetadataIndex(label, key).missing(connection, model):
            advice = f'Run MetadataIndex("{label}", "{key}") of django_shopcore.catalog.operations in a migration.'
            yield Finding(NOTE, f"metadata.{key}", "has no index: a list filtered by it reads all products", advice)
        else:
            yield Finding(OK, f"metadata.{key}", "has its index")


def _advice(operation: Any, connection: Any, model: Any) -> str:
    if isinstance(operation, TrackTable) and operation.is_partly_there(connection, model):
        return "Run manage.py migrate, which makes them again."
    name = type(operation).__name__
    arguments = f'"{operation.model_name}"' + (
        ', visible="is_published"' if getattr(operation, "visible", None) else ""
    )
    return f"Run {name}({arguments}) of django_shopcore.catalog.operations in a migration of {model._meta.app_label}."


def _invalid(connection: Any, table: str) -> list[str]:
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(INVALID, [connection.ops.quote_name(table)])
        return [name for (name,) in cursor.fetchall()]


def examine_abilities(alias: str) -> Iterator[Finding]:
    """What the database could do for a search, whichever the site uses."""
    connection: Any = connections[alias]
    if connection.vendor == "postgresql":
        yield Finding(OK, "full text", "built in")
        yield from _trigrams(connection)
    elif connection.vendor == "sqlite":
        yield _fts5(connection)
        yield Finding(NOTE, "trigrams", "not in SQLite: typing errors are not forgiven", "PostgreSQL has pg_trgm.")
    else:
        advice = "PostgreSQL and SQLite have one that is used."
        yield Finding(NOTE, "full text", f"none that is used in {connection.display_name}", advice)


def _trigrams(connection: Any) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT installed_version FROM pg_available_extensions WHERE name = 'pg_trgm'")
        row = cursor.fetchone()
    if row is None:
        advice = "Install PostgreSQL's contrib modules on the server."
        yield Finding(NOTE, "trigrams", "the server does not have pg_trgm", advice)
    elif row[0] is None:
        advice = "CREATE EXTENSION pg_trgm, as somebody who may; then manage.py shopcore_reindex."
        yield Finding(NOTE, "trigrams", "pg_trgm is there and not installed in this database", advice)
    else:
        yield Finding(OK, "trigrams", f"pg_trgm {row[0]}")


def _fts5(connection: Any) -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'")
        there = cursor.fetchone()
    if there:
        return Finding(OK, "full text", "FTS5")
    return Finding(NOTE, "full text", "this SQLite is made without FTS5", "Use a Python whose SQLite has it.")


def examine_search(alias: str) -> Iterator[Finding]:
    if app_settings.SEARCH_BACKEND:
        yield Finding(OK, "search", f"by {app_settings.SEARCH_BACKEND}")
        return
    connection, model = connections[alias], get_product_model()
    if model._meta.db_table not in connection.introspection.table_names():
        return
    problems = search_problems(connection, model)
    for problem in problems:
        dispensable = problem.startswith(DISPENSABLE)
        advice = "It is installed by who may create extensions." if problem.startswith("extension") else ""
        missing = "Run manage.py shopcore_reindex, when the table may be locked for it."
        yield Finding(NOTE if dispensable else WRONG, "search", problem, advice if dispensable else missing)
    if not problems:
        yield Finding(OK, "search", "has its index")


def our_indexes(model: Any) -> list[str]:
    """The names of the indexes that we give the products' table, besides its keys and unique columns."""
    declared = [index.name for index in model._meta.indexes]
    of_metadata = [metadata_index(model, key) for key in app_settings.METADATA_FILTERS]
    return [*list_indexes(model), *index_names(model).values(), *declared, *of_metadata]


def examine_indexes(alias: str) -> Iterator[Finding]:
    connection, model = connections[alias], get_product_model()
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(USE, [connection.ops.quote_name(model._meta.db_table), our_indexes(model), MANY])
        rows = cursor.fetchall()
    unused = [f"{name} ({size / MEGABYTE:.0f} MB)" for name, scans, size, _ in rows if not scans]
    bloated = [f"{name} ({size / MEGABYTE:.0f} MB)" for name, _, size, bloat in rows if bloat and size > 10 * MEGABYTE]
    if unused:
        said = f"not used since statistics began: {', '.join(unused)}"
        yield Finding(NOTE, "indexes", said, "docs/reference/performance says which request needs which.")
    if bloated:
        said = f"more than twice as large as their entries: {', '.join(bloated)}"
        yield Finding(NOTE, "indexes", said, "REINDEX INDEX CONCURRENTLY makes them small again.")
    if rows and not unused and not bloated:
        yield Finding(OK, "indexes", "all are used, none is bloated")


def examine_limits(alias: str) -> Iterator[Finding]:
    if not core_settings.RATE_LIMITS or not (app_settings.READ_RATE or app_settings.SEARCH_RATE):
        yield Finding(NOTE, "read limits", "switched off", "Anybody may read as fast as they can.")
    elif limits.shared_cache() is None:
        yield Finding(NOTE, "read limits", "not enforced: there is no shared cache", "Use a Redis as CACHES.")
    else:
        yield Finding(OK, "read limits", "counted in the shared cache")
