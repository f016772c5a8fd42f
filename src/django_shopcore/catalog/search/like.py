"""``LIKE`` on every word: where there is no full text, such as SQLite with products whose key is no integer."""

from __future__ import annotations

import re
from functools import reduce
from operator import add, or_
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce

from .base import Rows, SearchBackend
from .text import MAX_WORDS

_words = re.compile(r"[^\W_]+")


class LikeSearch(SearchBackend):
    def parse(self, text: str) -> str | None:
        return " ".join(_words.findall(text)[:MAX_WORDS]) or None

    def filter(self, queryset: Rows, query: Any) -> Rows:
        for word in query.split():
            queryset = queryset.filter(_contains("name", word) | _contains("description", word))
        return queryset

    def rank(self, query: Any) -> Any:
        ranks: list[Any] = []
        for word in query.split():
            starts, within = Q(name__istartswith=word), _contains("name", word)
            ranks.append(Case(When(starts, then=Value(3)), When(within, then=Value(2)), default=Value(0)))
        return Coalesce(reduce(add, ranks), 0, output_field=IntegerField())


def _contains(field: str, word: str) -> Q:
    """SQLite's LIKE knows the case of ASCII letters only, so the usual spellings of others are tried."""
    spellings = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    return reduce(or_, (Q(**{f"{field}__icontains": spelling}) for spelling in spellings))
