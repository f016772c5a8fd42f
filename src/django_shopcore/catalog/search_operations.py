"""Migration operations for the search: PostgreSQL's stored vector and its indexes, SQLite's FTS5 table."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, models, transaction
from django.db.migrations.operations.base import Operation

from django_shopcore.core.operations import TableOperation

from .search import postgresql_tables, sqlite_tables


class TrigramExtension(Operation):
    """Installs ``pg_trgm`` where the database user may; where not, search suggests no other spellings."""

    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        try:
            with transaction.atomic(using=schema_editor.connection.alias):
                schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError:
            return

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """The extension stays: something else may use it."""

    def describe(self) -> str:
        return "Install pg_trgm on PostgreSQL"


class SearchIndex(TableOperation):
    """What the search needs of a product's table"""

    def create_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        tables = _tables(connection)
        return tables.create_sql(connection, model) if tables else []

    def rebuild_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        """The statements that make it anew although it is there."""
        tables = _tables(connection)
        return tables.rebuild_sql(connection, model) if tables else []

    def drop_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        tables = _tables(connection)
        return tables.drop_sql(connection, model) if tables else []

    def missing(self, connection: Any, model: type[models.Model]) -> list[str]:
        tables = _tables(connection)
        return tables.missing(connection, model) if tables else []


def _tables(connection: Any) -> Any:
    return {"postgresql": postgresql_tables, "sqlite": sqlite_tables}.get(connection.vendor)
