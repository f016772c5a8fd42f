"""Limits that guard secrets: counted for a subject, by the database whatever the cache says, and taken back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from django_shopcore.core import counting, limits
from django_shopcore.core.limits import Limit, count_request
from tests.core.test_limits import limit_of, shared

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]


def test_windows_of_a_cache_whose_clock_ticks_in_seconds_are_not_cut_short(redis_url: str) -> None:
    with shared(redis_url):
        cache.clear()
        counting.count_in_cache(without_commands(), "window", 60)
        redis = cache._cache.get_client()  # type: ignore[attr-defined]
        [window] = [name for name in redis.scan_iter("*window") if b":1:window" in name]
        assert 60_000 < redis.pttl(window) <= 61_000


def without_commands() -> Any:
    """The shared cache, if it had nothing but the interface of Django's."""
    found: Any = copy.copy(limits.shared_cache())
    found.client = None
    return found


@pytest.mark.django_db(transaction=True)
def test_a_storm_of_refusals_of_a_durable_limit_writes_little(redis_url: str) -> None:
    limit = Limit("test", limit_of("2/m").setting, durable=True)
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with shared(redis_url):
        cache.clear()
        with connection.execute_wrapper(note):
            usages = [count_request(limit, "somebody") for _ in range(30)]
    assert [usage is not None and usage.exceeded for usage in usages] == [False] * 2 + [True] * 28
    assert {usage.seconds_left for usage in usages if usage is not None} <= {59, 60}
    assert len(statements) <= 5


def test_what_is_taken_back_makes_room_for_one_and_no_more() -> None:
    limit = Limit("test", limit_of("2/m").setting, durable=True)

    def exceeded() -> bool:
        usage = count_request(limit, "somebody")
        assert usage is not None
        used.append(usage)
        return usage.exceeded

    used: list[limits.Usage] = []
    assert [exceeded() for _ in range(5)] == [False, False, True, True, True]
    limits.take_back(used[:1])
    assert [exceeded(), exceeded()] == [False, True]


def test_a_subject_is_counted_apart_from_the_caller_and_from_others(rf: Any) -> None:
    limit = limit_of("1/m")
    request = rf.get("/")
    request.user = None
    limits.enforce([limit], request)
    limits.enforce([limit], request, subject="session:1")
    limits.enforce([limit], request, subject="session:2")
    for subject in (None, "session:1", "session:2"):
        with pytest.raises(limits.RateLimited) as refusal:
            limits.enforce([limit], request, subject=subject)
        assert 0 < refusal.value.wait <= 60  # type: ignore[operator]


def test_what_may_not_be_told_is_told_by_a_refusal_only(rf: Any) -> None:
    limit = Limit("test", limit_of("1/m").setting, told=False)
    request = rf.get("/")
    usages = limits.enforce([limit], request, subject="account:ada")
    assert limits.tightest_headers(usages) == {}
    with pytest.raises(limits.RateLimited) as refusal:
        limits.enforce([limit], request, subject="account:ada")
    assert limits.tightest_headers([refusal.value.usage])["RateLimit"].startswith('"test";r=0;t=')
