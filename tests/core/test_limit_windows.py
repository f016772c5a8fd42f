"""One window after the other under constant load: each admits exactly so many, and none ends early."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.cache import cache

from django_shopcore.core import shared_cache
from django_shopcore.core.limits import Limit, Usage, count_request
from tests.core.test_limits import limit_of, shared
from tests.parallel import at_once, hang_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

THREADS, QUOTA, WINDOW, SECONDS = 20, 10, 1, 3.5


def hammer(limit: Limit) -> list[list[Usage]]:
    """What every thread is told that counts as fast as it can."""

    def count() -> list[Usage]:
        usages: list[Usage] = []
        give_up = time.monotonic() + SECONDS
        while time.monotonic() < give_up:
            usage = count_request(limit, "somebody")
            assert usage is not None
            usages.append(usage)
        return usages

    return at_once([count] * THREADS)


def assert_exact(limit: Limit) -> None:
    begin = time.monotonic()
    found = hammer(limit)
    seconds = time.monotonic() - begin
    assert all(isinstance(usages, list) for usages in found), found
    usages = [usage for each in found for usage in each]
    windows = sum(usage.used == 1 for usage in usages)
    admitted = sum(not usage.exceeded for usage in usages)
    assert 2 <= windows <= seconds / WINDOW + 1
    # The last window may have begun just before the end.
    assert (windows - 1) * QUOTA < admitted <= windows * QUOTA
    assert {usage.seconds_left for usage in usages} == {1}


def test_in_the_database() -> None:
    assert_exact(limit_of(f"{QUOTA}/{WINDOW}s"))


def test_in_redis(redis_url: str) -> None:
    with shared(redis_url):
        cache.clear()
        hang_up()
        assert_exact(limit_of(f"{QUOTA}/{WINDOW}s"))


def test_of_a_durable_limit_with_redis(redis_url: str) -> None:
    with shared(redis_url):
        cache.clear()
        hang_up()
        assert_exact(Limit("test", limit_of(f"{QUOTA}/{WINDOW}s").setting, durable=True))


def test_in_any_cache_that_counts_in_one_step(redis_url: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(shared_cache, "redis_client", lambda cache: None)
    with shared(redis_url):
        cache.clear()
        hang_up()
        assert_exact(limit_of(f"{QUOTA}/{WINDOW}s"))
