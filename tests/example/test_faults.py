"""The site under gunicorn while its Redis and its PostgreSQL fail; what it waits for is real, and so are the faults."""

from __future__ import annotations

import contextlib
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
# What the site promises: 503 and recovery within so many seconds.
UNAVAILABLE_WITHIN, BACK_WITHIN = 3.0, 5.0
SERVED = {"sync": ((), ""), "gthread and a pool": (("--threads", "4"), "?pool=4")}


@dataclass
class Shop:
    server: Server
    postgres: FailingPostgres
    to_postgres: Way
    to_redis: Way
    database: str

    def log(self, *words: str) -> list[str]:
        """The log lines with all these words."""
        lines = self.server.log.read_text().splitlines()
        return [line for line in lines if all(word in line for word in words)]

    def admin(self) -> Any:
        """A connection to its database, past the way."""
        address = self.postgres.url.rpartition("/")[0]
        writes = "-c default_transaction_read_only=off"
        return psycopg.connect(f"{address}/{self.database}", autocommit=True, options=writes)

    def run(self, statement: str) -> None:
        with self.admin() as connection:
            connection.execute(statement)

    def hang_up(self) -> None:
        self.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{self.database}' AND pid <> pg_backend_pid()"
        )

    def read(self) -> Answer:
        """A read that no cache knows."""
        return self.server.get(f"{PRODUCTS}?search=lamp{time.monotonic_ns()}")

    def sign_in(self) -> Answer:
        return self.server.post(LOGIN, CREDENTIALS)


@pytest.fixture(scope="module", params=SERVED)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    threads, options = SERVED[request.param]
    site = Site.copy_to(tmp_path_factory.mktemp("served"))
    with ExitStack() as stack:
        try:
            postgres = stack.enter_context(failing_postgres())
            redis = FailingRedis(tmp_path_factory.mktemp("redis"))
        except servers.ServerError as error:
            pytest.skip(str(error))
        stack.callback(redis.kill)
        to_redis, to_postgres = Way(redis.port), Way(postgres.port)
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
        variables = {
            **PRODUCTION,
            "DATABASE_URL": f"{postgres.url_by(to_postgres).rpartition('/')[0]}/shop{options}",
            "REDIS_URL": to_redis.url,
            "SHOPCORE_ACCOUNTS_LOGIN_RATE": "1000/m",
            "SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE": "1000/m",
            "SHOPCORE_ACCOUNTS_LOGIN_ACCOUNT_RATE": "1000/m",
            "SHOPCORE_ACCOUNTS_REGISTER_RATE": "1000/m",
            "SHOPCORE_CATALOG_SEARCH_RATE": "1000/m",
        }
        for command in (["migrate"], ["shell", "-c", FILL]):
            done = site.manage(*command, "-v0", variables=variables)
            assert done.returncode == 0, done.stderr
        port = free_port()
        gunicorn = (sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{port}")
        server = stack.enter_context(site.serve(*gunicorn, *threads, "shop.wsgi", variables=variables, port=port))
        yield Shop(server, postgres, to_postgres, to_redis, "shop")


@pytest.fixture
def shop(served: Shop) -> Iterator[Shop]:
    """In good health, before and after."""
    try:
        wait_until_it_is_back(served)
        served.server.log.write_bytes(b"")
        yield served
    finally:
        served.postgres.resume()
        for way in (served.to_postgres, served.to_redis):
            way.mend()


def wait_until_it_is_back(shop: Shop) -> None:
    begin = time.monotonic()
    while shop.read().status != 200 or shop.server.get(READY).status != 200:
        assert time.monotonic() - begin < BACK_WITHIN
        time.sleep(0.05)


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


def in_background(ask: Callable[[], Answer]) -> Callable[[], tuple[float, Answer]]:
    found: list[tuple[float, Answer]] = []
    thread = threading.Thread(target=lambda: found.append(timed(ask)))
    thread.start()

    def wait() -> tuple[float, Answer]:
        thread.join()
        return found[0]

    return wait


def is_unavailable(answer: Answer) -> bool:
    return (
        answer.status == 503
        and answer.headers["Content-Type"] == "application/problem+json"
        and answer.json["code"] == "service_unavailable"
        and int(answer.headers["Retry-After"]) > 0
    )


PAUSES: dict[str, tuple[Callable[[Shop], None], Callable[[Shop], None]]] = {
    "paused": (lambda shop: shop.postgres.pause(), lambda shop: shop.postgres.resume()),
    "behind a network that swallows all": (lambda shop: shop.to_postgres.hang(), lambda shop: shop.to_postgres.mend()),
    "refused": (lambda shop: shop.to_postgres.cut(), lambda shop: shop.to_postgres.mend()),
}


@pytest.mark.parametrize(("end", "begin"), PAUSES.values(), ids=PAUSES)
def test_a_database_that_is_away_is_told_within_seconds_and_used_again_at_once(
    shop: Shop, end: Callable[[Shop], None], begin: Callable[[Shop], None]
) -> None:
    def visit_admin() -> Answer:
        return shop.server.get("/admin/shopcore_catalog/product/", Cookie=f"sessionid={'x' * 32}")

    assert shop.sign_in().status == 401
    end(shop)
    for _ in range(3):
        answers = at_once(shop.read, shop.sign_in, shop.read, shop.sign_in)
        assert [answer.text for _, answer in answers if not is_unavailable(answer)] == []
        assert max(seconds for seconds, _ in answers) < UNAVAILABLE_WITHIN
        time.sleep(0.4)
    seconds, page = timed(visit_admin)
    assert (page.status, page.headers["Retry-After"], seconds < UNAVAILABLE_WITHIN) == (503, "5", True)
    seconds, live = timed(lambda: shop.server.get(LIVE))
    assert (live.status, seconds < 1) == (200, True)
    seconds, ready = timed(lambda: shop.server.get(READY))
    assert (ready.status, ready.json["checks"]["database"], seconds < UNAVAILABLE_WITHIN) == (503, "failing", True)

    begin(shop)
    wait_until_it_is_back(shop)
    assert shop.sign_in().status == 401
    opened, closed = shop.log("The database 'default' failed"), shop.log("The database 'default' answers again")
    assert len(opened) == len(closed) <= 1


def test_a_statement_that_is_worked_on_is_not_cut_and_one_in_a_server_that_stops_is(shop: Shop) -> None:
    with shop.admin() as other:
        with other.transaction():
            other.execute("LOCK TABLE shopcore_catalog_product IN ACCESS EXCLUSIVE MODE")
            reader = in_background(shop.read)
            time.sleep(UNAVAILABLE_WITHIN + 0.5)
        seconds, answer = reader()
        assert (answer.status, seconds > UNAVAILABLE_WITHIN) == (200, True)

        with other.transaction():
            other.execute("LOCK TABLE shopcore_catalog_product IN ACCESS EXCLUSIVE MODE")
            reader = in_background(shop.read)
            time.sleep(1.2)
            shop.postgres.pause()
            stopped = time.monotonic()
            _, answer = reader()
            assert is_unavailable(answer)
            assert time.monotonic() - stopped < UNAVAILABLE_WITHIN
            shop.postgres.resume()


def test_a_commit_that_gets_no_answer_is_no_success(shop: Shop) -> None:
    body = {"email": f"ann{time.monotonic_ns()}@example.com", "password": "correct horse battery staple"}
    with shop.admin() as other:
        # The statements are carried out, and the end of the transaction waits: for this lock, in a deferred check.
        other.execute("CREATE TABLE gate (id int)")
        other.execute(
            "CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM count(*) FROM gate; RETURN NULL; END $$"
        )
        other.execute(
            "CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON shopcore_accounts_user DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate()"
        )
        with other.transaction():
            other.execute("LOCK TABLE gate IN ACCESS EXCLUSIVE MODE")
            writer = in_background(lambda: shop.server.post("/api/v1/auth/register/", body))
            # Others wait for a moment too, for the counters of limits.
            at_the_gate = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = 'COMMIT'"
            give_up = time.monotonic() + 15
            while not other.execute(at_the_gate).fetchall():
                assert time.monotonic() < give_up
                time.sleep(0.05)
                other.execute("SELECT pg_stat_clear_snapshot()")
            shop.postgres.pause()
            _, answer = writer()
            assert is_unavailable(answer)
            shop.postgres.resume()
        other.execute("DROP TRIGGER gate ON shopcore_accounts_user; DROP TABLE gate; DROP FUNCTION wait_at_the_gate")


def test_connections_that_are_ended_cost_no_error(shop: Shop) -> None:
    for _ in range(5):
        shop.hang_up()
        assert shop.read().status == 200
        shop.hang_up()
        answer = shop.sign_in()
        assert answer.status == 401 or is_unavailable(answer)


def test_a_server_without_a_free_connection_is_unavailable(shop: Shop) -> None:
    with ExitStack() as stack:
        taken = [stack.enter_context(shop.admin())]
        for _ in range(3):
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    taken.append(stack.enter_context(shop.admin()))
            taken[0].execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> ALL(%s) AND datname = 'shop'",
                [[one.info.backend_pid for one in taken]],
            )
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.append(stack.enter_context(shop.admin()))
        answers = [shop.read(), shop.sign_in()]
        assert [answer.text for answer in answers if not is_unavailable(answer)] == []
    wait_until_it_is_back(shop)


def test_a_primary_that_has_become_a_replica_is_read_and_left_for_the_one_it_is_again(shop: Shop) -> None:
    shop.run("ALTER DATABASE shop SET default_transaction_read_only = on")
    try:
        shop.hang_up()
        wait_until_it_is_back(shop)
        body = {"email": f"ann{time.monotonic_ns()}@example.com", "password": "correct horse battery staple"}
        assert is_unavailable(shop.server.post("/api/v1/auth/register/", body))
    finally:
        shop.run("ALTER DATABASE shop RESET default_transaction_read_only")
    give_up, statuses = time.monotonic() + BACK_WITHIN, [503]
    while statuses[-1] == 503:  # each connection of a pool finds out for itself
        assert time.monotonic() < give_up
        statuses.append(shop.server.post("/api/v1/auth/register/", body).status)
    assert statuses[-1] == 201, "by a new connection"


def test_a_redis_that_hangs_or_comes_and_goes_is_not_noticed(shop: Shop) -> None:
    for _ in range(4):
        assert shop.server.get(PRODUCTS).status == 200
    for fault in (shop.to_redis.hang, shop.to_redis.cut, shop.to_redis.garble, lambda: shop.to_redis.trickle(0.05)):
        fault()
        answers = [timed(lambda: shop.server.get(PRODUCTS)) for _ in range(10)]
        answers += [timed(shop.read) for _ in range(5)]
        assert {answer.status for _, answer in answers} == {200}
        assert sorted(seconds for seconds, _ in answers)[-3] < 0.5
        assert shop.sign_in().status == 401
        shop.to_redis.mend()
        time.sleep(1.1)
    assert len(shop.log("The cache 'default' failed")) <= 4
    assert shop.log("Traceback") == []
