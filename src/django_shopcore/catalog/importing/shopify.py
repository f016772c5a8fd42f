"""Rows of a Shopify product export: adjacent records with the same handle are one product."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from django_shopcore.core.errors import flatten
from django_shopcore.core.fields import MoneyField

from ..csv_format import checked_path
from .html_text import html_to_text
from .own_format import KEEP, boolean
from .records import Record, Row
from .report import ImportReport, UnreadableFile

UNCATEGORIZED = ("Uncategorized",)
STATUSES = {"active": True, "draft": False, "archived": False, "unlisted": False}
KNOWN_COLUMN = re.compile(
    r"Handle|Title|Body \(HTML\)|Vendor|(Standard(ized)? )?Product (Category|Type)|Custom Product Type|Type|Tags"
    r"|Published|Status|Option\d (Name|Value|Linked To)|Variant .+|Image .+|Gift Card|SEO .+|Google Shopping / .+"
    r"|Cost per item|Unit Price .+|(Price|Compare At Price|Included) / .+|Collection|.*metafields?[.:].*",
    re.IGNORECASE,
)
WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)

money = MoneyField(allow_null=True)
is_https = URLValidator(schemes=["https"])


@dataclass
class Cells:
    """The cells of one record by column; a column that the file lacks is ``None``."""

    record: Record
    places: dict[str, int]

    def get(self, column: str) -> str | None:
        place = self.places.get(column)
        if place is None:
            return None
        return self.record.cells[place].strip() if place < len(self.record.cells) else ""


@dataclass
class Variant:
    line: int
    price: Decimal | None
    compare_at_price: Decimal | None
    sku: str
    in_stock: bool


def read_rows(header: Record, records: Iterable[Record], report: ImportReport) -> Iterator[Row]:
    """One row for each product. Raises ``UnreadableFile`` for a header that makes no sense."""
    places = _places(header, report)
    lines = (Cells(record, places) for record in records)
    for handle, group in groupby(lines, key=lambda cells: cells.get("Handle") or ""):
        yield _product(handle, list(group), len(header.cells), report)


def _places(header: Record, report: ImportReport) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, cell in enumerate(header.cells):
        name = cell.strip()
        if name and name in places:
            raise UnreadableFile(header.line, "invalid_header", _("The column is there twice."), field=name)
        places[name] = place
        if not KNOWN_COLUMN.fullmatch(name):
            report.warn(header.line, name, "unknown_column", _("The column is unknown and was ignored."))
    for name in ("Handle", "Title"):
        if name not in places:
            raise UnreadableFile(header.line, "invalid_header", _("The column is missing."), field=name)
    return places


def _product(handle: str, lines: list[Cells], width: int, report: ImportReport) -> Row:
    row = Row(lines[0].record.line, slug=handle)
    for cells in lines:
        if len(cells.record.cells) > width:
            row.error("", "extra_cells", _("There are more cells than columns."), cells.record.line)
    if row.errors:
        return row
    if handle:
        row.values["slug"] = handle
    else:
        row.error("slug", "required", _("The handle is missing."))
    row.values["name"] = _first(lines, "Title")
    if not row.values["name"]:
        del row.values["name"]
        row.error("name", "required", _("This field is required."))
    body = _first(lines, "Body (HTML)")
    if body is not None:
        row.values["description"] = html_to_text(body)
    _read_category(row, lines)
    _read_published(row, lines)
    _read_variants(row, lines, report)
    _read_image(row, lines, report)
    if vendor := _first(lines, "Vendor"):
        row.extra_metadata["vendor"] = vendor
    if tags := _first(lines, "Tags"):
        row.extra_metadata["tags"] = [tag.strip() for tag in tags.split(",") if tag.strip()]
    return row


def _first(lines: list[Cells], column: str) -> str | None:
    """The first cell of the product in ``column`` that is not blank; ``None`` when there is no such column."""
    cells = [cells.get(column) for cells in lines]
    return next((cell for cell in cells if cell), cells[0])


def _read_category(row: Row, lines: list[Cells]) -> None:
    name = _first(lines, "Product Category") or _first(lines, "Type")
    try:
        if name:
            row.path = checked_path(name.split(" > "))
        elif name is None and _first(lines, "Product Category") is None:
            row.new_path = UNCATEGORIZED
        else:
            row.path = UNCATEGORIZED
    except ValidationError as exc:
        _errors(row, "category", exc, row.line)


def _read_published(row: Row, lines: list[Cells]) -> None:
    published: Any = KEEP
    try:
        published = boolean(_first(lines, "Published") or "")
    except ValidationError as exc:
        _errors(row, "is_published", exc, row.line)
    if status := _first(lines, "Status"):
        if status.lower() not in STATUSES:
            row.error("is_published", "invalid_choice", _("The status must be active, draft or archived."))
        else:
            published = STATUSES[status.lower()] and published in (True, KEEP)
    if published is not KEEP:
        row.values["is_published"] = published


def _read_variants(row: Row, lines: list[Cells], report: ImportReport) -> None:
    if lines[0].get("Variant Price") is None:
        return
    variants = [_variant(row, cells) for cells in lines if _is_variant(cells)]
    priced = [variant for variant in variants if variant.price is not None]
    if not priced:
        if not any(error["field"] == "price" for error in row.errors):
            row.error("price", "required", _("The product has no price."))
        return
    low, high = (pick(variant.price for variant in priced) for pick in (min, max))  # type: ignore[type-var]
    cheapest = [variant for variant in priced if variant.price == low]
    row.values["price"] = str(low)
    row.values["in_stock"] = any(variant.in_stock for variant in variants)
    if lines[0].get("Variant SKU") is not None:
        row.values["sku"] = next((variant.sku for variant in cheapest if variant.sku), None)
    if low != high:
        message = _("The variants cost from %(low)s to %(high)s; the lowest was taken.") % {"low": low, "high": high}
        report.warn(row.line, "price", "price_range", message)
    if lines[0].get("Variant Compare At Price") is None:
        return
    compare = cheapest[0].compare_at_price
    row.values["compare_at_price"] = None if compare is None else str(compare)
    if compare is not None and compare <= low:  # type: ignore[operator]
        row.values["compare_at_price"] = None
        message = _("The compare-at price %(price)s is not above the price and was dropped.") % {"price": compare}
        report.warn(cheapest[0].line, "compare_at_price", "compare_at_dropped", message)


def _is_variant(cells: Cells) -> bool:
    return any(cells.get(column) for column in ("Variant Price", "Variant SKU", "Option1 Value"))


def _variant(row: Row, cells: Cells) -> Variant:
    line = cells.record.line
    price = _money(row, "price", cells.get("Variant Price"), line)
    if not cells.get("Variant Price"):
        row.error("price", "required", _("The variant has no price."), line)
    return Variant(
        line,
        price,
        _money(row, "compare_at_price", cells.get("Variant Compare At Price"), line),
        cells.get("Variant SKU") or "",
        _in_stock(row, cells, line),
    )


def _money(row: Row, field: str, cell: str | None, line: int) -> Decimal | None:
    amount: Decimal | None = None
    try:
        amount = money.run_validation(cell or None)
    except ValidationError as exc:
        _errors(row, field, exc, line)
    return amount


def _in_stock(row: Row, cells: Cells, line: int) -> bool:
    tracker, quantity = cells.get("Variant Inventory Tracker"), cells.get("Variant Inventory Qty")
    # A blank tracker means that Shopify does not count this variant, whatever the quantity says.
    if tracker == "" or (tracker is None and quantity is None):
        return True
    if (cells.get("Variant Inventory Policy") or "").lower() == "continue":
        return True
    if quantity and not WHOLE_NUMBER.fullmatch(quantity):
        row.error("in_stock", "invalid", _("The inventory quantity must be a whole number."), line)
    # Not int(): thousands of digits are a number to the eye and an error to Python.
    return bool(re.fullmatch("0*[1-9][0-9]*", quantity or ""))


def _read_image(row: Row, lines: list[Cells], report: ImportReport) -> None:
    url = _first(lines, "Image Src")
    if url is None:
        return
    row.values["image_url"] = url or None
    try:
        if url:
            is_https(url)
    except DjangoValidationError:
        row.values["image_url"] = None
    if len(url) > 2000:
        row.values["image_url"] = None
    if url and row.values["image_url"] is None:
        report.warn(row.line, "image_url", "image_dropped", _("The image has no https address and was dropped."))


def _errors(row: Row, field: str, exc: ValidationError, line: int) -> None:
    for error in flatten(exc.detail, field):
        row.error(error["field"], error["code"], error["detail"], line)
