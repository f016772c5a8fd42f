"""Versions with several writers at the same time: right, and nobody waits for anybody but at the commit."""

from __future__ import annotations

import random
import secrets
import time
from threading import Event

import pytest
from django.db import connection, transaction

from django_shopcore.catalog import get_category_model
from tests.core.versions import Act, counted, counts, product, products, rolled_back, rows, version
from tests.factories.catalog import CategoryFactory
from tests.parallel import at_once

__all__ = ["rows"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full", "swapped"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


def test_the_counters_are_right_after_writers_at_the_same_time(rows: None) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")

    def work(place: int) -> None:
        own = random.Random(seed + place)
        for _ in range(25):
            with transaction.atomic():
                for _ in range(own.randrange(1, 4)):
                    kind = own.randrange(5)
                    if kind < 2:
                        product(is_published=own.random() < 0.5).save()
                    elif kind == 2:
                        products().filter(slug__startswith=own.choice("0123456789abcdef")).delete()
                    elif kind == 3:
                        rolled_back(lambda: product().save())
                    else:
                        get_category_model().objects.create(name=secrets.token_hex(8))
                transaction.set_rollback(own.random() < 0.2)

    results = at_once([lambda place=place: work(place) for place in range(4)])
    # Deletes of the same rows in another order may deadlock by themselves; nothing else may fail.
    assert [result for result in results if result is not None and "deadlock" not in str(result)] == []
    assert counts() == counted()
    assert version(get_category_model()).total == get_category_model().objects.count()


def test_transactions_that_write_both_tables_in_opposite_orders_do_not_wait_for_each_other(rows: None) -> None:
    def write(first: Act, second: Act) -> Act:
        def work() -> None:
            for _ in range(30):
                with transaction.atomic():
                    first()
                    second()

        return work

    one, two = lambda: product().save(), lambda: CategoryFactory.create(name=secrets.token_hex(8))
    assert at_once([write(one, two), write(two, one)] * 2) == [None] * 4
    assert counts() == counted()


def test_a_commit_that_waits_for_a_referred_row_holds_no_version(rows: None) -> None:
    """An insert asks at its commit for the category, which a rename of the category keeps until its own."""
    first, second = CategoryFactory.create(), CategoryFactory.create()
    inserted, renamed = Event(), Event()

    def insert() -> None:
        with transaction.atomic():
            for category in (first, second):
                product(category=category).save()
            inserted.set()
            assert renamed.wait(10)

    def rename() -> None:
        assert inserted.wait(10)
        with transaction.atomic():
            get_category_model().objects.filter(pk=second.pk).update(slug="renamed")
            renamed.set()
            time.sleep(0.5)  # the other one is committing by now

    assert at_once([insert, rename]) == [None, None]
    assert counts() == counted() == (5, 5)


def test_writers_do_not_queue_behind_an_open_transaction_that_has_written(rows: None) -> None:
    written, others = Event(), Event()

    def slow() -> str:
        with transaction.atomic():
            product().save()
            written.set()
            assert others.wait(10), "the others had to wait for this transaction"
        return "committed last"

    def quick() -> str:
        assert written.wait(10)
        before = version().token
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '5s'")
        for _ in range(3):
            product().save()
        assert version().token != before
        others.set()
        return "committed first"

    assert at_once([slow, quick]) == ["committed last", "committed first"]
    assert counts() == counted() == (7, 7)
