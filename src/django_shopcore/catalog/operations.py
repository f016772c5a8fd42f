"""Migration operations for the product's and the category's table.

A site with models of its own adds them to a migration of its own::

    class Migration(migrations.Migration):
        atomic = False
        dependencies = [("shopcore_catalog", "0002_database"), ("goods", "0001_initial")]
        operations = [*category_operations("category"), *product_operations("product")]
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import models

from django_shopcore.core.operations import TableOperation, present_indexes
from django_shopcore.core.tracking import TrackTable

from .metadata_operations import MetadataIndex
from .search_operations import SearchIndex, TrigramExtension

__all__ = [
    "ListIndexes",
    "MetadataIndex",
    "SearchIndex",
    "TableOperation",
    "TrigramExtension",
    "category_operations",
    "product_operations",
]

ORDERINGS = ("created_at", "price", "name")


def category_operations(model_name: str) -> list[TableOperation]:
    """What a category's table needs besides its columns."""
    return [TrackTable(model_name)]


def product_operations(model_name: str) -> list[TableOperation]:
    """What a product's table needs besides its columns."""
    return [TrackTable(model_name, visible="is_published"), ListIndexes(model_name), SearchIndex(model_name)]


class ListIndexes(TableOperation):
    """Indexes for every ordering of products, also within a category and by stock"""

    def create_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        quote = connection.ops.quote_name
        postgresql = connection.vendor == "postgresql"
        concurrently = " CONCURRENTLY" if postgresql and not connection.in_atomic_block else ""
        statements = [
            f"DROP INDEX{concurrently} {quote(name)}"
            for name in present_indexes(connection, model, list_indexes(model), False)
        ]
        for name, columns in list_indexes(model).items():
            *keys, published = (quote(column) for column in columns)
            # The column of the filter that all public lists have: they count and skip without looking at the rows.
            covered = (
                f"({', '.join(keys)}) INCLUDE ({published})" if postgresql else f"({', '.join([*keys, published])})"
            )
            table = quote(model._meta.db_table)
            statements.append(f"CREATE INDEX{concurrently} IF NOT EXISTS {quote(name)} ON {table} {covered}")
        return statements

    def drop_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        return [f"DROP INDEX IF EXISTS {connection.ops.quote_name(name)}" for name in list_indexes(model)]

    def missing(self, connection: Any, model: type[models.Model]) -> list[str]:
        present = present_indexes(connection, model, list_indexes(model), True)
        return [f"index {name}" for name in list_indexes(model) if name not in present]


def list_indexes(model: type[models.Model]) -> dict[str, list[str]]:
    """The columns of each index by its name; the last one is not ordered by."""
    digest = hashlib.sha256(model._meta.db_table.encode()).hexdigest()[:8]
    meta: Any = model._meta
    indexes = {}
    for lead in ("", "category", "in_stock"):
        for ordering in ORDERINGS:
            names = [name for name in (lead, ordering, meta.pk.name, "is_published") if name]
            key = "_".join(name for name in (lead, ordering) if name)
            indexes[f"shopcore_{key}_{digest}"] = [meta.get_field(name).column for name in names]
    return indexes
