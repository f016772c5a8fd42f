"""Many rows of one model written at once, in the fastest way that the database has and the model allows.

On PostgreSQL that is COPY and ``UPDATE … FROM``, on SQLite one prepared statement. Like ``bulk_create`` and
``bulk_update``, they do not call ``save()``. A model that needs more than columns with plain values (a queryset with
a ``bulk_create`` of its own, expressions, several tables) is written by Django's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any

from django.db import connections, models
from django.db.models import QuerySet

from .announcing import announce_change

# Whether COPY may do what INSERT does: not into a view, nor where rules or row security are to be obeyed. And where new
# keys come from, if this user may ask for some.
ABOUT_TABLE = """SELECT relkind IN ('r', 'p') AND NOT relhasrules AND NOT row_security_active(oid),
  CASE WHEN has_sequence_privilege(pg_get_serial_sequence(%s, %s), 'USAGE') THEN pg_get_serial_sequence(%s, %s) END
FROM pg_class WHERE oid = to_regclass(%s)
"""

SLICE = 100
# What these make of a value is never an expression.
PRE_SAVES = {kind.pre_save for kind in (models.Field, models.DateField, models.DateTimeField, models.TimeField)}
PRE_SAVES.add(models.FileField.pre_save)
# Values of these kinds are what the database gets: asking the field for each costs more than the rest of a row.
AS_THEY_ARE: dict[type, type] = {
    **dict.fromkeys((models.CharField, models.EmailField, models.SlugField, models.TextField, models.URLField), str),
    **dict.fromkeys((models.AutoField, models.BigAutoField, models.BigIntegerField, models.IntegerField), int),
    models.BooleanField: bool,
}


class BulkStore:
    """Writes rows of ``queryset``'s model to its database, within the caller's transaction.

    A context: what is left unfinished ends with it, or is given up with its error.
    """

    def __init__(self, queryset: QuerySet[Any]) -> None:
        self.queryset = queryset
        self.model = queryset.model
        self.connection = connections[queryset.db]
        self.quote = self.connection.ops.quote_name
        self.table = self.quote(self.model._meta.db_table)
        self.key: Any = self.model._meta.pk
        self._sequence: str | None = None
        self._copying = ExitStack()
        self.is_one_table = self.model._meta.concrete_fields == self.model._meta.local_concrete_fields

    def __enter__(self) -> BulkStore:
        return self

    def __exit__(self, *error: Any) -> None:
        copying, self._copying = self._copying, ExitStack()
        copying.__exit__(*error)

    def finish(self) -> None:
        """Waits for the end of the insert before, and raises what came of it."""
        self.__exit__(None, None, None)

    def insert(self, rows: list[Any], *, keys: bool = True) -> None:
        """Inserts new ``rows``, which have their keys then; without ``keys`` they may not, which saves asking for them.

        The server may still be at work afterwards, while its client does something else than to send statements:
        those come after ``finish``.
        """
        if not rows or not self._takes_columns or _have_expressions(rows):
            self.queryset.bulk_create(rows)
            return
        fields = self.model._meta.concrete_fields
        copies = self.connection.vendor == "postgresql"
        if not keys and self._makes_keys:
            fields = [field for field in fields if field is not self.key]
            (self._copy if copies else self._insert_each)(rows, fields)
            return
        if not self._give_keys(rows):
            self.queryset.bulk_create(rows)
            return
        (self._copy if copies else self._insert_staged)(rows, fields)
        for row in rows:
            row._state.adding, row._state.db = False, self.queryset.db

    def _insert_each(self, rows: list[Any], fields: Sequence[Any], table: str = "") -> None:
        names = ", ".join(self.quote(field.column) for field in fields)
        places = ", ".join(["%s"] * len(fields))
        values = zip(*(self._prepared(rows, field, add=True) for field in fields), strict=True)
        sql = f"INSERT INTO {table or self.table} ({names}) VALUES ({places})"  # noqa: S608 - names of the model
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, list(values))

    def _insert_staged(self, rows: list[Any], fields: Sequence[Any]) -> None:
        """By way of a table without triggers, since a full-text index is brought up to date with each statement."""
        names = ", ".join(self.quote(field.column) for field in fields)
        with self.connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE shopcore_rows AS SELECT {names} FROM {self.table} WHERE 1 = 0")  # noqa: S608 - names
            self._insert_each(rows, fields, "shopcore_rows")
            cursor.execute(f"INSERT INTO {self.table} ({names}) SELECT {names} FROM shopcore_rows")  # noqa: S608 - as above
            cursor.execute("DROP TABLE temp.shopcore_rows")

    def _copy(self, rows: list[Any], fields: Sequence[Any]) -> None:
        names = ", ".join(self.quote(field.column) for field in fields)
        with ExitStack() as copying:
            copying.enter_context(self.connection.wrap_database_errors)
            cursor = copying.enter_context(self.connection.cursor())
            copy = copying.enter_context(cursor.copy(f"COPY {self.table} ({names}) FROM STDIN"))
            for start in range(0, len(rows), SLICE):  # the server has work while the rest is made ready
                some = rows[start : start + SLICE]
                for values in zip(*(self._prepared(some, field, add=True) for field in fields), strict=True):
                    copy.write_row(values)
            self._copying = copying.pop_all()
        # No statement of a Django cursor: nobody else has seen it.
        announce_change(self.queryset.db)

    def _give_keys(self, rows: list[Any]) -> bool:
        """Whether all rows have a key; those of the database's own making are taken from its sequence."""
        missing = [row for row in rows if row.pk is None]
        if missing and self._sequence:
            with self.connection.cursor() as cursor:
                if self.connection.vendor == "postgresql":
                    cursor.execute("SELECT nextval(%s) FROM generate_series(1, %s)", [self._sequence, len(missing)])
                    keys = [key for (key,) in cursor.fetchall()]
                else:  # the transaction has the write lock
                    cursor.execute(
                        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s", [self._sequence]
                    )
                    [last] = cursor.fetchone()
                    keys = list(range(last + 1, last + 1 + len(missing)))
            for row, key in zip(missing, keys, strict=True):
                row.pk = key
        return not missing or self._sequence is not None

    def update(self, rows: list[Any], names: Collection[str]) -> None:
        """Writes the fields ``names`` of saved ``rows``, and those that are set with every change.

        A foreign key may be named by its field or by its attribute (``category_id``).
        """
        fields = [
            field
            for field in self.model._meta.concrete_fields
            if field.name in names or field.attname in names or _is_auto_now(field)
        ]
        if not fields:
            return
        columns = [self._prepared(rows, field, add=False) for field in fields]
        keys = [self.key.get_db_prep_save(row.pk, self.connection) for row in rows]
        write = {"postgresql": self._update_from, "sqlite": self._update_each}.get(self.connection.vendor)
        plain = all(map(self._is_plain, fields)) and not _have_expressions(rows)
        if write is None or not plain or not self.is_one_table or not self._is_djangos("bulk_update"):
            self.queryset.bulk_update(rows, [field.name for field in fields])
        else:
            write(fields, columns, keys)

    def _update_from(self, fields: list[Any], columns: list[list[Any]], keys: list[Any]) -> None:
        names = [self.quote(field.column) for field in fields]
        # Without the length in "varchar(255)": a cast would cut off what does not fit.
        types = [self.key.rel_db_type(self.connection), *(field.db_type(self.connection) for field in fields)]
        arrays = ", ".join(f"%s::{kind.split('(')[0]}[]" for kind in types)
        sets = ", ".join(f"{name} = fresh.{name}" for name in names)
        key = self.quote(self.key.column)
        # A key and a column never have one name.
        sql = (
            f"UPDATE {self.table} SET {sets} "  # noqa: S608 - names and types of the model
            f"FROM unnest({arrays}) AS fresh({', '.join([key, *names])}) WHERE {self.table}.{key} = fresh.{key}"
        )
        with self.connection.cursor() as cursor:
            cursor.execute(sql, [keys, *columns])

    def _update_each(self, fields: list[Any], columns: list[list[Any]], keys: list[Any]) -> None:
        sets = ", ".join(f"{self.quote(field.column)} = %s" for field in fields)
        sql = f"UPDATE {self.table} SET {sets} WHERE {self.quote(self.key.column)} = %s"  # noqa: S608 - as above
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, list(zip(*columns, keys, strict=True)))

    @property
    def _makes_keys(self) -> bool:
        """Whether the database gives a row its key where none is sent."""
        return isinstance(self.key, models.AutoField)

    @cached_property
    def _takes_columns(self) -> bool:
        """Whether rows can be written as plain columns; finds out where new keys come from."""
        fields = self.model._meta.concrete_fields
        ordinary = self.is_one_table and self._is_djangos("bulk_create")
        if not ordinary or not all(self._is_plain(field) and not _is_made_there(field) for field in fields):
            return False
        if self.connection.vendor == "sqlite":
            self._sequence = self.model._meta.db_table if self._makes_keys else None
            return True
        return self.connection.vendor == "postgresql" and self._can_copy()

    def _can_copy(self) -> bool:
        sequence = [self.table, self.key.column]
        with self.connection.cursor() as cursor:
            if not hasattr(cursor, "copy"):  # psycopg2
                return False
            cursor.execute(ABOUT_TABLE, [*sequence, *sequence, self.table])
            ordinary, self._sequence = cursor.fetchone() or (False, None)
        return bool(ordinary)

    def _is_djangos(self, method: str) -> bool:
        return getattr(type(self.queryset), method) is getattr(QuerySet, method)

    def _is_plain(self, field: Any) -> bool:
        """Whether the column takes its values as they are, and an array of them exists."""
        target = field.target_field if field.is_relation else field
        own_sql = hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")
        own_ways = type(target).db_type is not models.Field.db_type or type(field).pre_save not in PRE_SAVES
        return not own_sql and not own_ways and target.get_internal_type() in self.connection.data_types

    def _prepared(self, rows: list[Any], field: Any, *, add: bool) -> list[Any]:
        """What the database gets of ``field``, as a save would make it."""
        if type(field).pre_save is models.Field.pre_save:
            name = field.attname
            values = [getattr(row, name) for row in rows]
        else:
            values = [field.pre_save(row, add) for row in rows]
        prepare, connection = field.get_db_prep_save, self.connection
        kind = AS_THEY_ARE.get(type(field.target_field if field.is_relation else field))
        last = made = object()
        found = []
        for value in values:
            if type(value) is kind:
                found.append(value)
                continue
            if value is not last:  # many rows share a time, a default or a null
                last, made = value, prepare(value, connection)
            found.append(made)
        return found


def _is_made_there(field: Any) -> bool:
    """Whether the database makes the value, which the instance would not know after COPY."""
    return getattr(field, "generated", False) or field.has_db_default()


def _is_auto_now(field: Any) -> bool:
    return bool(getattr(field, "auto_now", False))


def _have_expressions(rows: Iterable[Any]) -> bool:
    kinds = {type(value) for row in rows for value in vars(row).values()}
    return any(hasattr(kind, "resolve_expression") for kind in kinds)
