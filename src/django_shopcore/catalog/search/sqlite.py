"""SQLite's FTS5: words, prefixes and phrases in a table of its own beside the products."""

from __future__ import annotations

import sqlite3
from typing import Any

from django.db import connections, models
from django.db.models import BooleanField, F, Func, IntegerField, TextField, Value

from .base import Rows, SearchBackend
from .sqlite_tables import fts_name, missing, supports
from .text import Term, terms_of

WITHIN = " IN (SELECT rowid FROM {fts} WHERE {fts} MATCH "
# The hits are ranked once and not for each row; of a search that finds more, the rest counts as the worst.
MAX_RANKED = 10_000
RANK = """(1000000 * ({key} IN (SELECT rowid FROM {fts} WHERE {fts} MATCH '{{name}} : (' || {query} || ')'))
+ coalesce((WITH hits AS {materialized} (SELECT rowid AS hit, bm25({fts}, 10.0, 1.0) AS score FROM {fts}
WHERE {fts} MATCH {query} LIMIT {limit}) SELECT CAST(-score * 1000 AS integer) FROM hits WHERE hit = {key}), 0))"""
_ready: set[tuple[str, str]] = set()


def has_fts(alias: str, model: type[models.Model]) -> bool:
    """Whether the table is there. It is looked for until it is found."""
    connection = connections[alias]
    place = (str(connection.settings_dict["NAME"]), model._meta.db_table)
    if place not in _ready and supports(connection, model) and not missing(connection, model):
        _ready.add(place)
    return place in _ready


class SQLiteSearch(SearchBackend):
    compiles = True

    def parse(self, text: str) -> str | None:
        return " AND ".join(map(_phrase, terms_of(text))) or None

    def filter(self, queryset: Rows, query: Any) -> Rows:
        fts = connections[self.alias].ops.quote_name(fts_name(queryset.model))
        within = WITHIN.format(fts=fts)
        return queryset.filter(
            Func(F("pk"), _value(query), template="(%(expressions)s))", arg_joiner=within, output_field=BooleanField())
        )

    def rank(self, query: Any) -> Any:
        return Rank(F("pk"), _value(query))


class Rank(Func):
    """Matches in the name first; among them, and behind them, by BM25."""

    output_field = IntegerField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **kwargs: Any) -> Any:
        key, query = self.get_source_expressions()
        key_sql, _ = compiler.compile(key)
        sql, params = compiler.compile(query)
        fts = connection.ops.quote_name(fts_name(key.target.model))
        materialized = "MATERIALIZED" if sqlite3.sqlite_version_info >= (3, 35) else ""
        names = {"key": key_sql, "fts": fts, "query": sql, "materialized": materialized, "limit": MAX_RANKED}
        return RANK.format(**names), [*params, *params]


def _phrase(term: Term) -> str:
    """``term`` in the language of FTS5. Folded tokens hold no quotes."""
    return f'"{" ".join(term.tokens)}"' + (" *" if term.prefix else "")


def _value(query: Any) -> Any:
    return query if hasattr(query, "resolve_expression") else Value(query, output_field=TextField())
