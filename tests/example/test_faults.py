"""The site under gunicorn while its Redis and its PostgreSQL fail; what it waits for is real, and so are the faults."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.example.site import PRODUCTION, Answer, Server, Site, free_port
from tests.faults import FailingPostgres, FailingRedis, Way, failing_postgres

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(sys.platform != "linux", reason="gunicorn, and a /proc"),
]

PRODUCTS, LOGIN, LIVE, READY = "/api/v1/products/", "/api/v1/auth/login/", "/healthz/live", "/healthz/ready"
CREDENTIALS = {"email": "somebody@example.com", "password": "not-the-password"}
FILL = """
from django_shopcore.catalog import get_category_model, get_product_model
category = get_category_model().objects.create(name="shelf")
get_product_model().objects.create(name="lamp", price=10, category=category)
"""
# What the issue promises, and what a busy machine takes besides.
UNAVAILABLE_WITHIN, BACK_WITHIN = 3.0, 5.0
WORKERS = {"sync": (), "gthread": ("--threads", "4")}
POOLS = {"kept": "", "pool": "?pool=4"}


@dataclass
class Shop:
    server: Server
    postgres: FailingPostgres
    redis: FailingRedis
    way: Way

    def log(self, *words: str) -> list[str]:
        """The log lines with all these words."""
        lines = self.server.log.read_text().splitlines()
        return [line for line in lines if all(word in line for word in words)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[FailingPostgres]:
    try:
        with failing_postgres() as server:
            yield server
    except servers.ServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=WORKERS)
def worker(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=POOLS)
def shop(
    request: pytest.FixtureRequest, worker: str, postgres: FailingPostgres, tmp_path: Any, fresh_site: Site
) -> Iterator[Shop]:
    with ExitStack() as stack:
        try:
            redis = FailingRedis(tmp_path)
        except servers.ServerError as error:
            pytest.skip(str(error))
        stack.callback(redis.kill)
        way = Way(redis.port)
        stack.callback(way.close)
        name = f"shop_{free_port()}"
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        address = postgres.url.rpartition("/")[0]
        variables = {
            **PRODUCTION,
            "DATABASE_URL": f"{address}/{name}{POOLS[request.param]}",
            "REDIS_URL": way.url,
            "SHOPCORE_ACCOUNTS_LOGIN_RATE": "5/m",
        }
        assert fresh_site.manage("migrate", "-v0", variables=variables).returncode == 0
        assert fresh_site.manage("shell", "-v0", "-c", FILL, variables=variables).returncode == 0
        port = free_port()
        command = (sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{port}")
        server = stack.enter_context(
            fresh_site.serve(*command, *WORKERS[worker], "shop.wsgi", variables=variables, port=port)
        )
        stack.callback(postgres.resume)
        for _ in range(4):
            assert server.get(PRODUCTS).status == 200
        yield Shop(server, postgres, redis, way)


def timed(ask: Callable[[], Answer]) -> tuple[float, Answer]:
    begin = time.monotonic()
    answer = ask()
    return time.monotonic() - begin, answer


def at_once(*asks: Callable[[], Answer]) -> list[tuple[float, Answer]]:
    found: list[tuple[float, Answer]] = []
    threads = [threading.Thread(target=lambda ask=ask: found.append(timed(ask))) for ask in asks]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def is_unavailable(answer: Answer) -> bool:
    return (
        answer.status == 503
        and answer.headers["Content-Type"] == "application/problem+json"
        and answer.json["code"] == "service_unavailable"
        and int(answer.headers["Retry-After"]) > 0
    )


def test_a_paused_database_is_told_at_once_and_used_again_at_once(shop: Shop) -> None:
    me = {"Authorization": f"Bearer {json.dumps({})}"}
    unseen = iter(range(1000))

    def read() -> Answer:
        return shop.server.get(f"{PRODUCTS}?search=lamp{next(unseen)}")

    def write() -> Answer:
        return shop.server.post(LOGIN, CREDENTIALS)

    assert read().status == 200
    assert shop.server.get(PRODUCTS, **me).status == 401
    shop.postgres.pause()
    time.sleep(0.1)
    for _ in range(3):
        answers = at_once(read, write, read, lambda: shop.server.get(PRODUCTS, Cookie="sessionid=x"))
        assert [answer.text for _, answer in answers if not is_unavailable(answer)] == []
        assert max(seconds for seconds, _ in answers) < UNAVAILABLE_WITHIN
    seconds, live = timed(lambda: shop.server.get(LIVE))
    assert (live.status, seconds < 2) == (200, True)
    seconds, ready = timed(lambda: shop.server.get(READY))
    assert (ready.status, ready.json["checks"]["database"], seconds < UNAVAILABLE_WITHIN) == (503, "failing", True)

    shop.postgres.resume()
    begin = time.monotonic()
    while read().status != 200 or shop.server.get(READY).status != 200:
        assert time.monotonic() - begin < BACK_WITHIN
        time.sleep(0.05)
    assert write().status == 401
    assert len(shop.log("The database 'default' failed")) == 1
    assert len(shop.log("The database 'default' answers again")) == 1
