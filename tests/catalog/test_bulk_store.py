"""Rows that are written by the set: COPY and ``UPDATE … FROM`` where they may, and what sends a site's model elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.importing import ImportReport, UnreadableFile, import_products
from django_shopcore.catalog.importing.products import CHUNK
from django_shopcore.core.models import TableVersion
from django_shopcore.core.storing import BulkStore
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.projects("full", "swapped", "swapped_both"), pytest.mark.django_db]

only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL has COPY.")

# What COPY's own text format gives a meaning, and what quotes end.
HOSTILE = [
    "\\N",
    "\\.",
    "a\tb",
    "a\\nb",
    "line\nline\r\n",
    "quote \" and ' and \\",
    "{1,2}",
    "NULL",
    "ü 😀 茶",
    "%s %(a)s",
]


class Insert(models.Func):
    """An expression that a site may set on a row."""

    function = "UPPER"


def rows_of(*names: str, **values: Any) -> list[Any]:
    category = CategoryFactory.create()
    model = get_product_model()
    return [
        model(name=name, slug=f"p-{number}", price=Decimal("1.50"), category=category, **values)
        for number, name in enumerate(names)
    ]


def store() -> BulkStore:
    return BulkStore(get_product_model()._default_manager.all())


def test_every_text_arrives_as_it_was() -> None:
    rows = rows_of(*HOSTILE, metadata={"a": [HOSTILE, None, True, 1.5]}, sku=None)
    with store() as writer:
        writer.insert(rows)
    found = get_product_model().objects.order_by("slug")
    assert {row.pk for row in rows} == {row.pk for row in found}
    assert [row.name for row in found] == HOSTILE
    assert all((row.sku, row.metadata["a"][0], row.currency) == (None, HOSTILE, "USD") for row in found)
    for row, saved in zip(rows, found, strict=True):
        assert (row.created_at, row.updated_at) == (saved.created_at, saved.updated_at)
        row.description = row.name
        row.metadata = {row.name: row.name}
        row.name = "Same"
    store().update(rows, {"name", "description", "metadata"})
    for saved, text in zip(get_product_model().objects.order_by("slug"), HOSTILE, strict=True):
        assert (saved.name, saved.description, saved.metadata) == ("Same", text, {text: text})


def test_an_update_sets_what_changes_with_every_save_and_nothing_else() -> None:
    row = ProductFactory.create(description="kept")
    before = row.updated_at
    row.price, row.description = Decimal("7.00"), "not named"
    store().update([row], {"price"})
    saved = get_product_model().objects.get(pk=row.pk)
    assert (saved.price, saved.description) == (Decimal("7.00"), "kept")
    assert saved.updated_at == row.updated_at > before


@only_postgresql
def test_a_text_that_is_too_long_is_an_error_and_not_cut_off() -> None:
    row = ProductFactory.create()
    row.name = "x" * 256
    with pytest.raises(Exception, match="too long"), transaction.atomic():
        store().update([row], {"name"})


def test_a_taken_slug_ends_the_insert_with_djangos_error() -> None:
    ProductFactory.create(slug="p-1")
    with pytest.raises(IntegrityError), transaction.atomic(), store() as writer:
        writer.insert(rows_of("a", "b"))
    assert get_product_model().objects.count() == 1


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_copied_rows_have_keys_and_count_in_the_tables_version() -> None:
    before = TableVersion.objects.get(table=table())
    with CaptureQueriesContext(connection) as captured, transaction.atomic(), store() as writer:
        writer.insert(rows_of("a", "b"))
    assert not [query for query in captured if query["sql"].startswith(f'INSERT INTO "{table()}"')]
    ProductFactory.create(name="the sequence goes on")
    after = TableVersion.objects.get(table=table())
    assert (get_product_model().objects.count(), after.total - before.total) == (3, 3)
    assert after.token != before.token


def table() -> str:
    return get_product_model()._meta.db_table


@only_postgresql
@pytest.mark.parametrize("reason", ["expression", "row security", "rule"])
def test_what_copy_could_not_do_is_inserted(reason: str) -> None:
    rows = rows_of("a", "b")
    with connection.cursor() as cursor:
        if reason == "expression":
            rows[1].name = Insert(models.Value("b"))
        elif reason == "rule":
            cursor.execute(f'CREATE RULE quiet AS ON DELETE TO "{table()}" DO ALSO NOTHING')
        else:
            cursor.execute(f'ALTER TABLE "{table()}" ENABLE ROW LEVEL SECURITY')
            cursor.execute(f'ALTER TABLE "{table()}" FORCE ROW LEVEL SECURITY')
            cursor.execute(f'CREATE POLICY everything ON "{table()}" USING (true)')
            cursor.execute("CREATE ROLE shopcore_limited")
            cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO shopcore_limited")
            cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO shopcore_limited")
            cursor.execute("SET LOCAL ROLE shopcore_limited")
    with CaptureQueriesContext(connection) as captured, store() as writer:
        writer.insert(rows)
    assert [query for query in captured if query["sql"].startswith(f'INSERT INTO "{table()}"')]
    assert {row.name for row in get_product_model().objects.all()} == {"a", "B" if reason == "expression" else "b"}
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


class Broken(io.RawIOBase):
    """A file that stops being UTF-8 in its second chunk."""

    def __init__(self) -> None:
        self.lines = self._lines()

    def _lines(self) -> Iterator[bytes]:
        yield b"name,price,category\n"
        for number in range(CHUNK + 10):
            yield f"Product {number},1.00,C\n".encode()
        yield b"\xff,1.00,C\n"

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self.lines, b"")


def test_a_file_that_breaks_off_while_the_database_is_busy_leaves_nothing() -> None:
    with pytest.raises(UnreadableFile):
        import_products(Broken())
    assert not get_product_model().objects.exists()


def test_a_progress_callback_may_use_the_database() -> None:
    counts: list[tuple[int, int]] = []
    lines = [b"name,price,category\n", *(f"Product {number},1.00,C\n".encode() for number in range(2 * CHUNK + 1))]
    report: ImportReport = import_products(
        io.BytesIO(b"".join(lines)),
        progress=lambda done: counts.append((done, get_product_model().objects.count())),
    )
    assert counts == [(CHUNK, CHUNK), (2 * CHUNK, 2 * CHUNK), (2 * CHUNK + 1, 2 * CHUNK + 1)]
    assert report.created == 2 * CHUNK + 1
    assert all(product.pk for product in report.first_created)
