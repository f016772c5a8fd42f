"""Rate limits: exactly so many, from however many threads, in the database and in a shared cache."""

from __future__ import annotations

import logging
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.core import limits
from django_shopcore.core.conf import Setting, rate
from django_shopcore.core.limits import Limit, count_request, prune_windows
from django_shopcore.core.models import RateLimitWindow
from tests.fixtures import client_of
from tests.parallel import at_once
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

PRODUCTS = "/api/v1/products/"
DEAD_REDIS = "redis://127.0.0.1:1/0"
THREADS, EACH = 25, 2


def shared(url: str) -> Any:
    return override_settings(
        CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}
    )


def limit_of(text: str | None, essential: bool = True) -> Limit:
    """A limit whose setting is not among those of the site."""
    setting = Setting[str | None](text, rate, "Of a test.")
    setting.name = "SHOPCORE_OF_A_TEST"
    return Limit("test", setting, essential)


def statuses(client: APIClient, times: int) -> list[int]:
    return [client.post(PRODUCTS, {}).status_code for _ in range(times)]


def storm(user: Any) -> list[int]:
    """What 50 requests answer that come from 25 threads at once."""
    answers = at_once([partial(statuses, client_of(user), EACH) for _ in range(THREADS)])
    for answer in answers:
        assert isinstance(answer, list), answer
    return [status for answer in answers for status in answer]


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="10/m")
@pytest.mark.django_db(transaction=True)
def test_of_fifty_parallel_requests_exactly_ten_are_admitted_by_the_database() -> None:
    answers = storm(make_user(admin=True))
    assert sorted(answers) == [400] * 10 + [429] * 40


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="10/m")
@pytest.mark.django_db(transaction=True)
def test_counting_by_reading_and_writing_would_admit_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above: the same storm without the one atomic step."""

    def read_then_write(key: str, quota: int, window: int) -> tuple[int, float]:
        row = RateLimitWindow.objects.filter(key=key).first()
        used = row.count + 1 if row else 1
        time.sleep(0.01)
        counted = RateLimitWindow(key=key, count=used, ends_at=time.time() + window)
        RateLimitWindow.objects.bulk_create(
            [counted], update_conflicts=True, unique_fields=["key"], update_fields=["count", "ends_at"]
        )
        return used, window

    monkeypatch.setattr(limits, "count_in_database", read_then_write)
    assert storm(make_user(admin=True)).count(400) > 10


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="10/m")
@pytest.mark.django_db(transaction=True)
def test_of_fifty_parallel_requests_exactly_ten_are_admitted_by_a_shared_cache(redis_url: str) -> None:
    user = make_user(admin=True)
    with shared(redis_url):
        cache.clear()
        answers = storm(user)
    assert sorted(answers) == [400] * 10 + [429] * 40
    assert not RateLimitWindow.objects.exists()


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="10/m")
@pytest.mark.django_db(transaction=True)
def test_when_the_cache_dies_the_database_counts_as_exactly(caplog: pytest.LogCaptureFixture) -> None:
    user = make_user(admin=True)
    with shared(DEAD_REDIS), caplog.at_level(logging.WARNING, "django_shopcore.core.breakers"):
        answers = storm(user)
    assert sorted(answers) == [400] * 10 + [429] * 40
    [said] = [message for message in caplog.messages if "cache" in message]
    assert said.startswith("The cache 'default' failed (ConnectionError): the database stands in for it")


def test_when_the_cache_dies_reads_go_on_uncounted(anonymous: APIClient) -> None:
    with shared(DEAD_REDIS), override_settings(SHOPCORE_CATALOG_READ_RATE="1/m"):
        for _ in range(3):
            response = anonymous.get(PRODUCTS)
            assert response.status_code == 200
            assert "RateLimit" not in response
    assert not RateLimitWindow.objects.exists()


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="3/m")
def test_the_headers_count_down(admin_client: APIClient) -> None:
    for left in (2, 1, 0, 0):
        response = admin_client.post(PRODUCTS, {})
        assert response["RateLimit-Policy"] == '"catalog-write";q=3;w=60'
        name, remaining, seconds = response["RateLimit"].split(";")
        assert (name, remaining) == ('"catalog-write"', f"r={left}")
        assert 59 <= int(seconds.removeprefix("t=")) <= 60
        assert ("Retry-After" in response) == (response.status_code == 429)
    assert response.status_code == 429
    assert response["Retry-After"] == seconds.removeprefix("t=")


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="2/m")
def test_what_was_refused_for_another_reason_counts_only_when_it_got_that_far(admin_client: APIClient) -> None:
    nobody = APIClient()
    assert statuses(nobody, 5) == [401] * 5
    assert statuses(admin_client, 3) == [400, 400, 429]


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="1/m")
def test_each_user_has_a_limit_of_their_own() -> None:
    first, second = (client_of(make_user(admin=True)) for _ in range(2))
    assert statuses(first, 2) == [400, 429]
    assert statuses(second, 2) == [400, 429]


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="1/m")
def test_one_limit_holds_for_all_the_actions_that_share_it(admin_client: APIClient) -> None:
    assert admin_client.post("/api/v1/categories/", {"name": "A"}).status_code == 201
    for method, url in (("post", PRODUCTS), ("patch", "/api/v1/products/1/"), ("delete", "/api/v1/categories/1/")):
        assert getattr(admin_client, method)(url).status_code == 429


def pass_time(seconds: float) -> None:
    """For the windows in the database, whose clock is not ours."""
    RateLimitWindow.objects.update(ends_at=F("ends_at") - seconds)


def test_a_window_that_is_over_starts_again() -> None:
    limit = limit_of("2/10s")

    def count() -> tuple[int, bool, int]:
        usage = count_request(limit, "somebody")
        assert usage is not None
        return usage.used, usage.exceeded, usage.seconds_left

    assert [count(), count(), count()] == [(1, False, 10), (2, False, 10), (3, True, 10)]
    pass_time(9.5)
    assert count() == (3, True, 1)
    pass_time(0.5)
    assert [count(), count(), count()] == [(1, False, 10), (2, False, 10), (3, True, 10)]


def test_a_window_in_a_shared_cache_starts_again(redis_url: str) -> None:
    limit = limit_of("2/1s")
    with shared(redis_url):
        cache.clear()

        def exceeded() -> bool:
            usage = count_request(limit, "somebody")
            assert usage is not None
            assert 0 < usage.seconds_left <= 1
            return usage.exceeded

        assert [exceeded(), exceeded(), exceeded()] == [False, False, True]
        time.sleep(1.05)
        assert [exceeded(), exceeded(), exceeded()] == [False, False, True]
        redis = cache._cache.get_client()  # type: ignore[attr-defined]
        assert all(0 < redis.pttl(name) <= 2000 for name in redis.scan_iter("*shopcore*")), "a key would stay forever"


def test_a_limit_that_changes_starts_anew() -> None:
    for text in ("1/m", "2/m", "1/h"):
        usage = count_request(limit_of(text), "somebody")
        assert usage is not None
        assert usage.used == 1


def test_rates() -> None:
    assert [limit_of(text).rate() for text in ("10/s", "5/10m", "1/h", "7/2d", None)] == [
        (10, 1),
        (5, 600),
        (1, 3600),
        (7, 172800),
        None,
    ]


def test_limits_can_be_off_one_by_one_and_altogether(admin_client: APIClient) -> None:
    with override_settings(SHOPCORE_CATALOG_WRITE_RATE=None):
        response = admin_client.post(PRODUCTS, {})
        assert (response.status_code, "RateLimit" in response) == (400, False)
    with override_settings(SHOPCORE_CATALOG_WRITE_RATE="1/m", SHOPCORE_RATE_LIMITS=False):
        assert statuses(admin_client, 3) == [400] * 3
    assert not RateLimitWindow.objects.exists()
    with override_settings(SHOPCORE_CATALOG_WRITE_RATE="1/m"):
        assert statuses(admin_client, 2) == [400, 429]


def test_reads_are_counted_only_where_the_cache_is_shared(anonymous: APIClient, redis_url: str) -> None:
    with override_settings(SHOPCORE_CATALOG_READ_RATE="3/m", SHOPCORE_CATALOG_SEARCH_RATE="1/m"):
        for _ in range(5):
            response = anonymous.get(PRODUCTS, {"search": "x"})
            assert (response.status_code, "RateLimit" in response) == (200, False)
        with shared(redis_url):
            cache.clear()
            response = anonymous.get(PRODUCTS, {"search": "x"})
            # Of two limits the tighter one is told.
            assert response["RateLimit-Policy"] == '"catalog-search";q=1;w=60'
            assert anonymous.get(PRODUCTS, {"search": "x"}).status_code == 429
            assert anonymous.get(PRODUCTS)["RateLimit"].startswith('"catalog-read";r=0;')
            assert anonymous.get(f"{PRODUCTS}1/").status_code == 429
            elsewhere = anonymous.get(PRODUCTS, REMOTE_ADDR="203.0.113.9")
            assert (elsewhere.status_code, elsewhere["RateLimit"][:19]) == (200, '"catalog-read";r=2;')


def test_a_304_tells_what_is_left_too(anonymous: APIClient, redis_url: str) -> None:
    with shared(redis_url):
        cache.clear()
        tag = anonymous.get(PRODUCTS)["ETag"]
        response = anonymous.get(PRODUCTS, HTTP_IF_NONE_MATCH=tag)
    assert response.status_code == 304
    assert response["RateLimit"].startswith('"catalog-read";r=1198;')
    assert response["RateLimit-Policy"] == '"catalog-read";q=1200;w=60'


def test_anonymous_callers_are_told_apart_by_their_network() -> None:
    limit = limit_of("1/m")

    def used(address: str, forwarded: str = "") -> int:
        meta = {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": forwarded}
        usage = count_request(limit, limits.caller_key(SimpleNamespace(user=None, META=meta)))
        assert usage is not None
        return usage.used

    assert [used("203.0.113.1"), used("203.0.113.2"), used("203.0.113.1")] == [1, 1, 2]
    assert [used("2001:db8::1"), used("2001:db8::2"), used("2001:db8:0:1::1")] == [1, 2, 1]
    # Whatever a caller claims to be, it is one caller.
    assert used("203.0.113.1", "198.51.100.1") == 2
    with override_settings(SHOPCORE_TRUSTED_PROXIES=1):
        assert used("10.0.0.1", "198.51.100.1") == 1
        assert used("10.0.0.1", "spoofed, 198.51.100.1") == 2


@pytest.mark.parametrize(
    "backend",
    [
        "django.core.cache.backends.locmem.LocMemCache",
        "django.core.cache.backends.dummy.DummyCache",
        "django.core.cache.backends.filebased.FileBasedCache",
        "django.core.cache.backends.db.DatabaseCache",
        "no.such.Backend",
    ],
)
def test_a_cache_that_is_not_shared_does_not_count(backend: str, tmp_path: Any) -> None:
    with override_settings(CACHES={"default": {"BACKEND": backend, "LOCATION": str(tmp_path)}}):
        assert limits.shared_cache() is None
    with override_settings(SHOPCORE_RATE_LIMIT_CACHE="unheard-of"):
        assert limits.shared_cache() is None


def test_what_is_over_is_pruned() -> None:
    count_request(limit_of("1/s"), "old")
    count_request(limit_of("1/h"), "new")
    pass_time(5)
    assert prune_windows() == 1
    assert RateLimitWindow.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_refused_write_stays_counted_although_its_transaction_is_undone() -> None:
    limit = limit_of("5/m")
    count_request(limit, "somebody")
    with transaction.atomic():
        count_request(limit, "somebody")
    usage = count_request(limit, "somebody")
    assert usage is not None
    assert usage.used == 3
