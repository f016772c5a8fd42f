"""Migration operations for what Django's models cannot say: triggers, covering indexes, generated columns.

An operation works on one table, with SQL of its own for each database. ``missing`` says what of it a database
lacks: ``shopcore_doctor`` reports that, and on SQLite it is made again after a migration, since Django replaces
a whole table there when a field changes, and what its models do not know is lost with the old one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.migrations.operations.base import Operation, OperationCategory


class TableOperation(Operation):
    """Adds something to the table of ``model_name``. Does nothing on databases it has no SQL for.

    ``app_label.model_name`` is a model of another app, whose migrations come before by the migration's dependencies.

    In a migration with ``atomic = False`` indexes are built without blocking writers.
    """

    reversible = True
    reduces_to_sql = True
    atomic = False
    category = OperationCategory.ADDITION

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def deconstruct(self) -> Any:
        return self.__class__.__name__, [self.model_name], {}

    def create_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        """The statements that make it; each may be run again."""
        raise NotImplementedError

    def drop_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        raise NotImplementedError

    def missing(self, connection: Any, model: type[models.Model]) -> list[str]:
        """What of it the database lacks, in words."""
        raise NotImplementedError

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = self._model(app_label, schema_editor, to_state)
        for statement in self.create_sql(schema_editor.connection, model) if model else []:
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = self._model(app_label, schema_editor, from_state)
        for statement in self.drop_sql(schema_editor.connection, model) if model else []:
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        doc = (self.__class__.__doc__ or "").split(".")[0]
        return f"{doc} ({self.model_name})"

    def _model(self, app_label: str, schema_editor: Any, state: Any) -> Any:
        label, _, name = self.model_name.rpartition(".")
        model = state.apps.get_model(label or app_label, name)
        return model if self.allow_migrate_model(schema_editor.connection.alias, model) else None


def restore(connection: Any, model: type[models.Model], operations: list[TableOperation]) -> None:
    """Makes what ``operations`` made of ``model``'s table and the database has lost."""
    for operation in operations:
        if operation.missing(connection, model):
            with connection.cursor() as cursor:
                for statement in operation.create_sql(connection, model):
                    cursor.execute(statement)


def present_indexes(connection: Any, model: type[models.Model], wanted: Collection[str], valid: bool) -> list[str]:
    """Those of ``wanted`` that are there: the usable ones, or what an interrupted build has left."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                "WHERE i.indrelid = to_regclass(%s) AND i.indisvalid = %s",
                [connection.ops.quote_name(model._meta.db_table), valid],
            )
        elif not valid:
            return []
        else:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = %s", [model._meta.db_table]
            )
        return [name for (name,) in cursor.fetchall() if name in wanted]
