"""Search in names and descriptions: all words must match, best match first.

PostgreSQL: full text with prefixes, the name weighted above the description; where nothing matches, words
similar to those of the name (``pg_trgm``, where installed) forgive small typing errors. Other databases:
``LIKE`` on every word, products whose name holds more of the words first.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import add
from typing import Any

from django.db import connections, models
from django.db.models import Case, F, FloatField, Func, IntegerField, Q, TextField, Value, When
from django.db.models.functions import Cast, Coalesce

# ASCII punctuation separates words, on both sides of a match. Written into the index, so never changed alone.
PUNCTUATION = '!"#$&()*+,-./:;<=>?@[\\]^_`{|}~'
SPLIT = re.compile(r"[\s" + re.escape(PUNCTUATION + "'%") + "]+")
MAX_WORDS = 12
MIN_FUZZY_LENGTH = 4
# One wrong letter in a word of six, such as "labtop".
MIN_SIMILARITY = 0.4

_blank = PUNCTUATION.replace("'", "''").replace("{", "{{").replace("}", "}}")  # DOCUMENT is a template
DOCUMENT = (
    "(setweight(to_tsvector('simple'::regconfig, translate({name}, '"
    + _blank
    + "', '"
    + " " * len(PUNCTUATION)
    + "')), 'A')"
    " || setweight(to_tsvector('simple'::regconfig, translate({description}, '"
    + _blank
    + "', '"
    + " " * len(PUNCTUATION)
    + "')), 'B'))"
)
RANK_SCALE = 1_000_000  # ranks are whole numbers, so that a keyset cursor compares them exactly


def words_of(text: str) -> list[str]:
    """The words of a search text, lower case, at most ``MAX_WORDS``."""
    return [word for word in SPLIT.split(text.lower()) if word][:MAX_WORDS]


def search(queryset: models.QuerySet[Any], text: str) -> models.QuerySet[Any]:
    """The rows of ``queryset`` that match every word of ``text``, best match first, with ``search_rank``."""
    words = words_of(text)
    if not words:
        return queryset.none()
    if connections[queryset.db].vendor == "postgresql":
        found = _full_text(queryset, words)
        if not _has_trigrams(queryset.db) or found.exists():
            return found
        return _similar(queryset, words)
    return _like(queryset, words)


class Document(Func):
    """The weighted words of name and description, exactly as the index of ``SearchIndex`` holds them."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **kwargs: Any) -> Any:
        name, description = (compiler.compile(source)[0] for source in self.get_source_expressions())
        return DOCUMENT.format(name=name, description=description), []


class Matches(Func):
    template = "(%(expressions)s)"
    arg_joiner = " @@ "
    output_field = models.BooleanField()


def _ts_query(words: list[str]) -> Func:
    prefixes = " & ".join(f"'{word}':*" for word in words)
    return Func(Value(prefixes), template="to_tsquery('simple'::regconfig, %(expressions)s)", output_field=TextField())


def _ranked(queryset: models.QuerySet[Any], rank: Any) -> models.QuerySet[Any]:
    pk = queryset.model._meta.pk.name
    ranked: models.QuerySet[Any] = queryset.annotate(search_rank=rank)
    return ranked.order_by("-search_rank", f"-{pk}")


def _full_text(queryset: models.QuerySet[Any], words: list[str]) -> models.QuerySet[Any]:
    document, query = Document("name", "description"), _ts_query(words)
    rank = Func(document, query, function="ts_rank", output_field=FloatField())
    return _ranked(queryset.filter(Matches(document, query)), Cast(rank * RANK_SCALE, IntegerField()))


def _similar(queryset: models.QuerySet[Any], words: list[str]) -> models.QuerySet[Any]:
    similarities = []
    for word in words:
        if len(word) < MIN_FUZZY_LENGTH:
            queryset = queryset.filter(Matches(Document("name", "description"), _ts_query([word])))
            continue
        similarity = Func(Value(word), F("name"), function="word_similarity", output_field=FloatField())
        queryset = queryset.alias(_similarity=similarity).filter(_similarity__gte=MIN_SIMILARITY)
        similarities.append(similarity)
    if not similarities:
        return queryset.none()
    return _ranked(queryset, Cast(reduce(add, similarities) * RANK_SCALE, IntegerField()))


def _like(queryset: models.QuerySet[Any], words: list[str]) -> models.QuerySet[Any]:
    ranks: list[Any] = []
    for word in words:
        in_name = _contains("name", word)
        queryset = queryset.filter(in_name | _contains("description", word))
        starts = Q(name__istartswith=word)
        ranks.append(Case(When(starts, then=Value(3)), When(in_name, then=Value(2)), default=Value(0)))
    return _ranked(queryset, Coalesce(reduce(add, ranks), 0, output_field=IntegerField()))


def _contains(field: str, word: str) -> Q:
    """SQLite's LIKE knows the case of ASCII letters only, so the usual spellings of others are tried."""
    spellings = {word} if word.isascii() else {word, word.upper(), word.capitalize()}
    return reduce(lambda left, right: left | right, (Q(**{f"{field}__icontains": spelling}) for spelling in spellings))


_trigram_databases: set[str] = set()


def _has_trigrams(alias: str) -> bool:
    if alias not in _trigram_databases:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
            if cursor.fetchone():
                _trigram_databases.add(alias)
    return alias in _trigram_databases
