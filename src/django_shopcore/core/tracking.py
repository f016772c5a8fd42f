"""Which state a table is in: a token that changes with every change of its rows, whoever makes it.

Triggers keep it, so that ``QuerySet.update()``, a bulk insert, an import, the admin and plain SQL count
alike. Tokens are random and never used twice: equal tokens mean equal rows, also after a restored backup.
The token is part of the same snapshot as the rows that a statement reads beside it.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import connections, models, router

from .execution import fetch
from .models import TableChange, TableVersion
from .operations import TableOperation

VERSIONS = TableVersion._meta.db_table
CHANGES = TableChange._meta.db_table
EVENTS = ("insert", "update", "delete")

PUBLISH = f"""
CREATE OR REPLACE FUNCTION shopcore_publish_change() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF NEW.is_whole IS NULL THEN
    IF NOT EXISTS (SELECT 1 FROM {CHANGES} WHERE id = NEW.id) THEN
      RETURN NULL;
    END IF;
    -- The sum of the transaction's changes. It comes here again after all else that waits for the commit: a foreign
    -- key that waits for a row meanwhile could wait for somebody who waits for the versions.
    WITH gone AS (
      DELETE FROM {CHANGES} WHERE id >= NEW.id AND "table" = NEW."table" AND is_whole IS NULL
      RETURNING id, total, visible
    ), emptied AS (SELECT coalesce(max(id), 0) AS id FROM gone WHERE total IS NULL)
    INSERT INTO {CHANGES} ("table", total, visible, is_whole)
      SELECT NEW."table", coalesce(sum(gone.total) FILTER (WHERE gone.id > emptied.id), 0),
        coalesce(sum(gone.visible) FILTER (WHERE gone.id > emptied.id), 0), emptied.id > 0
      FROM gone, emptied GROUP BY emptied.id;
    RETURN NULL;
  END IF;
  -- In one order, whatever the order of the writes: two transactions must not wait for each other here.
  PERFORM 1 FROM {VERSIONS} ORDER BY "table" FOR NO KEY UPDATE;
  DELETE FROM {CHANGES} WHERE id = NEW.id;
  UPDATE {VERSIONS} SET token = gen_random_uuid()::text,
    total = CASE WHEN NEW.is_whole THEN 0 ELSE total END + NEW.total,
    visible = CASE WHEN NEW.is_whole THEN 0 ELSE visible END + NEW.visible
  WHERE "table" = NEW."table";
  RETURN NULL;
END $$
"""  # noqa: S608 - names of ours
PUBLISH_TRIGGER = f"""
CREATE CONSTRAINT TRIGGER shopcore_publish AFTER INSERT ON {CHANGES}
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shopcore_publish_change()
"""

NOTE = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE rows bigint; shown bigint := 0; before bigint := 0;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO {changes} ("table") VALUES ({name});
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT count(*), count(*) FILTER (WHERE {visible}) INTO rows, shown FROM new_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT count(*), count(*) FILTER (WHERE {visible}) INTO rows, shown FROM new_rows;
    SELECT count(*) FILTER (WHERE {visible}) INTO before FROM old_rows;
  ELSE
    SELECT count(*), count(*) FILTER (WHERE {visible}) INTO rows, before FROM old_rows;
  END IF;
  IF rows > 0 THEN
    INSERT INTO {changes} ("table", total, visible) VALUES
      ({name}, CASE TG_OP WHEN 'INSERT' THEN rows WHEN 'DELETE' THEN -rows ELSE 0 END, shown - before);
  END IF;
  RETURN NULL;
END $$
"""
TRANSITION = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
    "truncate": "",
}

FIRST_ROW = """
INSERT INTO {versions} ("table", token, total, visible)
  SELECT {name}, {token}, (SELECT count(*) FROM {table}), (SELECT count(*) FROM {table} WHERE {visible})
  WHERE NOT EXISTS (SELECT 1 FROM {versions} WHERE "table" = {name})
"""
# Two plain statements: an upsert would obey the OR IGNORE of the statement that fired the trigger.
SQLITE_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {trigger} AFTER {event} ON {table} FOR EACH ROW BEGIN
  INSERT INTO {versions} ("table", token, total, visible)
    SELECT {name}, '', (SELECT count(*) FROM {table}) - ({added}),
      (SELECT count(*) FROM {table} WHERE {visible}) - ({shown})
    WHERE NOT EXISTS (SELECT 1 FROM {versions} WHERE "table" = {name});
  UPDATE {versions} SET token = lower(hex(randomblob(16))), total = total + ({added}), visible = visible + ({shown})
    WHERE "table" = {name};
END
"""


class PublishChanges(TableOperation):
    """Lets changes become versions at the commit"""

    def create_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        return [PUBLISH, PUBLISH_TRIGGER] if connection.vendor == "postgresql" else []

    def drop_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        if connection.vendor != "postgresql":
            return []
        return [
            f"DROP TRIGGER IF EXISTS shopcore_publish ON {CHANGES}",
            "DROP FUNCTION IF EXISTS shopcore_publish_change()",
        ]


class TrackTable(TableOperation):
    """Keeps a version of a table's rows and their number. ``visible`` names a boolean column to count as well."""

    def __init__(self, model_name: str, visible: str | None = None) -> None:
        super().__init__(model_name)
        self.visible = visible

    def deconstruct(self) -> Any:
        return self.__class__.__name__, [self.model_name], {"visible": self.visible}

    def create_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        if not _has_versions(connection):
            return []
        if connection.vendor == "postgresql":
            return self._postgresql(connection, model)
        return self._sqlite(connection, model) if connection.vendor == "sqlite" else []

    def drop_sql(self, connection: Any, model: type[models.Model]) -> list[str]:
        if connection.vendor not in ("postgresql", "sqlite") or not _has_versions(connection):
            return []
        names = self._names(connection, model)
        statements = ['DELETE FROM {versions} WHERE "table" = {name}'.format(**names)]  # noqa: S608
        if connection.vendor == "postgresql":
            statements += [f"DROP TRIGGER IF EXISTS {t} ON {names['table']}" for t in _triggers(model)]
            return [*statements, f"DROP FUNCTION IF EXISTS {names['function']}()"]
        return [*statements, *(f"DROP TRIGGER IF EXISTS {trigger}" for trigger in _triggers(model)[:3])]

    def missing(self, connection: Any, model: type[models.Model]) -> list[str]:
        return [part for part, present in self._parts(connection, model).items() if not present]

    def is_partly_there(self, connection: Any, model: type[models.Model]) -> bool:
        """Whether it was made once and something of it is gone."""
        parts = self._parts(connection, model).values()
        return any(parts) and not all(parts)

    def _parts(self, connection: Any, model: type[models.Model]) -> dict[str, bool]:
        table = model._meta.db_table
        if not _has_versions(connection):
            return {}
        if connection.vendor == "postgresql":
            wanted, known = _triggers(model), "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s)"
            name = connection.ops.quote_name(table)
        elif connection.vendor == "sqlite":
            wanted, known = (
                _triggers(model)[:3],
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
            )
            name = table
        else:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(known, [name])
            present = {name for (name,) in cursor.fetchall()}
        row = TableVersion.objects.using(connection.alias).filter(table=table).exists()
        return {**{f"trigger {trigger}": trigger in present for trigger in wanted}, f"row {table} of {VERSIONS}": row}

    def _names(self, connection: Any, model: type[models.Model]) -> dict[str, str]:
        quote = connection.ops.quote_name
        visible = quote(model._meta.get_field(self.visible).column) if self.visible else ""  # type: ignore[union-attr]
        return {
            "table": quote(model._meta.db_table),
            "name": "'" + model._meta.db_table.replace("'", "''") + "'",
            "function": f"shopcore_note_{_digest(model)}",
            "versions": VERSIONS,
            "changes": CHANGES,
            "visible": visible or ("true" if connection.vendor == "postgresql" else "1"),
        }

    def _postgresql(self, connection: Any, model: type[models.Model]) -> list[str]:
        names = self._names(connection, model)
        statements = [NOTE.format(**names)]
        for event, trigger in zip(TRANSITION, _triggers(model), strict=True):
            statements += [
                f"DROP TRIGGER IF EXISTS {trigger} ON {names['table']}",
                f"CREATE TRIGGER {trigger} AFTER {event} ON {names['table']} {TRANSITION[event]} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {names['function']}()",
            ]
        first = FIRST_ROW.format(**names, token="gen_random_uuid()::text")  # noqa: S106
        # One string is one transaction: no row may come between the count and the triggers' first change.
        lock = f"LOCK TABLE {names['table']} IN SHARE ROW EXCLUSIVE MODE"
        return [";\n".join([lock, *statements, first])]

    def _sqlite(self, connection: Any, model: type[models.Model]) -> list[str]:
        names = self._names(connection, model)
        new, old = (f"({row}.{names['visible']})" if self.visible else "1" for row in ("NEW", "OLD"))
        added, shown = (("1", "0", "-1"), (new, f"{new} - {old}", f"-{old}"))
        triggers = [
            SQLITE_TRIGGER.format(**names, trigger=trigger, event=event, added=count, shown=seen)
            for event, trigger, count, seen in zip(EVENTS, _triggers(model), added, shown, strict=False)
        ]
        return [*triggers, FIRST_ROW.format(**names, token="lower(hex(randomblob(16)))")]  # noqa: S106


def _has_versions(connection: Any) -> bool:
    """Whether versions belong into the database; a site's router may have them in another one."""
    return bool(router.allow_migrate_model(connection.alias, TableVersion))


def _digest(model: type[models.Model]) -> str:
    return hashlib.sha256(model._meta.db_table.encode()).hexdigest()[:12]


def _triggers(model: type[models.Model]) -> list[str]:
    return [f"shopcore_{event}_{_digest(model)}" for event in TRANSITION]


def tokens(alias: str) -> dict[str, str]:
    """The present token of every tracked table in the database ``alias``, by the table's name."""
    return dict(fetch(alias, f'SELECT "table", token FROM {VERSIONS}', [], prepare=True))  # noqa: S608 - a constant


_with_versions: dict[str, bool] = {}


def is_versioned(alias: str) -> bool:
    """Whether tokens read in the database ``alias`` now say which rows are read with them.

    Not within a transaction: its own changes become a version only when it commits.
    """
    connection = connections[alias]
    if connection.in_atomic_block or not connection.get_autocommit():
        return False
    if alias not in _with_versions:
        _with_versions[alias] = VERSIONS in connection.introspection.table_names()
    return _with_versions[alias]
