"""Writes are noticed in whatever form they come, and no read after one returns what it replaced."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.core import leases
from django_shopcore.core.announcing import announce_change
from django_shopcore.core.response_cache import peek
from tests.core.cached_answers import CacheError, Reader, ScriptedCache, place, product, shared_only, tables

__all__ = ["place", "product"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="a statement of PostgreSQL's")


def by_hand(sql: str, *params: Any) -> None:
    product, category = tables()
    with connection.cursor() as cursor:
        cursor.execute(sql.format(product=product, category=category), params)


def save(product: Any) -> None:
    product.name = "new"
    product.save()


def update_many(product: Any) -> None:
    product.name = "new"
    get_product_model().objects.bulk_update([product], ["name"])


def create_many(product: Any) -> None:
    product.delete()
    new = get_product_model()(name="new", slug="new", price=1, category=product.category)
    get_product_model().objects.bulk_create([new])


def execute_many(product: Any) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {tables()[0]} SET name = %s", [["newer"], ["new"]])


def write_twice_in_a_transaction(product: Any) -> None:
    with transaction.atomic():
        get_product_model().objects.update(name="newer")
        with contextlib.suppress(CacheError), transaction.atomic():
            get_product_model().objects.update(name="never")
            raise CacheError
        get_product_model().objects.update(name="new")


def write_in_an_inner_block_only(product: Any) -> None:
    with transaction.atomic(), transaction.atomic():
        get_product_model().objects.update(name="new")


def fail_after_the_commit(product: Any) -> None:
    def fail() -> None:
        raise CacheError

    with contextlib.suppress(CacheError), transaction.atomic():
        transaction.on_commit(fail)
        get_product_model().objects.update(name="new")


def commit_by_hand(product: Any) -> None:
    transaction.set_autocommit(False)
    try:
        by_hand("UPDATE {product} SET name = 'new'")
        transaction.commit()
        assert leases.NONCE not in ScriptedCache.entries, "it does not wait for the callbacks"
    finally:
        transaction.set_autocommit(True)


def composed(product: Any) -> None:
    from psycopg import sql

    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("UPDATE {} SET name = 'new'").format(sql.Identifier(tables()[0])))
        cursor.execute(f"UPDATE {tables()[0]} SET name = 'new'".encode())


WRITES = [
    save,
    update_many,
    create_many,
    execute_many,
    write_twice_in_a_transaction,
    write_in_an_inner_block_only,
    fail_after_the_commit,
    lambda _: get_product_model().objects.update(name="new"),
    lambda _: by_hand("UPDATE {product} SET name = %s", "new"),
    lambda _: by_hand('/* a comment */ update "{product}" set name = %s', "new"),
    pytest.param(commit_by_hand, marks=POSTGRESQL),
    pytest.param(composed, marks=POSTGRESQL),
    pytest.param(
        lambda _: by_hand("WITH changed AS (UPDATE {product} SET name = 'new' RETURNING 1) SELECT * FROM changed"),
        marks=POSTGRESQL,
    ),
    pytest.param(
        lambda _: by_hand("DO $$ BEGIN EXECUTE 'UPDATE {product} SET name = ''new'''; END $$"), marks=POSTGRESQL
    ),
    pytest.param(
        lambda _: by_hand(
            "MERGE INTO {product} USING (SELECT 1) one ON true WHEN MATCHED THEN UPDATE SET name = 'new'"
        ),
        marks=POSTGRESQL,
    ),
]


@pytest.mark.parametrize("write", WRITES)
def test_no_read_after_a_write_returns_what_it_replaced(product: Any, write: Callable[[Any], None]) -> None:
    reader = Reader()
    assert [reader.read(), reader.read()] == ["old in shelf"] * 2
    write(product)
    assert peek("names") is None
    assert [reader.read(), reader.read()] == ["new in shelf"] * 2
    assert reader.computed == 2


@pytest.mark.parametrize(
    ("write", "left"),
    [
        (lambda: get_product_model().objects.all().delete(), " in shelf"),
        (lambda: get_category_model().objects.update(name="attic"), "old in attic"),
        pytest.param(lambda: by_hand("TRUNCATE {category} CASCADE"), " in ", marks=POSTGRESQL),
    ],
)
def test_neither_does_one_after_a_deletion_or_a_change_elsewhere(
    product: Any, write: Callable[[], Any], left: str
) -> None:
    reader = Reader()
    reader.read()
    write()
    assert (peek("names"), reader.read()) == (None, left)


@POSTGRESQL
@shared_only
@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_copy_is_announced_by_a_call(product: Any, in_transaction: bool) -> None:
    reader = Reader()
    reader.read()
    reader.read()
    category = tables()[1]
    columns = "name, slug, metadata, private_metadata, created_at"

    def copy() -> None:
        with connection.cursor() as cursor, cursor.copy(f"COPY {category} ({columns}) FROM STDIN") as rows:
            rows.write_row(["attic", "attic", "{}", "{}", "2026-01-01"])
        announce_change()

    if in_transaction:
        with transaction.atomic():
            copy()
            assert leases.NONCE in ScriptedCache.entries
    else:
        copy()
    assert peek("names") is None
    assert reader.read() == "old in attic,shelf"


@shared_only
def test_a_transaction_announces_once_and_one_that_was_rolled_back_does_not(product: Any) -> None:
    Reader().read()
    ScriptedCache.calls.clear()
    with transaction.atomic():
        for name in ("newer", "newest", "new"):
            get_product_model().objects.update(name=name)
    assert ScriptedCache.calls["delete"] == 1
    with contextlib.suppress(CacheError), transaction.atomic():
        get_product_model().objects.update(name="never")
        raise CacheError
    list(get_product_model().objects.all())
    by_hand("CREATE TABLE of_the_host (id integer)")
    by_hand("INSERT INTO of_the_host VALUES (1)")
    by_hand("DROP TABLE of_the_host")
    assert ScriptedCache.calls["delete"] == 1


@shared_only
@pytest.mark.parametrize("how", ["raises", "swallows its errors"])
@override_settings(SHOPCORE_CATALOG_CACHE_LEASE=1)
def test_a_write_that_cannot_be_announced_waits_the_leases_out(
    product: Any, how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> bool:
        if how == "raises":
            raise CacheError
        return False

    reader = Reader()
    reader.read()
    reader.read()
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        for name in ("delete", "add"):
            broken.setattr(ScriptedCache, name, fail)
        started = time.monotonic()
        get_product_model().objects.update(name="new")
        assert 1.1 < time.monotonic() - started < 2
    assert "A write could not be announced to the cache of responses: it waits up to 1.2 seconds." in caplog.messages
    # This cache still holds the nonce: that nobody trusts it is the lease's merit.
    assert leases.NONCE in ScriptedCache.entries
    assert (peek("names"), reader.read()) == (None, "new in shelf")


@shared_only
def test_without_the_waiting_somebody_would_read_the_old(product: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above."""
    reader = Reader()
    reader.read()
    reader.read()
    with monkeypatch.context() as broken:
        broken.setattr(ScriptedCache, "delete", lambda *args, **kwargs: False)
        broken.setattr(ScriptedCache, "add", lambda *args, **kwargs: False)
        broken.setattr(leases.time, "sleep", lambda seconds: None)
        get_product_model().objects.update(name="new")
    assert reader.read() == "old in shelf"
