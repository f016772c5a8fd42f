"""Requests do not wait for a PostgreSQL that has stopped; statements that it works on, and commands, are left alone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.db import OperationalError, connection, connections
from django.db.utils import load_backend

from django_shopcore.core import breakers, waiting
from tests import servers
from tests.faults import FailingPostgres, Way, failing_postgres

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only"),
]

ENGINE, DJANGOS = "django_shopcore.core.postgresql", "django.db.backends.postgresql"
WITHIN = 3.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[FailingPostgres]:
    try:
        with failing_postgres() as server:
            yield server
    except servers.ServerError as error:
        pytest.skip(str(error))


@pytest.fixture
def way(postgres: FailingPostgres) -> Iterator[Way]:
    way = Way(postgres.port)
    yield way
    way.close()
    postgres.resume()


@pytest.fixture(autouse=True)
def request_at_hand() -> Iterator[None]:
    breakers.close_all()
    waiting.begin()
    yield
    waiting._end()
    breakers.close_all()


def connection_to(url: str, engine: str = ENGINE, **options: Any) -> Any:
    parts = urlsplit(url)
    return load_backend(engine).DatabaseWrapper(
        {
            **connections.settings["default"], "ENGINE": engine, "NAME": "postgres", "HOST": "127.0.0.1",
            "PORT": str(parts.port), "USER": parts.username, "PASSWORD": unquote(parts.password or ""),
            "OPTIONS": {"connect_timeout": 2, **options},
        },
        "failing",
    )  # fmt: skip


def ask(database: Any, statement: str = "SELECT 1") -> float:
    """How long it took; raises what the statement raised."""
    begin = time.monotonic()
    with database.cursor() as cursor:
        cursor.execute(statement)
    return time.monotonic() - begin


def fail(database: Any) -> float:
    """How long it took until a statement failed."""
    begin = time.monotonic()
    with pytest.raises(OperationalError):
        ask(database)
    database.close()
    return time.monotonic() - begin


def test_a_server_that_stops_fails_requests_in_time_then_at_once_and_is_used_when_it_goes_on(
    postgres: FailingPostgres, way: Way
) -> None:
    database = connection_to(postgres.url)
    ask(database)
    postgres.pause()
    assert 0.5 < fail(database) < WITHIN, "on a connection"
    assert [fail(database) < 0.2 for _ in range(3)] == [True] * 3, "not asked again so soon"
    time.sleep(breakers.PAUSE)
    assert fail(database) < 1.5, "a look whether it is back"
    postgres.resume()
    time.sleep(breakers.PAUSE)
    assert ask(database) < 1
    database.close()


def test_who_connects_for_the_first_time_fails_in_time_too(postgres: FailingPostgres, way: Way) -> None:
    database = connection_to(postgres.url)
    postgres.pause()
    assert fail(database) < WITHIN
    assert fail(database) < 0.2


def test_a_connection_that_idled_meanwhile_is_not_waited_for_as_long(postgres: FailingPostgres, way: Way) -> None:
    first, second = connection_to(postgres.url), connection_to(postgres.url)
    ask(first)
    ask(second)
    postgres.pause()
    fail(first)
    assert fail(second) < 1.5


def test_a_long_statement_is_not_cut(postgres: FailingPostgres) -> None:
    database = connection_to(postgres.url)
    assert ask(database, "SELECT pg_sleep(3.5)") > 3.4
    database.close()


def test_a_server_that_refuses_is_asked_by_each_request(postgres: FailingPostgres, way: Way) -> None:
    database = connection_to(postgres.url_by(way))
    ask(database)
    way.cut()
    database.close()
    assert fail(database) < 1
    way.mend()
    assert ask(database) < 1
    database.close()


def waits(database: Any, *, in_request: bool, postgres: FailingPostgres) -> bool:
    """Whether somebody waits for the server as long as it is paused, and gets the answer afterwards."""
    outcome: list[Any] = []
    connected = threading.Event()

    def work() -> None:
        if in_request:
            waiting.begin()
        ask(database)
        connected.set()
        time.sleep(0.3)
        try:
            outcome.append(ask(database))
        except OperationalError as error:
            outcome.append(error)
        database.close()

    database.inc_thread_sharing()
    thread = threading.Thread(target=work)
    thread.start()
    connected.wait(10)
    postgres.pause()
    thread.join(WITHIN + 0.5)
    waited = thread.is_alive()
    postgres.resume()
    thread.join()
    [found] = outcome
    return waited and isinstance(found, float)


def test_commands_wait_as_ever(postgres: FailingPostgres) -> None:
    assert waits(connection_to(postgres.url), in_request=False, postgres=postgres)


def test_with_djangos_own_engine_requests_wait_for_ever(postgres: FailingPostgres) -> None:
    """The negative control."""
    assert waits(connection_to(postgres.url, DJANGOS), in_request=True, postgres=postgres)
    assert not waits(connection_to(postgres.url), in_request=True, postgres=postgres)


def test_a_pool_of_connections_is_given_up_and_found_again_in_time(postgres: FailingPostgres) -> None:
    pool = {"min_size": 2, "max_size": 3, "timeout": 1.5, "reconnect_timeout": 2}
    database = connection_to(postgres.url, pool=pool)
    database.settings_dict.update(CONN_HEALTH_CHECKS=True, CONN_MAX_AGE=0)
    try:
        ask(database)
        database.close()
        postgres.pause()
        end = time.monotonic() + 8
        while time.monotonic() < end:  # long enough for the pool to lose heart
            assert fail(database) < WITHIN
            time.sleep(0.1)
        postgres.resume()
        begin = time.monotonic()
        while True:
            try:
                ask(database)
                break
            except OperationalError:
                database.close()
                assert time.monotonic() - begin < 5
                time.sleep(0.05)
        database.close()
    finally:
        postgres.resume()
        database.close_pool()


def test_a_listener_that_says_nothing_is_told_from_one_that_does() -> None:
    from django_shopcore.core.postgresql import silence

    with socket.create_server(("127.0.0.1", 0)) as listener:
        begin = time.monotonic()
        assert not silence.answers(("127.0.0.1", str(listener.getsockname()[1])))
        assert silence.PATIENCE - 0.1 < time.monotonic() - begin < silence.PATIENCE + 0.5
    assert not silence.answers(("127.0.0.1", "1"))
    assert not silence.answers(("/nowhere", "5432"))
