"""Running a compiled statement, with as little around it as the database allows."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from django.db import InterfaceError, NotSupportedError, OperationalError, connections


def fetch(alias: str, sql: str, params: Sequence[Any], *, prepare: bool = False) -> list[tuple[Any, ...]]:
    """All rows of a read.

    With ``prepare`` the server keeps the statement and its plan, where the site lets psycopg prepare (``OPTIONS``
    with a ``prepare_threshold``; Django's default is not to, for the sake of pools that mix up connections). For
    statements only whose best plan is the same for all values.

    A connection that turns out to be dead is replaced and the read tried once more, so that it needs no check
    before each use.
    """
    connection: Any = connections[alias]
    if connection.connection is None or connection.in_atomic_block or not connection.get_autocommit():
        return _fetch(connection, sql, params, prepare)
    if connection.health_check_enabled:
        connection.health_check_done = True
    try:
        return _fetch(connection, sql, params, prepare)
    except (InterfaceError, OperationalError):
        if connection.is_usable():
            raise
        connection.close()
        return _fetch(connection, sql, params, prepare)
    except NotSupportedError:
        # A migration has changed a column's type: the connection's kept plans do not fit any more.
        connection.close()
        return _fetch(connection, sql, params, prepare)


def close_connections() -> None:
    """Has the next statements connect anew, where no transaction is open: a name may lead to another server by now."""
    for connection in connections.all(initialized_only=True):
        if connection.connection is None or connection.in_atomic_block:
            continue
        with connection.wrap_database_errors:
            connection.connection.close()  # itself, so that no pool hands it out again
            pool: Any = getattr(connection, "pool", None)
            if hasattr(pool, "drain"):  # psycopg_pool 3.3
                pool.drain()
        connection.close()


def _fetch(connection: Any, sql: str, params: Sequence[Any], prepare: bool) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]]
    if prepare and connection.vendor == "postgresql":
        connection.ensure_connection()
        if getattr(connection.connection, "prepare_threshold", None) is not None:
            cursor = _preparing_cursor(connection)
            connection._prepare_cursor(cursor).execute(sql, params)
            with connection.wrap_database_errors:
                rows = cursor.fetchall()
            return rows
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    return rows


def _preparing_cursor(connection: Any) -> Any:
    """The connection's own cursor for prepared statements, which binds on the server.

    Django is to wrap it as it wraps its own, for query logs and instrumentation.
    """
    raw = connection.connection
    kept = getattr(raw, "shopcore_cursor", None)
    if kept is None:
        with connection.wrap_database_errors:
            # Nobody else's statements are prepared on it, and ours are those with one best plan: without this the
            # server plans them anew each time where it guesses that to be worth it.
            if connection.settings_dict["OPTIONS"].get("server_side_binding") is not True:
                raw.execute("SET plan_cache_mode = force_generic_plan")
            kept = raw.shopcore_cursor = _cursor_class()(raw)
    return kept


@functools.cache
def _cursor_class() -> Any:
    import psycopg

    class PreparingCursor(psycopg.Cursor[Any]):
        """A psycopg cursor that prepares at once what it executes."""

        def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
            return super().execute(query, params, prepare=True, **kwargs)

    return PreparingCursor
