"""Row locks hold until the transaction ends, on both databases."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from django_shopcore.catalog import get_category_model
from django_shopcore.core.locking import lock_rows
from tests.factories.catalog import CategoryFactory
from tests.parallel import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]


def elsewhere(call: Callable[[], Any]) -> Any:
    """What ``call`` answers in another connection, that does not wait for locks."""
    results: list[Any] = []

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                patience = "PRAGMA busy_timeout = 0" if connection.vendor == "sqlite" else "SET lock_timeout = '50ms'"
                cursor.execute(patience)
            results.append(call())
        except OperationalError as error:
            results.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join(20)
    return results[0]


def test_nobody_else_changes_a_locked_row_until_the_transaction_ends() -> None:
    model = get_category_model()
    row = CategoryFactory.create()
    mine = model.objects.filter(pk=row.pk)

    def change() -> int:
        return int(mine.update(slug="changed"))

    with transaction.atomic():
        assert [found.pk for found in lock_rows(mine)] == [row.pk]
        assert isinstance(elsewhere(change), OperationalError)
    assert elsewhere(change) == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="On SQLite a reader keeps writers from committing.")
def test_a_row_that_is_merely_read_is_not_locked() -> None:
    """The negative control of the test above."""
    row = CategoryFactory.create()
    mine = get_category_model().objects.filter(pk=row.pk)
    with transaction.atomic():
        assert len(list(mine)) == 1
        assert elsewhere(lambda: mine.update(slug="changed")) == 1


def read_and_write_at_once(read: Callable[[Any], Any]) -> list[Any]:
    """What four transactions make of one row that look at it first and change it a moment later."""
    mine = get_category_model().objects.filter(pk=CategoryFactory.create().pk)

    def change() -> int:
        with transaction.atomic():
            read(mine)
            time.sleep(0.02)
            return int(mine.update(slug="changed"))

    return at_once([change] * 4)


def test_transactions_that_lock_first_wait_for_each_other() -> None:
    assert read_and_write_at_once(lock_rows) == [1, 1, 1, 1]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Elsewhere a transaction may read first.")
def test_on_sqlite_transactions_that_read_first_fail() -> None:
    """The negative control of the test above."""
    all_have_read = Barrier(4)

    def read(rows: Any) -> None:
        list(rows)
        all_have_read.wait(timeout=10)

    assert any(isinstance(answer, OperationalError) for answer in read_and_write_at_once(read))


def test_the_rows_are_fresh_and_in_the_order_of_their_keys() -> None:
    model = get_category_model()
    rows = [CategoryFactory.create(name=name) for name in ("C", "A", "B")]
    with transaction.atomic():
        locked = lock_rows(model.objects.order_by("name"))
    assert [row.pk for row in locked] == sorted(row.pk for row in rows)


def test_no_row_is_no_lock() -> None:
    with transaction.atomic():
        assert lock_rows(get_category_model().objects.none()) == []
        assert lock_rows(get_category_model().objects.filter(name="nowhere")) == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite locks the whole database.")
def test_other_rows_stay_free() -> None:
    model = get_category_model()
    row, other = CategoryFactory.create(), CategoryFactory.create()
    with transaction.atomic():
        lock_rows(model.objects.filter(pk=row.pk))
        assert elsewhere(lambda: model.objects.filter(pk=other.pk).update(slug="free")) == 1
