"""Rows of a Shopify product export: adjacent records with the same handle are one product."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from ..csv_format import checked_path
from .cells import (
    UNCATEGORIZED,
    WHOLE_NUMBER,
    Cells,
    add_errors,
    check_width,
    places_of,
    read_image,
    read_money,
    warn_of_range,
)
from .html_text import html_to_text
from .own_format import KEEP, boolean
from .records import Record, Row
from .report import ImportReport

STATUSES = {"active": True, "draft": False, "archived": False, "unlisted": False}
KNOWN_COLUMN = re.compile(
    r"Handle|Title|Body \(HTML\)|Vendor|(Standard(ized)? )?Product (Category|Type)|Custom Product Type|Type|Tags"
    r"|Published|Status|Option\d (Name|Value|Linked To)|Variant .+|Image .+|Gift Card|SEO .+|Google Shopping / .+"
    r"|Cost per item|Unit Price .+|(Price|Compare At Price|Included) / .+|Collection|.*metafields?[.:].*",
    re.IGNORECASE,
)


@dataclass
class Variant:
    line: int
    price: Decimal | None
    compare_at_price: Decimal | None
    sku: str
    in_stock: bool


def read_rows(header: Record, records: Iterable[Record], report: ImportReport) -> Iterator[Row]:
    """One row for each product. Raises ``UnreadableFile`` for a header that makes no sense."""
    places = places_of(header, KNOWN_COLUMN, ("Handle", "Title"), report)
    lines = (Cells(record, places) for record in records)
    for handle, group in groupby(lines, key=lambda cells: cells.get("Handle") or ""):
        yield _product(handle, list(group), len(header.cells), report)


def _product(handle: str, lines: list[Cells], width: int, report: ImportReport) -> Row:
    row = Row(lines[0].record.line, slug=handle)
    check_width(row, lines, width)
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
    read_image(row, _first(lines, "Image Src"), report)
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
        add_errors(row, "category", exc, row.line)


def _read_published(row: Row, lines: list[Cells]) -> None:
    published: Any = KEEP
    try:
        published = boolean(_first(lines, "Published") or "")
    except ValidationError as exc:
        add_errors(row, "is_published", exc, row.line)
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
    warn_of_range(row, low, high, report)  # type: ignore[arg-type]
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
    line = cells.line
    price = read_money(row, "price", cells.get("Variant Price"), line)
    if not cells.get("Variant Price"):
        row.error("price", "required", _("The variant has no price."), line)
    return Variant(
        line,
        price,
        read_money(row, "compare_at_price", cells.get("Variant Compare At Price"), line),
        cells.get("Variant SKU") or "",
        _in_stock(row, cells, line),
    )


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
