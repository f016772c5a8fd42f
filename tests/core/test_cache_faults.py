"""What visitors notice of a Redis that fails: next to nothing. The site has set no time-out at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.core import breakers, leases, redis_scripts, shared_cache
from django_shopcore.core.models import RateLimitWindow
from tests import servers
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.faults import FailingRedis, Way
from tests.parallel import hang_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

PRODUCTS, LOGIN = "/api/v1/products/", "/api/v1/auth/login/"
# What a request may wait for Redis altogether, and what else it does on a machine that is busy with other tests.
WAIT, BESIDES = 0.1, 0.3

FAULTS: dict[str, Callable[[Way], None]] = {
    "refused": lambda way: way.cut(),
    "hung": lambda way: way.hang(),
    "reset in the midst of an answer": lambda way: way.reset(),
    "60 ms late": lambda way: way.delay(0.06),
    "50 ms a byte": lambda way: way.trickle(0.05),
    "4 ms a byte": lambda way: way.trickle(0.004),
    "garbage": lambda way: way.garble(),
}
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FailingRedis]:
    try:
        redis = FailingRedis(tmp_path_factory.mktemp("redis"))
    except servers.ServerError as error:
        pytest.skip(f"no Redis server runs here: {error}")
    yield redis
    redis.kill()


@pytest.fixture
def way(redis: FailingRedis, settings: Any) -> Iterator[Way]:
    with redis.client() as client:
        client.flushall()
    way = Way(redis.port)
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": way.url}}
    settings.SHOPCORE_CATALOG_CACHE_LEASE = 1
    # Who has just asked Redis notices no fault for a moment, and this is about those who do.
    settings.SHOPCORE_CATALOG_CACHE_RECHECK_MS = 0
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE, settings.SHOPCORE_CATALOG_READ_RATE = "3/m", "100000/m"
    ProductFactory(name="lamp", category=CategoryFactory(name="shelf"))
    yield way
    hang_up()
    way.close()


def timed(client: APIClient) -> float:
    """How long the list takes, which is right."""
    begin = time.monotonic()
    response = client.get(PRODUCTS)
    assert (response.status_code, [row["name"] for row in response.json()["results"]]) == (200, ["lamp"])
    return time.monotonic() - begin


def warm(client: APIClient) -> None:
    for _ in range(3):
        timed(client)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == breakers.__name__]


def sign_in(client: APIClient, number: int) -> int:
    return client.post(LOGIN, {"email": f"somebody{number}@example.com", "password": "wrong"}).status_code


@each_fault
def test_the_catalogue_is_read_as_ever_and_waits_a_tenth_of_a_second_at_most(
    anonymous: APIClient, way: Way, fault: Callable[[Way], None], caplog: pytest.LogCaptureFixture
) -> None:
    warm(anonymous)
    fault(way)
    with caplog.at_level(logging.WARNING):
        # At first there is a connection; after a second somebody looks whether Redis is back, and needs a new one.
        for _ in range(2):
            took = [timed(anonymous) for _ in range(20)]
            assert max(took) < WAIT + BESIDES
            assert sorted(took)[15] < BESIDES, "most do not wait at all"
            time.sleep(breakers.PAUSE)
        [opened] = said(caplog)
        assert opened.startswith("The cache 'default' failed (")
        way.mend()
        time.sleep(breakers.PAUSE)
        caplog.clear()
        warm(anonymous)
        [closed] = said(caplog)
    assert closed.startswith("The cache 'default' answers again after ")


@each_fault
def test_sign_ins_stay_limited(way: Way, fault: Callable[[Way], None]) -> None:
    anonymous = APIClient()
    fault(way)
    begin = time.monotonic()
    assert [sign_in(anonymous, number) for number in range(5)] == [401, 401, 401, 429, 429]
    if fault not in (FAULTS["60 ms late"], FAULTS["4 ms a byte"]):  # which is in time for the one command
        assert RateLimitWindow.objects.exists()
    assert time.monotonic() - begin < 5 * (WAIT + BESIDES) + 1.5, "hashing three passwords takes most of it"


def test_a_cache_that_comes_and_goes_costs_a_log_line_each_time(
    anonymous: APIClient, way: Way, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakers, "PAUSE", 0.2)
    warm(anonymous)
    took = []
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            for act in (way.cut, way.mend):
                act()
                end = time.monotonic() + 0.4
                while time.monotonic() < end:
                    took.append(timed(anonymous))
    assert sorted(took)[-10] < WAIT + BESIDES, "of hundreds, on a machine that is busy"
    lines = said(caplog)
    assert 2 <= len(lines) <= 8
    assert [" failed (" in line for line in lines] == [number % 2 == 0 for number in range(len(lines))]


def test_nobody_waits_for_what_was_being_computed_while_the_cache_failed(
    anonymous: APIClient, way: Way, redis: FailingRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock is left behind: it could not be taken away."""
    warm(anonymous)
    cache = leases.shared_cache()
    assert cache is not None
    with redis.client() as client:
        [body] = client.keys("*shopcore:body:*")

        def leave_a_lock() -> None:
            leases._trust = None  # another process
            client.delete(body)
            client.set(body.replace(b":body:", b":lock:"), 5, ex=10)

        leave_a_lock()
        assert timed(anonymous) > 0.9, "somebody may be computing it"
        cache.breaker.failed(TimeoutError())
        cache.breaker.succeeded()
        leave_a_lock()
        assert timed(anonymous) < 0.5


def test_a_body_that_is_damaged_on_the_way_is_not_shown(anonymous: APIClient, way: Way) -> None:
    warm(anonymous)
    way.damage(b"lamp", b"l@mp")
    warm(anonymous)


def test_a_write_by_one_who_cannot_reach_the_cache_is_seen_by_one_who_can(
    anonymous: APIClient, way: Way, redis: FailingRedis
) -> None:
    """The breaker is open, and the writer tries all the same or waits: others trust what the cache says."""
    warm(anonymous)
    with redis.client() as client:
        way.cut()
        begin = time.monotonic()
        timed(anonymous)
        get_product_model().objects.update(name="torch")
        assert time.monotonic() - begin > 1.1, "it waited for the leases to end"
        way.mend()
        client.set(":1:shopcore:nonce", 1)
        begin = time.monotonic()
        get_product_model().objects.update(name="bulb")
        assert client.get(":1:shopcore:nonce") != b"1"
        assert time.monotonic() - begin < 0.5, "the breaker, open as yet, did not keep it from trying"
    response = anonymous.get(PRODUCTS)
    assert response.json()["results"][0]["name"] == "bulb"


def test_a_breaker_that_is_open_means_not_asked_and_not_trusted(
    anonymous: APIClient, way: Way, redis: FailingRedis
) -> None:
    warm(anonymous)
    cache = leases.shared_cache()
    assert cache is not None
    cache.breaker.failed(TimeoutError())
    with redis.client() as client:
        before = client.info("stats")["total_commands_processed"]
        assert leases.readable_cache() is None
        with pytest.raises(shared_cache.CacheUnavailable):
            cache.get(leases.NONCE)
        timed(anonymous)
        assert client.info("stats")["total_commands_processed"] == before + 1, "just the question for it"


def test_without_the_bound_a_redis_that_hangs_takes_as_long_as_the_site_lets_it(
    way: Way, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The negative control."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "OPTIONS": {"socket_timeout": 1.0}}}
    monkeypatch.setattr(shared_cache, "bounded_copy", lambda alias, clock: caches[alias])
    anonymous = APIClient()
    warm(anonymous)
    way.hang()
    assert timed(anonymous) > 0.9


def test_without_the_breaker_each_request_waits(
    anonymous: APIClient, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(breakers.Breaker, "allows", lambda self: True)
    monkeypatch.setattr(breakers.Breaker, "is_resting", False)
    warm(anonymous)
    way.hang()
    took = [timed(anonymous) for _ in range(5)]
    assert min(took) > 0.05


def test_without_the_sum_a_slow_redis_costs_a_request_more_than_a_tenth_of_a_second(
    anonymous: APIClient, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: each command keeps to its time, and there are several."""
    monkeypatch.setattr(shared_cache, "current_waiting", lambda: None)
    warm(anonymous)
    with monkeypatch.context() as cold:
        cold.setattr(redis_scripts, "time", time)
        caches["default"].clear()
        way.delay(0.06)
        assert timed(anonymous) > 0.15
