"""The statements that read rows by their keys, and the versions of the tables with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.models import F

from .execution import fetch
from .plans import Compiled, InList, ManySlot, Slot, bind
from .representation import Makers, Representation
from .statements import Rows, shown_columns, version_column


class RowStatement:
    """Reads the one row of ``queryset`` with a given primary key, and the tokens of the tables it is made of."""

    def __init__(self, queryset: Any, representation: Representation, versioned: bool) -> None:
        self.alias: str = queryset.db
        key = Slot("pk", queryset.model._meta.pk)
        shown = shown_columns(representation.lookups, representation.texts, connections[self.alias].vendor)
        rows = queryset.order_by().filter(pk=key).annotate(**shown).values_list(*shown)
        compiled = Compiled.of(rows, self.alias)
        assert compiled is not None  # noqa: S101
        self.compiled = compiled
        self.versions = sorted(compiled.tables) if versioned else []
        tokens = "".join(f"{version_column('token', table)}, " for table in self.versions)
        self.sql = f"SELECT {tokens}page.* FROM ({compiled.sql}) page" if tokens else compiled.sql
        self._makers = Makers(compiled.converters, len(self.versions))

    def run(self, key: Any, representation: Representation) -> Rows:
        bound = bind(self.compiled.params, {"pk": key}, connections[self.alias])
        result = Rows()
        for row in fetch(self.alias, self.sql, bound, prepare=True):
            tokens = dict(zip(self.versions, row, strict=False))
            result.tokens = tokens if self.versions and all(tokens.values()) else None
            result.rows = [self._makers.get(representation)(row)]
        return result


class KeysStatement:
    """Reads the rows of ``queryset`` with given primary keys, and the tokens of the tables ``versions``.

    ``kept``: whether it is to be used again, so that the server may prepare it.
    """

    def __init__(
        self,
        queryset: Any,
        lookups: tuple[str, ...],
        texts: frozenset[int],
        versions: tuple[str, ...] = (),
        *,
        kept: bool = False,
    ) -> None:
        self.alias, self.versions, self.kept = queryset.db, versions, kept
        shown, key = shown_columns(lookups, texts, connections[self.alias].vendor), queryset.model._meta.pk
        rows = queryset.order_by().annotate(_pk=F(key.name), **shown)
        rows = rows.filter(InList(F(key.name), ManySlot("keys", key)))
        compiled = Compiled.of(rows.values_list("_pk", *shown), self.alias)
        assert compiled is not None  # noqa: S101
        self.params = compiled.params
        self._key = [convert for index, convert in compiled.converters if index == 0]
        columns = [(index - 1, convert) for index, convert in compiled.converters if index]
        self._makers = Makers(columns, len(versions) + 1)
        tokens = "".join(f"{version_column('token', table)}, " for table in versions)
        self.sql = f"SELECT {tokens}page.* FROM ({compiled.sql}) page"

    def run(self, keys: Sequence[Any], representation: Representation) -> tuple[dict[str, str], dict[Any, Any]]:
        """The tokens, and the rows by their keys."""
        bound = bind(self.params, {"keys": keys}, connections[self.alias])
        raw = fetch(self.alias, self.sql, bound, prepare=self.kept)
        first, show = len(self.versions), self._makers.get(representation)
        tokens = dict(zip(self.versions, raw[0], strict=False)) if raw else {}
        return tokens, {self._converted(row[first]): show(row) for row in raw}

    def _converted(self, key: Any) -> Any:
        for convert in self._key:
            key = convert(key)
        return key
