from __future__ import annotations

from typing import Any

from django.db import connections, models
from django.utils.module_loading import import_string

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.conf import app_settings

Rows = models.QuerySet[Any]


class SearchBackend:
    """How products are found. A site's own subclass is named in ``SHOPCORE_CATALOG_SEARCH_BACKEND``."""

    #: Whether the SQL of ``filter`` and ``rank`` is the same for every query, so that it may be made once and
    #: ``query`` be an expression. Otherwise ``query`` is what ``parse`` returned, at each request.
    compiles = False
    #: Where there are too many matches to sort: how many rows of the list are looked through for the first of them,
    #: by an expression, ``matches``. ``None`` leaves it to the database to find them.
    walk_bound: int | None = None

    def __init__(self, alias: str) -> None:
        self.alias = alias

    @property
    def rank_bound(self) -> int:
        """How many matches are ranked at most; where there are more, the list's own ordering is shown."""
        return app_settings.SEARCH_RANK_BOUND

    @property
    def variant(self) -> Any:
        """What the SQL depends on besides the query, such as a setting; compiled SQL is kept for each."""
        return None

    def parse(self, text: str) -> str | None:
        """What ``filter`` and ``rank`` take as the query; ``None`` where ``text`` holds nothing to search for."""
        return text.strip() or None

    def filter(self, queryset: Rows, query: Any) -> Rows:
        """The rows of ``queryset`` that match."""
        raise NotImplementedError

    def matches(self, query: Any) -> Any:
        """An expression that says of any row whether it matches; for a backend with a ``walk_bound``."""
        raise NotImplementedError

    def rank(self, query: Any) -> Any:
        """An expression of whole numbers, higher for better matches; asked only of rows that match."""
        raise NotImplementedError

    def matches_any(self, found: Rows) -> bool:
        """Whether there are rows. Not ``exists()``: for one row of many that it expects, PostgreSQL reads the table."""
        return found.order_by()[: self.rank_bound].count() > 0

    def suggest(self, queryset: Rows, text: str) -> str | None:
        """ "Did you mean": ``text`` with misspelt words replaced by words of ``queryset``, or ``None``.

        Asked only when nothing matched.
        """
        return None


def get_backend(alias: str) -> SearchBackend:
    """The search of the database ``alias``."""
    return _backend_class(alias)(alias)


def _backend_class(alias: str) -> type[SearchBackend]:
    if path := app_settings.SEARCH_BACKEND:
        chosen: type[SearchBackend] = import_string(path)
        return chosen
    if connections[alias].vendor == "postgresql":
        from .postgresql import PostgreSQLSearch

        return PostgreSQLSearch
    from .like import LikeSearch
    from .sqlite import SQLiteSearch, has_fts

    full_text = connections[alias].vendor == "sqlite" and has_fts(alias, get_product_model())
    return SQLiteSearch if full_text else LikeSearch


def search(queryset: Rows, text: str) -> Rows:
    """The rows of ``queryset`` that match ``text``, best match first, with ``search_rank``.

    Where none does, those of the text that was probably meant.
    """
    backend = get_backend(queryset.db)
    found = _ranked(backend, queryset, text)
    if found.query.is_empty() or backend.matches_any(found):
        return found
    meant = backend.suggest(queryset, text)
    return _ranked(backend, queryset, meant) if meant else found


def _ranked(backend: SearchBackend, queryset: Rows, text: str) -> Rows:
    query = backend.parse(text)
    if query is None:
        return queryset.none()
    ranked: Rows = backend.filter(queryset, query).annotate(search_rank=backend.rank(query))
    return ranked.order_by("-search_rank", f"-{queryset.model._meta.pk.name}")
