"""PostgreSQL's full text: a stored vector, prefixes and phrases, inflections where the language has a stemmer."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError, connections, transaction
from django.db.models import BooleanField, Func, IntegerField, TextField, Value

from django_shopcore.catalog.conf import app_settings

from .base import Rows, SearchBackend
from .text import MAX_WORDS, Term, replace_words, terms_of, words_in

COLUMN = "search_vector"
# The number goes up with every change of what it returns: stored vectors were made by it.
FOLD = "shopcore_fold_1"
# D, C, B, A: one mention in the name outweighs any number in the description.
WEIGHTS = "{0, 0, 0.05, 1}"
RANK_SCALE = 1_000_000  # ranks are whole numbers, so that a keyset cursor compares them exactly
AND = " & "
# Words this short are not taken for misspelt.
MIN_FUZZY_LENGTH = 4
# Near words first; the second is one wrong letter in a word of six, such as "labtop".
SIMILARITIES = (0.6, 0.4)
# Names that are looked at for the word that was meant.
MAX_SIMILAR_NAMES = 500
NEAREST = """SELECT word FROM (
SELECT DISTINCT unnest(string_to_array(lower(name), ' ')) AS word FROM ({names}) AS found(name)
) AS words WHERE length(word) >= %s ORDER BY similarity(word, %s) DESC, word LIMIT 1"""
# With a LIMIT the planner hopes to meet a match soon, and reads all names where there is none.
SUGGESTING = """SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true),
set_config('enable_indexonlyscan', 'off', true), set_config('statement_timeout', %s, true)
FROM pg_extension WHERE extname = 'pg_trgm'"""
# Each word as the beginning of a word as it is written, or as an inflection of the same stem.
STEMMED = """(SELECT string_agg('(' || CASE WHEN right(term, 2) = ':*'
THEN to_tsquery('simple', term) || to_tsquery({language}, left(term, -2)) ELSE to_tsquery('simple', term) END::text
|| ')', ' & ')::tsquery
FROM unnest(string_to_array(%(expressions)s, ' & ')) term WHERE numnode(to_tsquery('simple', term)) > 0)"""


class Vector(Func):
    """The stored column of the table that the field belongs to. Django's models do not know it."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **kwargs: Any) -> Any:
        [column] = self.get_source_expressions()
        return f"{connection.ops.quote_name(column.alias)}.{COLUMN}", []


class Matches(Func):
    template = "(%(expressions)s)"
    arg_joiner = " @@ "
    output_field = BooleanField()


class PostgreSQLSearch(SearchBackend):
    compiles = True
    walk_bound = 25_000
    #: Milliseconds that one statement of ``suggest`` may take; then there is no suggestion.
    suggest_timeout = 300

    @property
    def variant(self) -> str:
        return app_settings.SEARCH_LANGUAGE

    def parse(self, text: str) -> str | None:
        return AND.join(map(_operand, terms_of(text))) or None

    def filter(self, queryset: Rows, query: Any) -> Rows:
        return queryset.filter(Matches(Vector("pk"), _ts_query(query)))

    def matches(self, query: Any) -> Any:
        # The inner SELECT is evaluated once and not for each row; an index has no use for it.
        return Matches(Vector("pk"), _ts_query(query), template="(%(expressions)s))", arg_joiner=" @@ (SELECT ")

    def rank(self, query: Any) -> Any:
        # The inner SELECT is evaluated once and not for each row.
        template = f"(ts_rank('{WEIGHTS}', %(expressions)s)) * {RANK_SCALE})::integer"
        return Func(
            Vector("pk"), _ts_query(query), template=template, arg_joiner=", (SELECT ", output_field=IntegerField()
        )

    def suggest(self, queryset: Rows, text: str) -> str | None:
        try:
            with transaction.atomic(using=self.alias):
                meant = self._meant(queryset, text)
                # What was set for this goes with the rollback, in a transaction of the site's too.
                transaction.set_rollback(True, using=self.alias)
        except OperationalError:
            return None
        return replace_words(text, meant) if meant else None

    def _meant(self, queryset: Rows, text: str) -> dict[str, str]:
        """The misspelt words of ``text`` with those that were meant; nothing where one has none."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(SUGGESTING, [str(self.suggest_timeout)])
            if cursor.fetchone() is None:
                return {}
        meant: dict[str, str] = {}
        for word in list(dict.fromkeys(words_in(text)))[:MAX_WORDS]:
            query = self.parse(word)
            if query is None or self.matches_any(self.filter(queryset, query)):
                continue
            nearest = self._nearest(queryset, word) if len(word) >= MIN_FUZZY_LENGTH else None
            if nearest is None:
                return {}
            meant[word] = nearest
        return meant

    def _nearest(self, queryset: Rows, word: str) -> str | None:
        """The word of a name that is most like ``word``. The index finds the names, by an operator with a threshold."""
        similar = queryset.filter(Similar(Folded("name"), Value(word))).order_by()
        names = similar.values_list(Folded("name"))[:MAX_SIMILAR_NAMES]
        sql, params = names.query.get_compiler(using=self.alias).as_sql()
        with connections[self.alias].cursor() as cursor:
            for similarity in SIMILARITIES:
                cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(similarity)])
                cursor.execute(NEAREST.format(names=sql), [*params, MIN_FUZZY_LENGTH, word])
                if nearest := cursor.fetchone():
                    return str(nearest[0])
        return None


class Folded(Func):
    function = FOLD
    output_field = TextField()


class Similar(Func):
    template = "(%(expressions)s)"
    arg_joiner = " %%> "
    output_field = BooleanField()


def _operand(term: Term) -> str:
    """``term`` in the language of ``to_tsquery``. Folded tokens hold no quotes and no operators."""
    *head, last = term.tokens
    if not term.prefix:
        return f"'{' '.join(term.tokens)}'"
    return f"'{' '.join(head)}' <-> '{last}':*" if head else f"'{last}':*"


def _ts_query(query: Any) -> Func:
    expression = query if hasattr(query, "resolve_expression") else Value(query, output_field=TextField())
    language = app_settings.SEARCH_LANGUAGE
    template = "to_tsquery('simple', %(expressions)s)"
    if language != "simple":
        template = STEMMED.format(language=regconfig(language).replace("%", "%%"))
    return Func(expression, template=template, output_field=TextField())


def regconfig(language: str) -> str:
    return "'" + language.replace("'", "''") + "'::regconfig"
