"""What parsers of other shops' files share: cells by column, and values that become fields of a product."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from django_shopcore.core.errors import flatten
from django_shopcore.core.fields import MoneyField

from .records import Record, Row
from .report import ImportReport, UnreadableFile

UNCATEGORIZED = ("Uncategorized",)
WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)

money = MoneyField(allow_null=True)
is_https = URLValidator(schemes=["https"])


@dataclass
class Cells:
    """The cells of one record by column; a column that the file lacks is ``None``."""

    record: Record
    places: dict[str, int]

    @property
    def line(self) -> int:
        return self.record.line

    def get(self, column: str) -> str | None:
        place = self.places.get(column)
        if place is None:
            return None
        return self.record.cells[place].strip() if place < len(self.record.cells) else ""


def places_of(header: Record, known: re.Pattern[str], required: Iterable[str], report: ImportReport) -> dict[str, int]:
    """The place of each column. Raises ``UnreadableFile`` when one is there twice or a required one is missing."""
    places: dict[str, int] = {}
    for place, cell in enumerate(header.cells):
        name = cell.strip()
        if name and name in places:
            raise UnreadableFile(header.line, "invalid_header", _("The column is there twice."), field=name)
        places[name] = place
        if not known.fullmatch(name):
            report.warn(header.line, name, "unknown_column", _("The column is unknown and was ignored."))
    for name in required:
        if name not in places:
            raise UnreadableFile(header.line, "invalid_header", _("The column is missing."), field=name)
    return places


def check_width(row: Row, lines: Iterable[Cells], width: int) -> None:
    """Notes an error for each line that has more cells than the header."""
    for cells in lines:
        if len(cells.record.cells) > width:
            row.error("", "extra_cells", _("There are more cells than columns."), cells.line)


def read_money(row: Row, field: str, cell: str | None, line: int) -> Decimal | None:
    amount: Decimal | None = None
    try:
        amount = money.run_validation(cell or None)
    except ValidationError as exc:
        add_errors(row, field, exc, line)
    return amount


def read_image(row: Row, url: str | None, report: ImportReport) -> None:
    """Takes an https address; warns of any other. ``None`` leaves the field alone."""
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


def warn_of_range(row: Row, low: Decimal, high: Decimal, report: ImportReport) -> None:
    """Says that variants became one product, where that loses a price."""
    if low != high:
        message = _("The variants cost from %(low)s to %(high)s; the lowest was taken.") % {"low": low, "high": high}
        report.warn(row.line, "price", "price_range", message)


def add_errors(row: Row, field: str, exc: ValidationError, line: int) -> None:
    for error in flatten(exc.detail, field):
        row.error(error["field"], error["code"], error["detail"], line)
