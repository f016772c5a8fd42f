"""A read on a connection that has died, or whose prepared statements do not fit any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from rest_framework.test import APIClient

from django_shopcore.core.execution import fetch
from tests.catalog.plain_way import stock
from tests.catalog.shapes import PRODUCTS, path_of
from tests.parallel import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full", "swapped"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="there is no server that could end a connection"),
]
PREPARED = "SELECT statement FROM pg_prepared_statements"


@pytest.fixture
def preparing() -> Iterator[None]:
    """As with a ``prepare_threshold`` in ``OPTIONS``."""
    connection.close()
    connection.ensure_connection()
    connection.connection.prepare_threshold = 5
    yield
    connection.close()


def elsewhere(sql: str, *params: Any) -> None:
    """Runs ``sql`` on another connection."""

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)

    assert at_once([run]) == [None]


def pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def kill() -> int:
    """Ends this thread's connection, as a restarted server would; returns what it was."""
    victim = pid()
    elsewhere("SELECT pg_terminate_backend(%s)", victim)
    return victim


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(PREPARED)
        return [statement for (statement,) in cursor.fetchall() if statement != PREPARED]


@pytest.mark.parametrize("threshold", [None, 5])
def test_a_connection_that_died_between_two_requests_is_replaced(anonymous: APIClient, threshold: int | None) -> None:
    [row, *_] = stock()
    for url in (f"{PRODUCTS}?size=3", path_of(row), f"{PRODUCTS}?cursor=&in_stock=true"):
        connection.ensure_connection()
        connection.connection.prepare_threshold = threshold
        before = anonymous.get(url, HTTP_AUTHORIZATION="Unheard-of x")
        victim = kill()
        after = anonymous.get(url, HTTP_AUTHORIZATION="Unheard-of x")
        assert (after.status_code, after.content) == (200, before.content)
        assert pid() != victim
    connection.close()


def test_inside_a_transaction_it_is_an_error() -> None:
    def read() -> None:
        with transaction.atomic():
            kill()
            fetch("default", "SELECT 1", [])

    with pytest.raises((InterfaceError, OperationalError)):
        read()
    assert fetch("default", "SELECT 1", []) == [(1,)]


def test_without_autocommit_it_is_an_error_too() -> None:
    transaction.set_autocommit(False)
    try:
        kill()
        with pytest.raises((InterfaceError, OperationalError)):
            fetch("default", "SELECT 1", [])
    finally:
        connection.close()
    assert fetch("default", "SELECT 1", []) == [(1,)]


def test_another_error_is_raised_and_the_connection_stays() -> None:
    before = pid()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '50ms'")
    with pytest.raises(OperationalError, match="statement timeout"):
        fetch("default", "SELECT pg_sleep(5)", [])
    assert pid() == before
    connection.close()


@pytest.mark.usefixtures("preparing")
def test_a_prepared_statement_whose_table_has_changed_still_answers() -> None:
    elsewhere("CREATE TABLE changing (id integer, label integer)")
    try:
        elsewhere("INSERT INTO changing VALUES (1, 7)")
        sql = "SELECT label FROM changing WHERE id = %s"
        assert fetch("default", sql, [1], prepare=True) == [(7,)]
        assert len(prepared()) == 1
        elsewhere("ALTER TABLE changing ALTER COLUMN label TYPE text")
        assert fetch("default", sql, [1], prepare=True) == [("7",)]
        assert fetch("default", sql, [1], prepare=True) == [("7",)]
    finally:
        elsewhere("DROP TABLE changing")


def read_all(client: APIClient) -> None:
    [row, *_] = stock()
    for url in (PRODUCTS, f"{PRODUCTS}?cursor=", path_of(row)):
        for _ in range(8):
            assert client.get(url, HTTP_AUTHORIZATION="Unheard-of x").status_code == 200


def test_nothing_is_prepared_unless_the_site_lets_psycopg(anonymous: APIClient) -> None:
    read_all(anonymous)
    assert prepared() == []


@pytest.mark.usefixtures("preparing")
def test_where_it_does_lists_and_rows_are_prepared(anonymous: APIClient) -> None:
    read_all(anonymous)
    assert len(prepared()) >= 3
    assert all("$" in statement or "LIMIT" in statement for statement in prepared())
