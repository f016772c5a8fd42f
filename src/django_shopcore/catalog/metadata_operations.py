"""The index that makes filtering by a key of ``metadata`` fast on PostgreSQL."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import models

from django_shopcore.core.operations import TableOperation, present_indexes

COLUMN = "metadata"
MAX_VALUE = 255
# Of each value so much is indexed, since an index takes no long texts: one more character than is asked for.
INDEXED = MAX_VALUE + 1


def key_literal(key: str) -> str:
    """``key`` in SQL. Not a parameter: the planner is to see that an index is on this key."""
    return "'" + key.replace("'", "''") + "'"


class MetadataIndex(TableOperation):
    """Lets PostgreSQL filter products by a key of their metadata without reading all of them.

    One for each key in ``SHOPCORE_CATALOG_METADATA_FILTERS``. ``model_name`` is ``"shopcore_catalog.product"``, or
    that of the site's own Product. Nothing on SQLite, which reads all rows.
    """

    def __init__(self, model_name: str, key: str) -> None:
        super().__init__(model_name)
        self.key = key

    def deconstruct(self) -> Any:
        return self.__class__.__name__, [self.model_name, self.key], {}

    def create_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        if connection.vendor != "postgresql":
            return []
        quote, name = connection.ops.quote_name, metadata_index(model, self.key)
        concurrently = "" if connection.in_atomic_block else " CONCURRENTLY"
        meta: Any = model._meta
        order = ", ".join(quote(column.column) for column in (meta.get_field("created_at"), meta.pk))
        value = f"left({quote(meta.get_field(COLUMN).column)} ->> {key_literal(self.key)}, {INDEXED})"
        left_over = present_indexes(connection, model, [name], False)
        return [
            *(f"DROP INDEX{concurrently} {quote(old)}" for old in left_over),
            f"CREATE INDEX{concurrently} IF NOT EXISTS {quote(name)} ON {quote(meta.db_table)} (({value}), {order})",
        ]

    def drop_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        if connection.vendor != "postgresql":
            return []
        return [f"DROP INDEX IF EXISTS {connection.ops.quote_name(metadata_index(model, self.key))}"]

    def missing(self, connection: Any, model: type[models.Model]) -> list[str]:
        if connection.vendor != "postgresql":
            return []
        name = metadata_index(model, self.key)
        return [] if present_indexes(connection, model, [name], True) else [f"index {name}"]

    def describe(self) -> str:
        return f"Indexes a key of the metadata ({self.model_name}, {self.key})"


def metadata_index(model: type[models.Model], key: str) -> str:
    """The name of a key's index."""
    return f"shopcore_metadata_{hashlib.sha256(f'{model._meta.db_table} {key}'.encode()).hexdigest()[:12]}"
