"""Rows of a django-oscar catalogue, dumped by the script in the documentation: a parent's children follow it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from .. import get_product_model
from ..conf import app_settings
from ..csv_format import Path, checked_path, join_path
from ..slugs import slug_base
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
from .own_format import KEEP, boolean, json_value
from .records import Record, Row
from .report import ImportReport

# What tells the format, and what no product can be read without.
REQUIRED = ("id", "structure", "parent_id", "title", "slug")
KNOWN_COLUMN = re.compile(
    "|".join(REQUIRED) + "|upc|description|categories|partner_sku|price|currency|track_stock|num_in_stock"
    "|num_allocated|is_public|image|attributes"
)
# Far above any stock, and far below what int() refuses.
MAX_DIGITS = 18


@dataclass
class Offer:
    """What a stock record says of a product or of a child."""

    price: Decimal | None
    sku: str
    in_stock: bool | None


def read_rows(header: Record, records: Iterable[Record], report: ImportReport) -> Iterator[Row]:
    """One row for each product that is no child. Raises ``UnreadableFile`` for a header that makes no sense."""
    places = places_of(header, KNOWN_COLUMN, REQUIRED, report)
    lines = (Cells(record, places) for record in records)
    for _key, group in groupby(lines, key=lambda cells: cells.get("parent_id") or cells.get("id")):
        yield _product(list(group), len(header.cells), report)


def _product(lines: list[Cells], width: int, report: ImportReport) -> Row:
    product, children = lines[0], lines[1:]
    row = Row(product.line)
    check_width(row, lines, width)
    _check_family(row, product, children)
    if row.errors:
        return row
    _read_names(row, product)
    if (body := product.get("description")) is not None:
        row.values["description"] = html_to_text(body)
    _read_categories(row, product, report)
    published = _boolean(row, "is_published", product, "is_public")
    if published is not KEEP:
        row.values["is_published"] = published
    _read_offers(row, product, children, report)
    read_image(row, product.get("image"), report)
    if upc := product.get("upc"):
        row.extra_metadata["upc"] = upc
    _read_attributes(row, product)
    return row


def _check_family(row: Row, product: Cells, children: list[Cells]) -> None:
    # Errors of the whole row: what else is wrong in such lines is not known.
    if product.get("parent_id"):
        row.error("", "orphan", _("The parent of a child must be right above it and its other children."))
    elif not product.get("id"):
        row.error("", "required", _("The id is missing."))
    for cells in children:
        if not cells.get("parent_id") and product.get("id"):
            detail = _("Line %(line)d has this product already.") % {"line": product.line}
            row.error("", "duplicate", detail, cells.line)


def _read_names(row: Row, product: Cells) -> None:
    title, slug = product.get("title"), product.get("slug")
    if title:
        row.values["name"] = title
    else:
        row.error("name", "required", _("This field is required."))
    if slug:
        row.slug = row.values["slug"] = slug
    elif title:
        row.slug = slug_base(title, get_product_model().slug_fallback)


def _read_categories(row: Row, product: Cells, report: ImportReport) -> None:
    cell = product.get("categories")
    if cell is None:
        row.new_path = UNCATEGORIZED
        return
    try:
        paths = [_path(names) for names in _json(cell, list)]
    except ValidationError as exc:
        add_errors(row, "category", exc, row.line)
        return
    row.path = paths[0] if paths else UNCATEGORIZED
    if paths[1:]:
        row.extra_metadata["categories"] = [join_path(path) for path in paths[1:]]
        message = _("The product is in several categories; the first was taken.")
        report.warn(row.line, "category", "several_categories", message)


def _path(names: Any) -> Path:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValidationError(_("A JSON list of paths, each a list of names, is required."), code="invalid")
    return checked_path(names or [""])


def _read_attributes(row: Row, product: Cells) -> None:
    try:
        if attributes := _json(product.get("attributes") or "", dict):
            row.extra_metadata["attributes"] = attributes
    except ValidationError as exc:
        add_errors(row, "attributes", exc, row.line)


def _json(cell: str, kind: type) -> Any:
    value = json_value(cell)
    if value is KEEP:
        return kind()
    if not isinstance(value, kind):
        raise ValidationError(_("The JSON is of another kind."), code="invalid")
    return value


def _read_offers(row: Row, product: Cells, children: list[Cells], report: ImportReport) -> None:
    if product.get("price") is None:
        return
    public = [cells for cells in children if _boolean(row, "is_published", cells, "is_public") is not False]
    # What nobody may buy still has a price.
    offers = [_offer(row, cells) for cells in public or children or [product]]
    priced = [offer for offer in offers if offer.price is not None]
    if not priced:
        return
    low, high = (pick(offer.price for offer in priced) for pick in (min, max))  # type: ignore[type-var]
    row.values["price"] = str(low)
    if product.get("partner_sku") is not None:
        cheapest = [offer for offer in priced if offer.price == low]
        row.values["sku"] = next((offer.sku for offer in cheapest if offer.sku), None)
    if any(offer.in_stock is not None for offer in offers):
        row.values["in_stock"] = any(offer.in_stock for offer in offers) and not (children and not public)
    warn_of_range(row, low, high, report)  # type: ignore[arg-type]


def _offer(row: Row, cells: Cells) -> Offer:
    price = read_money(row, "price", cells.get("price"), cells.line)
    if not cells.get("price"):
        row.error("price", "required", _("The product has no price."), cells.line)
    currency = cells.get("currency")
    if currency and currency != app_settings.CURRENCY:
        # The same number in another currency would be another price.
        given = {"currency": currency, "ours": app_settings.CURRENCY}
        message = _("The price is in %(currency)s, and SHOPCORE_CATALOG_CURRENCY is %(ours)s.") % given
        row.error("currency", "other_currency", message, cells.line)
    return Offer(price, cells.get("partner_sku") or "", _in_stock(row, cells))


def _in_stock(row: Row, cells: Cells) -> bool | None:
    if cells.get("num_in_stock") is None:
        return None
    if _boolean(row, "in_stock", cells, "track_stock") is False:
        return True
    numbers = []
    for column in ("num_in_stock", "num_allocated"):
        cell = cells.get(column) or "0"
        if not WHOLE_NUMBER.fullmatch(cell) or len(cell) > MAX_DIGITS:
            row.error("in_stock", "invalid", _("The inventory quantity must be a whole number."), cells.line)
            return False
        numbers.append(int(cell))
    in_stock, allocated = numbers
    return in_stock > allocated


def _boolean(row: Row, field: str, cells: Cells, column: str) -> Any:
    try:
        return boolean(cells.get(column) or "")
    except ValidationError as exc:
        add_errors(row, field, exc, cells.line)
        return KEEP
