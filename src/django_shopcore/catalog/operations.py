"""Migration operations for what only PostgreSQL can do; elsewhere they do nothing.

A site with a Product of its own adds them to a migration of its own::

    operations = [TrigramExtension(), SearchIndex("product")]
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, transaction
from django.db.migrations.operations.base import Operation

from .search import DOCUMENT


class TrigramExtension(Operation):
    """Installs ``pg_trgm`` where the database user may; where not, search forgives no typing errors."""

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


class SearchIndex(Operation):
    """A full-text index over name and description of ``model_name``.

    In a migration with ``atomic = False`` it is built without blocking writers: for a table in use.
    """

    reversible = True
    reduces_to_sql = True
    atomic = False

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def deconstruct(self) -> Any:
        return self.__class__.__name__, [self.model_name], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def _table(self, app_label: str, schema_editor: Any, state: Any) -> str | None:
        model = state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            return None
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return None
        return str(model._meta.db_table)

    def _index(self, schema_editor: Any, table: str) -> str:
        return str(schema_editor.quote_name(f"{table[:50]}_search"))

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        table = self._table(app_label, schema_editor, to_state)
        if table is None:
            return
        document = DOCUMENT.format(name='"name"', description='"description"')
        concurrently = "" if schema_editor.connection.in_atomic_block else "CONCURRENTLY"
        schema_editor.execute(
            f"CREATE INDEX {concurrently} IF NOT EXISTS {self._index(schema_editor, table)} "
            f"ON {schema_editor.quote_name(table)} USING gin (({document}))"
        )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        table = self._table(app_label, schema_editor, from_state)
        if table is not None:
            schema_editor.execute(f"DROP INDEX IF EXISTS {self._index(schema_editor, table)}")

    def describe(self) -> str:
        return f"Full-text index of {self.model_name} on PostgreSQL"
