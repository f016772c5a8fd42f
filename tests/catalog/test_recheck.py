"""A process that has just asked Redis does not ask again for a moment, and a write takes that into account."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.core import breakers, leases, tallies
from django_shopcore.core.redis_scripts import redis_client
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

PRODUCTS = "/api/v1/products/"
LONG = 60_000  # milliseconds, in which a test is over
FAR = "100000/m"


@pytest.fixture(autouse=True)
def shop(redis_url: str) -> Iterator[None]:
    caches = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}}
    with override_settings(CACHES=caches, SHOPCORE_CATALOG_READ_RATE=FAR, SHOPCORE_CATALOG_CACHE_LEASE=60):
        cache.clear()
        ProductFactory(name="old", category=CategoryFactory(name="shelf"))
        yield
        cache.clear()
    leases._trust = None
    breakers.close_all()


def read(client: APIClient, **environ: Any) -> tuple[str, int]:
    """The product's name and how many requests are left."""
    response = client.get(PRODUCTS, **environ)
    assert response.status_code == 200, response.content
    left = re.search(r";r=(\d+);", response["RateLimit"])
    assert left
    return response.json()["results"][0]["name"], int(left[1])


def commands() -> int:
    """How many commands Redis has carried out; asking is one."""
    return int(redis_client(cache).info("stats")["total_commands_processed"])


def counted() -> int:
    """How many reads Redis knows of."""
    client = redis_client(cache)
    return sum(int(client.get(key)) for key in client.scan_iter("*shopcore:limit:catalog-read:*"))


def asked(client: APIClient, times: int = 5, **environ: Any) -> int:
    """How many commands so many reads are, which are right and counted each."""
    first = read(client, **environ)
    before = commands()
    found = [read(client, **environ) for _ in range(times)]
    assert found == [(first[0], first[1] - number) for number in range(1, times + 1)]
    return commands() - before - 1


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=LONG)
def test_within_the_moment_reads_ask_redis_nothing_and_are_counted(anonymous: APIClient) -> None:
    for _ in range(3):
        read(anonymous)
    assert asked(anonymous) == 0


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=0)
def test_without_it_each_read_asks(anonymous: APIClient) -> None:
    for _ in range(3):
        read(anonymous)
    assert asked(anonymous) >= 5


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=LONG)
def test_somebody_else_is_counted_by_redis_first(anonymous: APIClient) -> None:
    for _ in range(4):
        read(anonymous)
    before = commands()
    assert read(anonymous, REMOTE_ADDR="203.0.113.9") == ("old", 99_999)
    assert commands() - before > 1


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=100)
def test_after_it_redis_is_asked_and_told_what_was_counted(anonymous: APIClient) -> None:
    for _ in range(8):
        read(anonymous)
    assert counted() < 8
    time.sleep(0.11)
    read(anonymous)
    assert counted() == 9


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=300)
def test_a_write_answers_when_nobody_goes_by_what_it_replaced(anonymous: APIClient) -> None:
    for _ in range(4):
        read(anonymous)
    begin = time.monotonic()
    get_product_model().objects.update(name="new")
    assert time.monotonic() - begin >= 0.3
    assert read(anonymous)[0] == "new"


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=300)
def test_control_one_that_does_not_wait_is_not_seen(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        read(anonymous)
    monkeypatch.setattr(leases, "_outlast", lambda seconds: None)
    get_product_model().objects.update(name="new")
    assert read(anonymous)[0] == "old"


def test_a_write_waits_as_long_as_a_look_counts_by_default_two_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(leases.time, "sleep", waited.append)
    get_product_model().objects.update(name="new")
    assert waited == [pytest.approx(0.0022)]


class Processes:
    """Two memories of what is owed, and the requests that each has had admitted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, client: APIClient) -> None:
        self.monkeypatch, self.client = monkeypatch, client
        self.memories: dict[str, dict[str, Any]] = {"a": {}, "b": {}}

    def admits(self, name: str, **environ: Any) -> bool:
        self.monkeypatch.setattr(tallies, "_tallies", self.memories[name])
        status = self.client.get(PRODUCTS, **environ).status_code
        assert status in (200, 429)
        return status == 200


@pytest.fixture
def processes(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    # In the midst of one window, and all of it within the moment.
    with override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=LONG, SHOPCORE_CATALOG_READ_RATE="700/h"):
        yield Processes(monkeypatch, anonymous)


def test_processes_that_take_turns_admit_exactly_as_many_as_the_limit_says(processes: Processes) -> None:
    assert sum(processes.admits("ab"[number % 2]) for number in range(750)) == 700


def test_one_that_has_gone_silent_owes_no_more_than_a_share(processes: Processes) -> None:
    owing = sum(processes.admits("a") for _ in range(3))
    assert owing == 3
    assert 700 <= owing + sum(processes.admits("b") for _ in range(750)) <= 700 + 700 // tallies.SHARE


def test_control_with_no_share_there_are_many_more(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "SHARE", 1)
    assert sum(processes.admits("ab"[number % 2]) for number in range(1500)) > 1300


def test_limits_up_to_the_share_are_counted_by_redis_one_by_one(processes: Processes) -> None:
    with override_settings(SHOPCORE_CATALOG_READ_RATE="256/h"):
        for number in range(1, 6):
            assert processes.admits("a")
            assert counted() == number


def test_what_is_owed_to_a_window_that_is_over_is_not_counted_in_the_next(anonymous: APIClient) -> None:
    with override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=LONG, SHOPCORE_CATALOG_READ_RATE="100000/1s"):
        for _ in range(8):
            read(anonymous)
        time.sleep(1.05)
        assert read(anonymous) == ("old", 99_999)
        assert counted() == 1


def test_of_many_callers_the_latest_are_remembered(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "REMEMBERED", 3)
    with override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=LONG):
        for number in range(1, 6):
            for _ in range(3):
                read(anonymous, REMOTE_ADDR=f"203.0.113.{number}")
        assert len(tallies._tallies) == 3
        assert asked(anonymous, REMOTE_ADDR="203.0.113.5") == 0


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=LONG)
def test_answers_that_find_no_room_in_the_process_are_asked_for(
    anonymous: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MOST_AT_HAND", 100)
    for _ in range(3):
        read(anonymous)
    assert asked(anonymous) >= 5


def made_anew_after_the_cache_was_emptied(client: APIClient, seconds: float) -> int:
    """How many of two answers that a process has shown are in the cache again so long after it was emptied."""
    one = f"{PRODUCTS}{get_product_model().objects.get().pk}/"
    for _ in range(4):
        read(client)
        assert client.get(one).status_code == 200
    cache.clear()
    time.sleep(seconds)
    for _ in range(3):
        read(client)
    for _ in range(2):
        assert client.get(one).status_code == 200
    return len(list(redis_client(cache).scan_iter("*shopcore:body:*")))


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=20)
def test_who_empties_the_cache_is_rid_of_what_processes_have_at_hand_after_ten_seconds(
    anonymous: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leases.LONGEST_AT_HAND == 10
    monkeypatch.setattr(leases, "LONGEST_AT_HAND", 0.5)
    assert made_anew_after_the_cache_was_emptied(anonymous, 0.6) == 2


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=20)
def test_till_then_they_show_it_as_it_is_right(anonymous: APIClient) -> None:
    assert made_anew_after_the_cache_was_emptied(anonymous, 0.03) == 1


@override_settings(SHOPCORE_CATALOG_CACHE_RECHECK_MS=LONG)
def test_a_process_whose_breaker_is_open_does_not_go_by_what_redis_has_said(anonymous: APIClient) -> None:
    for _ in range(4):
        read(anonymous)
    shared = leases.shared_cache()
    assert shared is not None
    shared.breaker.failed(TimeoutError())
    response = anonymous.get(PRODUCTS)
    assert response.status_code == 200
    assert "RateLimit" not in response, "reads are not counted where no Redis answers"
