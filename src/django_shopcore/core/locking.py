"""Row locks that hold on both databases."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models

M = TypeVar("M", bound=models.Model)


def lock_rows(queryset: models.QuerySet[M]) -> list[M]:
    """Locks the rows of ``queryset`` until the end of the transaction and returns them fresh, by key.

    PostgreSQL: ``SELECT … FOR UPDATE`` in key order, so that two callers cannot deadlock. SQLite has one
    write lock: an UPDATE that changes nothing takes it first, since a transaction that starts by reading
    fails with "database is locked" when another one writes meanwhile.
    """
    model = queryset.model
    if not connections[queryset.db].features.has_select_for_update:
        key = model._meta.pk.name
        queryset.order_by().update(**{key: models.F(key)})
        return list(queryset.order_by("pk"))
    return list(queryset.order_by("pk").select_for_update(of=("self",)))
