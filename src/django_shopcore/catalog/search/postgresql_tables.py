"""What the search keeps in PostgreSQL: a function that folds text, a stored vector, two indexes."""

from __future__ import annotations

from typing import Any

from django.db import models

from django_shopcore.catalog.conf import app_settings

from .postgresql import COLUMN, FOLD, regconfig
from .text import ACCENTS, LETTERS, PUNCTUATION, SINGLE_LETTERS, UNSPACED

GAP = "shopcoregap"
# Letters of the folded description that are indexed. A vector holds 1 MB at most, and folding can make text longer.
MAX_INDEXED = 60_000


def _fold_body() -> str:
    text = f"translate(normalize($1, NFKD), '{SINGLE_LETTERS[0]}', '{SINGLE_LETTERS[1]}')"
    for letter, plain in LETTERS.items():
        text = f"replace({text}, '{letter}', '{plain}')"
    text = f"normalize({_replaced(text, f'[{ACCENTS}]+', '')}, NFC)"
    text = _replaced(text, f"([{UNSPACED}])", r" \1 ")
    # Most texts are ASCII, where only the punctuation goes.
    return _replaced(f"CASE WHEN octet_length($1) = length($1) THEN $1 ELSE {text} END", f"[{PUNCTUATION}]+", " ")


def _replaced(text: str, pattern: str, by: str) -> str:
    return f"""regexp_replace(({text}) COLLATE "C", '{pattern}', '{by}', 'g')"""


# Not STRICT, so that PostgreSQL inlines it into what writes a row. Parsed when it is made, so that no search_path
# changes what it means.
CREATE_FOLD = f"""
CREATE OR REPLACE FUNCTION {FOLD}(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {_fold_body()}
"""
# Another table, of a replaced model, may still use it.
DROP_FOLD = f"""
DO $$ BEGIN DROP FUNCTION IF EXISTS {FOLD}(text);
EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$
"""


def create_sql(connection: Any, model: type[models.Model]) -> list[str]:
    """Makes what is not there, and the column anew where it was made for another language."""
    state = State(connection, model)
    column = [] if state.made_for == made_for() else _column_sql(connection, model)
    return column + _index_sql(connection, model, state)


def rebuild_sql(connection: Any, model: type[models.Model]) -> list[str]:
    return _column_sql(connection, model) + _index_sql(connection, model, State(connection, model))


def _index_sql(connection: Any, model: type[models.Model], state: State) -> list[str]:
    quote, names = connection.ops.quote_name, index_names(model)
    concurrently = "" if connection.in_atomic_block else " CONCURRENTLY"
    create = f"CREATE INDEX{concurrently} IF NOT EXISTS {{}} ON {quote(model._meta.db_table)} USING gin ({{}})"
    statements = [f"DROP INDEX{concurrently} IF EXISTS {quote(name)}" for name in state.invalid]
    statements.append(create.format(quote(names["vector"]), COLUMN))
    if state.has_trigrams:
        folded = f"{FOLD}({_column(quote, model, 'name')})"
        statements.append(create.format(quote(names["trigram"]), f"{folded} gin_trgm_ops"))
    return statements


def _column_sql(connection: Any, model: type[models.Model]) -> list[str]:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    return [
        CREATE_FOLD,
        f"DROP INDEX IF EXISTS {quote(index_names(model)['trigram'])}",
        # One statement: no moment without the column.
        f"ALTER TABLE {table} DROP COLUMN IF EXISTS {COLUMN}, "
        f"ADD COLUMN {COLUMN} tsvector GENERATED ALWAYS AS ({_document(quote, model)}) STORED",
        f"COMMENT ON COLUMN {table}.{COLUMN} IS '{made_for()}'",
    ]


def drop_sql(connection: Any, model: type[models.Model]) -> list[str]:
    quote, names = connection.ops.quote_name, index_names(model)
    return [
        f"DROP INDEX IF EXISTS {quote(names['trigram'])}",
        f"ALTER TABLE {quote(model._meta.db_table)} DROP COLUMN IF EXISTS {COLUMN}",
        DROP_FOLD,
    ]


def missing(connection: Any, model: type[models.Model]) -> list[str]:
    state, names = State(connection, model), index_names(model)
    wanted = [names["vector"], *([names["trigram"]] if state.has_trigrams else [])]
    column = [] if state.made_for else [f"column {COLUMN}"]
    return column + [f"index {name}" for name in wanted if name not in state.valid]


def made_for() -> str:
    """What the column's comment says: by which function and for which language it was made."""
    return f"{FOLD} {app_settings.SEARCH_LANGUAGE}".replace("'", "")


def index_names(model: type[models.Model]) -> dict[str, str]:
    table = model._meta.db_table[:50]
    return {"vector": f"{table}_search", "trigram": f"{table}_trigram"}


def _column(quote: Any, model: type[models.Model], name: str) -> str:
    return str(quote(model._meta.get_field(name).column))  # type: ignore[union-attr]


def _document(quote: Any, model: type[models.Model]) -> str:
    name = f"{FOLD}({_column(quote, model, 'name')})"
    description = f"left({FOLD}({_column(quote, model, 'description')}), {MAX_INDEXED})"
    simple = {
        "A": f"to_tsvector('simple', {name})",
        # A phrase does not begin in the name and end in the description.
        "B": f"ts_delete(to_tsvector('simple', '{GAP} ' || {description}), '{GAP}')",
    }
    parts = [f"setweight({vector}, '{weight}')" for weight, vector in simple.items()]
    if app_settings.SEARCH_LANGUAGE != "simple":
        language = regconfig(app_settings.SEARCH_LANGUAGE)
        for text, (weight, vector) in zip((name, description), simple.items(), strict=True):
            stems = f"ts_delete(to_tsvector({language}, {text}), tsvector_to_array({vector}))"
            parts.append(f"setweight({stems}, '{weight}')")
    return " || ".join(parts)


class State:
    """What of it there is."""

    def __init__(self, connection: Any, model: type[models.Model]) -> None:
        table, names = connection.ops.quote_name(model._meta.db_table), list(index_names(model).values())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(col_description(attrelid, attnum), 'somebody') FROM pg_attribute "
                "WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped",
                [table, COLUMN],
            )
            self.made_for = next((comment for (comment,) in cursor.fetchall()), None)
            cursor.execute(
                "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                "WHERE i.indrelid = to_regclass(%s) AND c.relname = ANY(%s)",
                [table, names],
            )
            found = cursor.fetchall()
            cursor.execute("SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'")
            self.has_trigrams = bool(cursor.fetchall())
            cursor.execute("SELECT lower('Ж') = 'ж'")
            self.knows_case = cursor.fetchone()[0]
        self.valid = [name for name, valid in found if valid]
        self.invalid = [name for name, valid in found if not valid]


def problems(connection: Any, model: type[models.Model]) -> list[str]:
    state = State(connection, model)
    found = missing(connection, model)
    if state.made_for not in (None, made_for()):
        found.append(f"column {COLUMN} is made for {state.made_for}, not for {made_for()}: run shopcore_reindex")
    if not state.knows_case:
        found.append("the database's locale: it knows upper and lower case of ASCII letters only")
    if not state.has_trigrams:
        found.append("extension pg_trgm: no other spelling is suggested where nothing matches")
    return found
