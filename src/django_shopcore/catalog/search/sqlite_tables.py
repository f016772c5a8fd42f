"""What the search keeps in SQLite: an FTS5 table without content of its own, and triggers that fill it.

No view: one that names the table keeps Django from making the table anew when a field changes.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from .text import LETTERS, NOT_LATIN, SINGLE_LETTERS, UNSPACED_LETTERS, fold

EVENTS = ("insert", "update", "delete")
# Longer texts are found by their beginning.
MAX_INDEXED = 20_000

CREATE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS {fts} USING fts5"
    "(name, description, content='', tokenize='unicode61 remove_diacritics 2')"
)
INSERT = "INSERT INTO {fts}(rowid, name, description) VALUES (NEW.{key}, {new_name}, {new_description});"
DELETE = (
    "INSERT INTO {fts}({fts}, rowid, name, description) VALUES ('delete', OLD.{key}, {old_name}, {old_description});"
)
CHANGED = (
    "WHEN OLD.{key} IS NOT NEW.{key} OR OLD.{name} IS NOT NEW.{name} OR OLD.{description} IS NOT NEW.{description}"
)
TRIGGERS = {"insert": f"BEGIN {INSERT} END", "update": f"{CHANGED} BEGIN {DELETE} {INSERT} END"}
TRIGGERS["delete"] = f"BEGIN {DELETE} END"
EMPTY = "INSERT INTO {fts}({fts}) VALUES ('delete-all')"
FILL = "INSERT INTO {fts}(rowid, name, description) SELECT {key}, {row_name}, {row_description} FROM {table}"
LAST = len(SINGLE_LETTERS[0] + NOT_LATIN)
# One kind of letter after the other: as nested calls they are too deep for SQLite's parser.
REPLACED = """(WITH RECURSIVE replaced(kind, done) AS (
SELECT 0, {text} UNION ALL
SELECT kind + 1, replace(done, substr('{letters}', kind + 1, 1), substr('{plain}', kind + 1, 1))
FROM replaced WHERE kind < {last}
) SELECT done FROM replaced WHERE kind = {last})"""
# One letter after the other; those of scripts without blanks come out alone.
APART = """(WITH RECURSIVE letters(letter, rest) AS (
SELECT '', substr({text}, 1, {limit}) UNION ALL
SELECT substr(rest, 1, 1), substr(rest, 2) FROM letters WHERE rest <> ''
) SELECT group_concat(CASE WHEN letter GLOB '[{unspaced}]' THEN ' ' || letter || ' ' ELSE letter END, '')
FROM letters)"""


def fts_name(model: type[models.Model]) -> str:
    return f"{model._meta.db_table}_fts"


def supports(connection: Any, model: type[models.Model]) -> bool:
    """Whether the products' key can be a row's number, and FTS5 is compiled in."""
    if not isinstance(model._meta.pk, models.IntegerField):
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'")
        return cursor.fetchone() is not None


def create_sql(connection: Any, model: type[models.Model]) -> list[str]:
    if not supports(connection, model):
        return []
    names = _names(connection, model)
    triggers = [
        f"CREATE TRIGGER {trigger} AFTER {event} ON {names['table']} {TRIGGERS[event].format(**names)}"
        for event, trigger in _triggers(connection, model).items()
    ]
    return [
        *(f"DROP TRIGGER IF EXISTS {trigger}" for trigger in _triggers(connection, model).values()),
        *(statement.format(**names) for statement in (CREATE, EMPTY, FILL)),
        *triggers,
    ]


rebuild_sql = create_sql


def drop_sql(connection: Any, model: type[models.Model]) -> list[str]:
    triggers = [f"DROP TRIGGER IF EXISTS {trigger}" for trigger in _triggers(connection, model).values()]
    return [*triggers, f"DROP TABLE IF EXISTS {connection.ops.quote_name(fts_name(model))}"]


def missing(connection: Any, model: type[models.Model]) -> list[str]:
    if not supports(connection, model):
        return []
    triggers = [trigger.strip('"') for trigger in _triggers(connection, model).values()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE name = %s OR type = 'trigger' AND tbl_name = %s",
            [fts_name(model), model._meta.db_table],
        )
        present = {name for (name,) in cursor.fetchall()}
    return [
        *(f"trigger {trigger}" for trigger in triggers if trigger not in present),
        *([] if fts_name(model) in present else [f"table {fts_name(model)}"]),
    ]


def problems(connection: Any, model: type[models.Model]) -> list[str]:
    if not supports(connection, model):
        return ["FTS5 is not compiled in, or the key is no integer: every search looks at every product"]
    return missing(connection, model)


def _triggers(connection: Any, model: type[models.Model]) -> dict[str, str]:
    return {event: connection.ops.quote_name(f"{model._meta.db_table}_fts_{event}") for event in EVENTS}


def _names(connection: Any, model: type[models.Model]) -> dict[str, str]:
    quote, meta = connection.ops.quote_name, model._meta
    columns = {name: quote(meta.get_field(name).column) for name in ("name", "description")}  # type: ignore[union-attr]
    names = {"table": quote(meta.db_table), "fts": quote(fts_name(model)), "key": quote(meta.pk.column), **columns}
    for field, column in columns.items():
        for row, place in (("new", f"NEW.{column}"), ("old", f"OLD.{column}"), ("row", column)):
            names[f"{row}_{field}"] = _folded(place)
    return names


def _folded(text: str) -> str:
    """What ``text.fold`` does beyond the tokenizer: letters that are no accented ASCII, and scripts without blanks."""
    replaced = REPLACED.format(
        text=text, letters=SINGLE_LETTERS[0] + NOT_LATIN, plain=SINGLE_LETTERS[1] + fold(NOT_LATIN), last=LAST
    )
    for letter, plain in LETTERS.items():
        replaced = f"replace({replaced}, '{letter}', '{plain}')"
    apart = APART.format(text=replaced, limit=MAX_INDEXED, unspaced=UNSPACED_LETTERS)
    return (
        # Most texts are ASCII, which is told from the lengths much quicker than from the letters.
        f"CASE WHEN length({text}) = length(CAST({text} AS BLOB)) THEN {text} "
        f"WHEN {text} GLOB '*[{UNSPACED_LETTERS}]*' THEN {apart} "
        f"WHEN {text} GLOB '*[^\x01-~]*' THEN {replaced} ELSE {text} END"
    )
