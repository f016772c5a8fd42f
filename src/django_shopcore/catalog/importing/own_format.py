"""Rows of the catalogue's own CSV format: what our export writes, or a spreadsheet with some of its columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ValidationError

from django_shopcore.core.errors import flatten
from django_shopcore.core.parsers import GuardedJSONParser

from .. import get_product_model
from ..csv_format import READ_ONLY_COLUMNS, own_fields, restore, split_path
from ..serializers import product_serializer_class
from ..slugs import slug_base
from .records import Record, Row
from .report import ImportReport, UnreadableFile

KEEP = object()
BOOLEANS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}

Reader = Callable[[str], Any]


def required(cell: str) -> str:
    if not cell.strip():
        raise ValidationError(_("This field is required."), code="required")
    return cell


def optional(cell: str) -> str | None:
    return cell if cell.strip() else None


def boolean(cell: str) -> Any:
    if not cell.strip():
        return KEEP
    try:
        return BOOLEANS[cell.strip().lower()]
    except KeyError:
        raise ValidationError(_("Must be true or false."), code="invalid") from None


def json_value(cell: str) -> Any:
    """The same guard as for request bodies: depth, finite numbers, text that can be stored."""
    if not cell.strip():
        return KEEP
    try:
        return GuardedJSONParser().parse(io.BytesIO(cell.encode()))
    except APIException as exc:
        raise ValidationError(exc.detail, code="invalid") from None


READERS: dict[str, Reader] = {
    "slug": str.strip,
    "name": required,
    "sku": optional,
    "description": str,
    "price": required,
    "compare_at_price": optional,
    "category": required,
    "in_stock": boolean,
    "is_published": boolean,
    "image_url": optional,
    "metadata": json_value,
    "private_metadata": json_value,
}


def host_reader(field: Any) -> Reader:
    """How a field of the site's own serializer reads its cell: as text, which DRF's fields understand."""
    empty: Any = None if field.allow_null else "" if getattr(field, "allow_blank", False) else KEEP
    return lambda cell: cell if cell.strip() else empty


@dataclass(frozen=True)
class Column:
    place: int
    name: str
    read: Reader


def read_rows(header: Record, records: Iterable[Record], report: ImportReport) -> Iterator[Row]:
    """Rows by the columns of ``header``. Raises ``UnreadableFile`` when that makes no sense."""
    columns = _columns(header, report)
    for record in records:
        row = Row(record.line)
        if len(record.cells) > len(header.cells):
            row.error("", "extra_cells", _("There are more cells than columns."))
        else:
            _fill(row, columns, record.cells)
        yield row


def _columns(header: Record, report: ImportReport) -> list[Column]:
    serializer = product_serializer_class()(context={"complete": True})
    readers = READERS | {name: host_reader(field) for name, field in own_fields(serializer).items()}
    known = {*readers, *READ_ONLY_COLUMNS}
    columns: dict[str, Column | None] = {}
    for place, cell in enumerate(header.cells):
        name = cell.strip().lower() if cell.strip().lower() in known else cell.strip()
        if name and name in columns:
            raise UnreadableFile(header.line, "invalid_header", _("The column is there twice."), field=name)
        columns[name] = Column(place, name, readers[name]) if name in readers else None
        if name not in known:
            report.warn(header.line, name, "unknown_column", _("The column is unknown and was ignored."))
    if "slug" not in columns and "name" not in columns:
        message = _("The first line must name the columns, separated by commas: slug or name at least.")
        raise UnreadableFile(header.line, "invalid_header", message)
    return [column for column in columns.values() if column]


def _fill(row: Row, columns: list[Column], cells: list[str]) -> None:
    for column in columns:
        try:
            # Spreadsheets leave out empty cells at the end of a line.
            cell = cells[column.place] if column.place < len(cells) else ""
            value = column.read(restore(cell) if cell[:1] == "'" else cell)
            if column.name == "category":
                row.path = split_path(value)
            elif value is not KEEP:
                _put(row, column.name, value, bool(cell.strip()))
        except ValidationError as exc:
            for error in flatten(exc.detail, column.name):
                row.error(error["field"], error["code"], error["detail"])
    row.slug = row.values.pop("slug", "")
    name = row.values.get("name", "").strip()
    if row.slug:
        row.values["slug"] = row.slug
    elif name:
        row.slug = slug_base(name, get_product_model().slug_fallback)
    elif not row.errors:
        row.error("slug", "required", _("This field is required."))


def _put(row: Row, name: str, value: Any, is_filled: bool) -> None:
    extension, _, part = name.rpartition(".")
    if not extension:
        row.values[name] = value
        return
    row.extended.setdefault(extension, {})[part] = value
    if is_filled:
        row.filled.add(extension)
