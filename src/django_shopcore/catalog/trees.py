"""The category tree, kept in this process for as long as the table has the version it was read at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connections

from django_shopcore.core.execution import fetch
from django_shopcore.core.tracking import VERSIONS, is_versioned

from . import get_category_model

# Above this many categories the database walks the tree at each request.
LARGEST_TREE = 100_000


@dataclass(frozen=True)
class Tree:
    """``below`` holds the children of every category; ``token`` is the version of ``table`` it was read at."""

    table: str
    token: str
    below: dict[Any, list[Any]]

    def descendants(self, keys: Iterable[Any]) -> list[Any] | None:
        """``keys`` and everything beneath them, sorted; ``None`` if one is not in the tree."""
        found: dict[Any, None] = {}
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in self.below:
                return None
            if key not in found:
                found[key] = None
                waiting += self.below[key]
        return sorted(found)


_trees: dict[tuple[str, Any], Tree] = {}


def kept_tree(alias: str) -> Tree | None:
    """The tree as this process knows it, which may be an old one: what is read with it must bear its token."""
    if not is_versioned(alias):
        return None
    key = (alias, get_category_model())
    if key not in _trees:
        tree = _read(alias)
        if tree is not None:
            _trees[key] = tree
    return _trees.get(key)


def forget_tree(alias: str) -> None:
    _trees.pop((alias, get_category_model()), None)


def _read(alias: str) -> Tree | None:
    meta: Any = get_category_model()._meta
    quote = connections[alias].ops.quote_name
    table, key, parent = (
        quote(name) for name in (meta.db_table, meta.pk.column, meta.get_field("parent").column)
    )  # fmt: skip
    sql = (
        f'SELECT (SELECT token FROM {VERSIONS} WHERE "table" = %s), {key}, {parent} '  # noqa: S608 - quoted names
        f"FROM {table} LIMIT {LARGEST_TREE + 1}"
    )
    rows = fetch(alias, sql, [meta.db_table])
    if not rows or rows[0][0] is None or len(rows) > LARGEST_TREE:
        return None
    convert = _converter(meta.pk, alias)
    below: dict[Any, list[Any]] = {convert(row[1]): [] for row in rows}
    for _token, child, above in rows:
        if above is not None:
            below[convert(above)].append(convert(child))
    return Tree(meta.db_table, rows[0][0], below)


def _converter(field: Any, alias: str) -> Any:
    connection = connections[alias]
    expression = field.get_col(field.model._meta.db_table)
    converters = [*connection.ops.get_db_converters(expression), *field.get_db_converters(connection)]

    def convert(value: Any) -> Any:
        for converter in converters:
            value = converter(value, expression, connection)
        return value

    return convert if converters else lambda value: value
