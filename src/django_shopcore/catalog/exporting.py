"""The catalogue as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Generator
from typing import Any

from django.db import models

from django_shopcore.core.extensions import joined
from django_shopcore.core.fields import UTCDateTimeField

from . import get_category_model
from .csv_format import COLUMNS, join_path, neutralise, own_fields
from .serializers import product_serializer_class

CHUNK = 500

moment = UTCDateTimeField()


def export_products(queryset: models.QuerySet[Any]) -> Generator[str, None, None]:
    """The lines of a CSV file with the products of ``queryset``: a header, then one record each.

    Two queries, the first of them at once: the category tree, and the products, read piece by piece. Text that
    a spreadsheet would run as a formula gets an apostrophe in front, which our import takes off again. Fields of
    the site's own product serializer are columns at the end.
    """
    serializer = product_serializer_class()(context={"complete": True})
    return _lines(joined(queryset.select_related(None)), CategoryPaths(), own_fields(serializer))


class CategoryPaths:
    """The path of each category, as a cell, by its key."""

    def __init__(self) -> None:
        self.cells = self._load()

    def __getitem__(self, key: Any) -> str:
        if key not in self.cells:
            # Made since the tree was read.
            self.cells = self._load()
        return self.cells[key]

    def _load(self) -> dict[Any, str]:
        rows = get_category_model()._default_manager.order_by().values_list("pk", "name", "parent_id")
        nodes = {pk: (name, parent) for pk, name, parent in rows.iterator()}
        return {pk: join_path(_names(nodes, pk)) for pk in nodes}


def _names(nodes: dict[Any, tuple[str, Any]], key: Any) -> list[str]:
    names: list[str] = []
    # The bound is for a cycle, which only a write past the API can make.
    while key in nodes and len(names) < len(nodes):
        name, key = nodes[key]
        names.append(name)
    return names[::-1]


class _Line:
    """A file for ``csv.writer`` whose ``write`` returns what was written."""

    def write(self, text: str) -> str:
        return text


def _lines(queryset: models.QuerySet[Any], paths: CategoryPaths, fields: dict[str, Any]) -> Generator[str, None, None]:
    # RFC 4180: CRLF, quotes where needed.
    to_line: Callable[[list[str]], Any] = csv.writer(_Line()).writerow
    yield to_line([*COLUMNS, *fields])
    for product in queryset.iterator(chunk_size=CHUNK):
        cells = [_cell(product, name, paths) for name in COLUMNS]
        cells += [_own_cell(product, field) for field in fields.values()]
        yield to_line([neutralise(cell) for cell in cells])


def _cell(product: Any, name: str, paths: CategoryPaths) -> str:
    if name == "category":
        return paths[product.category_id]
    return _text(getattr(product, name))


def _own_cell(product: Any, field: Any) -> str:
    value = field.get_attribute(product)
    return _text(value if value is None else field.to_representation(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if hasattr(value, "tzinfo"):
        return str(moment.to_representation(value))
    return str(value)
