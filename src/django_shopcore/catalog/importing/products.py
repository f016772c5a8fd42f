"""Importing products from CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, Any

from django.db import router, transaction
from django.utils.translation import gettext as _

from django_shopcore.core.garbage import few_collections
from django_shopcore.core.writes import atomic_write

from .. import get_product_model, signals
from ..conf import app_settings
from . import oscar, own_format, shopify
from .records import Record, Row, read_records
from .report import ImportReport, UnreadableFile
from .writing import ProductWriter

# Older versions of SQLite take no more than 999 parameters.
CHUNK = 900
# Nobody corrects more before the next try; a small file can hold ten million wrong rows, minutes of work.
MAX_REJECTED = 10_000
FORMATS = {"shopcore": own_format.read_rows, "shopify": shopify.read_rows, "oscar": oscar.read_rows}


def import_products(
    stream: IO[bytes],
    *,
    format: str | None = None,
    dry_run: bool = False,
    actor: Any = None,
    progress: Callable[[int], object] | None = None,
) -> ImportReport:
    """Creates and updates products from the CSV in ``stream``, all of them or, when a row is wrong, none.

    ``format`` is ``"shopcore"`` (ours), ``"shopify"`` or ``"oscar"``; ``None`` tells them apart by the header. The
    slug is the key; where it is blank, the one that the name would get. Missing categories are made. A dry run does
    all the work and undoes it. ``progress`` is called with the number of products so far. When some ten thousand
    rows are wrong, the rest of the file is not read, and the last of ``errors`` has the code ``too_many_errors``.

    Sends ``products_imported``, and ``categories_created`` for new categories, when something was written.
    Raises ``UnreadableFile``, and ``Conflict`` when another request takes a slug or SKU at the same time.
    """
    report = ImportReport()
    model = get_product_model()
    records = read_records(stream)
    header = next(records, None)
    if header is None:
        raise UnreadableFile(1, "empty", _("The file is empty."))
    rows = FORMATS[format or detect_format(header)](header, records, report)
    with few_collections(), atomic_write(model), ProductWriter(report, actor) as writer:
        _write_all(rows, writer, progress)
        if dry_run or not report.ok:
            transaction.set_rollback(True, using=router.db_for_write(model))
        elif report.created or report.updated:
            announce_categories(writer.tree.created, actor)
            signals.products_imported.send(sender=model, report=report, actor=actor)
    return report


def _write_all(rows: Iterator[Row], writer: ProductWriter, progress: Callable[[int], object] | None) -> None:
    while True:
        # Read while the database is busy with the ones before.
        chunk = list(islice(rows, CHUNK))
        writer.finish()
        if progress and writer.report.total:
            progress(writer.report.total)
        if not chunk:
            return
        writer.write(chunk)
        if writer.report.rejected >= max(MAX_REJECTED, app_settings.MAX_REPORTED_ERRORS):
            writer.finish()
            writer.report.stop(chunk[-1].line)
            return


def detect_format(header: Record) -> str:
    """The format that the header's columns tell of."""
    columns = {cell.strip() for cell in header.cells}
    if columns >= {"Handle", "Title"}:
        return "shopify"
    return "oscar" if columns.issuperset(oscar.REQUIRED) else "shopcore"


def announce_categories(categories: list[Any], actor: Any) -> None:
    if categories:
        signals.categories_created.send(sender=type(categories[0]), categories=categories, actor=actor)
