"""What an import costs: queries for each chunk and not for each row, memory that does not grow with the file."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.exporting import export_products
from django_shopcore.catalog.importing import ImportReport, import_products
from django_shopcore.catalog.importing.products import CHUNK

pytestmark = [pytest.mark.projects("full", "swapped"), pytest.mark.django_db]


class Generated(io.RawIOBase):
    """A CSV file that is made while it is read: it takes no memory itself."""

    def __init__(self, count: int, price: str = "5.00") -> None:
        self.lines = self._lines(count, price)

    def _lines(self, count: int, price: str) -> Iterator[bytes]:
        yield b"slug,name,sku,price,category,description\n"
        for number in range(count):
            row = f"p-{number},Product {number},S{number},{price},A > B{number % 20},{'x' * 300}\n"
            yield row.encode()

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self.lines, b"")


def queries_of(**kwargs: Any) -> tuple[int, ImportReport]:
    with CaptureQueriesContext(connection) as captured:
        report = import_products(Generated(**kwargs))
    assert report.ok
    # How many rows fit one statement is the database's business.
    selects = [query for query in captured.captured_queries if query["sql"].startswith(("SELECT", "DECLARE"))]
    return len(selects), report


def test_each_chunk_reads_twice_however_many_rows_it_has() -> None:
    few, _report = queries_of(count=CHUNK)
    get_product_model().objects.all().delete()
    more, report = queries_of(count=4 * CHUNK)

    assert report.created == 4 * CHUNK
    # Where the database makes the keys, new ones are asked for as well.
    copies = connection.vendor == "postgresql"
    asks = get_product_model()._meta.pk.get_internal_type() != "UUIDField"
    # For the audit log, where it is installed, COPY is asked about anew.
    logs = copies and apps.is_installed("django_shopcore.audit")
    assert more - few == 3 * (2 + asks + logs)
    # The tree of categories is read once, who is to be told, and with COPY what kind of table it is.
    assert few == 2 + asks + logs + 1 + 1 + copies


def test_an_import_without_changes_only_reads() -> None:
    import_products(Generated(600))
    with CaptureQueriesContext(connection) as captured:
        report = import_products(Generated(600))

    assert report.unchanged == 600
    writes = [q["sql"] for q in captured.captured_queries if q["sql"].startswith(("INSERT", "UPDATE"))]
    # SQLite's write lock is taken by an update of no row.
    assert [sql for sql in writes if not sql.endswith("WHERE 1 = 0")] == []


def test_updates_are_written_by_the_set() -> None:
    import_products(Generated(1000))
    with CaptureQueriesContext(connection) as captured:
        report = import_products(Generated(1000, price="6.00"))

    assert report.updated == 1000
    assert len(captured) < 60
    assert get_product_model().objects.filter(price="6.00").count() == 1000


@override_settings(DEBUG=False)
def test_memory_does_not_grow_with_the_file() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            report = import_products(Generated(count), dry_run=True)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert report.created == count

    peak(CHUNK)
    # The first chunks differ by what happens to be alive at their fullest moment; from the fourth on that is settled.
    small, large = peak(4 * CHUNK), peak(12 * CHUNK)
    # The text of a row is 350 bytes; to remember its slug and its SKU with their lines in a dict took 200.
    assert large - small < 8 * CHUNK * 60


@override_settings(DEBUG=False)
def test_an_export_takes_two_queries_and_no_more_memory_for_more_rows() -> None:
    import_products(Generated(6000))
    with CaptureQueriesContext(connection) as captured:
        count = sum(1 for _line in export_products(get_product_model().objects.order_by("pk")))
    assert count == 6001
    assert len([query for query in captured.captured_queries if "SELECT" in query["sql"]]) == 2

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            for _line in export_products(get_product_model().objects.order_by("pk")[:count]):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(6000) - peak(1000) < 5000 * 100
