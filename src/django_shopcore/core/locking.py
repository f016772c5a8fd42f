"""Locks that hold on both databases."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models, router

M = TypeVar("M", bound=models.Model)


def take_write_lock(model: type[models.Model]) -> None:
    """On SQLite, takes the database's one write lock for the transaction at hand; elsewhere does nothing.

    A SQLite transaction that reads first and writes later fails with "database is locked" when another one
    wrote meanwhile; one that starts with a write waits for its turn.
    """
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        # The keys' own table, which every database of Django's has. A table with a full-text index would not do: to
        # compile its triggers, a new connection reads the index first.
        cursor.execute("UPDATE sqlite_sequence SET seq = seq WHERE 1 = 0")


def lock_rows(queryset: models.QuerySet[M]) -> list[M]:
    """Locks the rows of ``queryset`` until the end of the transaction and returns them fresh, by key.

    The order lets two callers wait for each other but never deadlock. The lock leaves the key alone, so rows
    that refer to these can be inserted meanwhile.
    """
    queryset = queryset.order_by("pk").using(router.db_for_write(queryset.model))
    if connections[queryset.db].features.has_select_for_update:
        return list(queryset.select_for_update(of=("self",), no_key=True))
    take_write_lock(queryset.model)
    return list(queryset)
