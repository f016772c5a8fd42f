"""Notices the statements that write to watched tables, and announces them once they are committed.

Every connection of Django's carries a ``Watch``. What passes by it (``cursor.copy()`` of psycopg, a function or a
cascade inside the database) is announced by ``announce_change``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.db import connections, models, transaction

from . import leases
from .models import TableVersion

Models = Callable[[], type[models.Model]]

# In a statement that names a watched table; a lock or a comment may match as well, which costs an announcement.
WRITES = re.compile(r"\b(?:insert|update|delete|copy|merge|replace)\b")
# These may write to tables that they do not name.
OPAQUE = re.compile(r"(?:\A|;)(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:do|call|execute|truncate)\b", re.DOTALL)
# Longer statements are inserts of many rows: not worth remembering.
REMEMBERED = 4096

_watched: list[Models] = [lambda: TableVersion]


def watch(*getters: Models) -> None:
    """Has writes to the tables of these models announced; each is named by a function that returns it.

    For a table that ``TrackTable`` tracks. Call it in ``AppConfig.ready()``.
    """
    _watched.extend(getters)
    _forget_statements()


def _forget_statements() -> None:
    _table_names.cache_clear()
    _known_to_write.cache_clear()


def unwatch(model: type[models.Model]) -> None:
    """Takes back ``watch`` for ``model``. For tests."""
    _watched[:] = [getter for getter in _watched if getter() is not model]
    _forget_statements()


def is_watched(model: type[models.Model]) -> bool:
    """Whether writes to the model's table are announced."""
    return any(getter()._meta.db_table == model._meta.db_table for getter in _watched)


def watched_models() -> list[type[models.Model]]:
    return [getter() for getter in _watched]


def announce_change(using: str | None = None) -> None:
    """Announces a write that no statement of a Django cursor has made; inside a transaction at its commit.

    Call it after the write, and before the caller answers. Without it the write is noticed within
    ``SHOPCORE_CATALOG_CACHE_LEASE`` seconds.
    """
    install(transaction.get_connection(using)).changed()


def install(connection: Any, **kwargs: Any) -> Watch:
    """Receives ``connection_created``: gives the connection its ``Watch``, once."""
    for wrapper in connection.execute_wrappers:
        if isinstance(wrapper, Watch):
            return wrapper
    watch = Watch(connection)
    # In front: who leaves `connection.execute_wrapper()` takes the last one off, also if we came meanwhile.
    connection.execute_wrappers.insert(0, watch)
    connection.commit = watch.commit
    return watch


def install_everywhere() -> None:
    """For connections that were made before anybody listened."""
    for connection in connections.all(initialized_only=True):
        install(connection)


class Watch:
    """Sees every statement and every commit of one connection.

    The commit is wrapped, not followed by ``on_commit``: that runs after the callbacks of others, which may fail, and
    not at all where a site manages its transactions by hand.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._commit = connection.commit
        self._pending = False

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if not self._writes(sql):
            return execute(sql, params, many, context)
        try:
            return execute(sql, params, many, context)
        finally:
            # Also after an error: a connection that is lost may have carried the statement out.
            self.changed()

    def changed(self) -> None:
        """Announces now, or with the commit of the transaction at hand."""
        if self.connection.in_atomic_block or not self.connection.get_autocommit():
            self._pending = True
        else:
            leases.announce()

    def commit(self) -> None:
        try:
            self._commit()
        finally:
            if self._pending:
                self._pending = False
                leases.announce()

    def _writes(self, sql: Any) -> bool:
        if isinstance(sql, bytes):
            sql = sql.decode(errors="replace")
        elif not isinstance(sql, str):  # composed by psycopg.sql
            sql = sql.as_string(self.connection.connection)
        return _known_to_write(sql) if len(sql) < REMEMBERED else _may_write(sql)


def _may_write(text: str) -> bool:
    """Whether a statement may change a row of a watched table; in doubt it does."""
    text = text.lower()
    if OPAQUE.search(text):
        return True
    return any(name in text for name in _table_names()) and WRITES.search(text) is not None


_known_to_write = lru_cache(maxsize=512)(_may_write)


@lru_cache(maxsize=1)
def _table_names() -> list[str]:
    """The watched tables, without the schema that a site may have written before a name."""
    return [model()._meta.db_table.replace('"', "").rpartition(".")[2].lower() for model in _watched]
