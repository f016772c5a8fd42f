"""Guesses at one account at once, from a network each: exactly as many are looked at as may fail."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache

from django_shopcore.accounts import attempts
from django_shopcore.core import counting, limits
from django_shopcore.core.models import RateLimitWindow
from tests.accounts.test_attempts import botnet, five_failures, redis, sign_in
from tests.factories.accounts import UserFactory
from tests.parallel import at_once, hang_up

__all__ = ["five_failures"]

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

THREADS = 25


def storm(email: str) -> list[int]:
    """What a botnet is answered that guesses at once, each client twice."""
    calls = [partial(sign_in, email, address=f"203.0.113.{number}") for number in range(THREADS)]
    answers = at_once([lambda call=call: [call().status_code, call().status_code] for call in calls])  # type: ignore[misc]
    for answer in answers:
        assert isinstance(answer, list), answer
    return sorted(status for answer in answers for status in answer)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_parallel_guesses_at_an_account_exactly_five_are_looked_at() -> None:
    assert storm(UserFactory().email) == [401] * 5 + [429] * 45
    assert storm("nobody@example.com") == [401] * 5 + [429] * 45


@pytest.mark.django_db(transaction=True)
def test_also_with_a_shared_cache(settings: Any, redis_url: str) -> None:
    settings.CACHES = redis(redis_url)
    cache.clear()
    hang_up()
    assert storm(UserFactory().email) == [401] * 5 + [429] * 45


@pytest.mark.django_db(transaction=True)
def test_also_when_the_shared_cache_forgets_all_in_between(settings: Any, redis_url: str) -> None:
    settings.CACHES = redis(redis_url)
    email = UserFactory().email
    assert botnet(email, 3) == [401] * 3
    cache.clear()
    assert botnet(email, 3) == [401, 401, 429]
    cache.clear()
    assert sign_in(email).status_code == 429
    hang_up()


@pytest.mark.django_db(transaction=True)
def test_control_counting_failures_afterwards_would_look_at_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many limiters do: look whether there is room, try the password, count what has failed."""

    def look(key: str, quota: int, window: int) -> tuple[int, float]:
        row = RateLimitWindow.objects.filter(key=key).first()
        return (row.count if row else 0) + 1, window

    count = attempts.count

    def count_afterwards(request: Any, name: str) -> list[limits.Usage]:
        usages = count(request, name)
        time.sleep(0.01)
        for usage in usages:
            counting.count_in_database(usage.key, usage.quota, usage.window)
        return []

    monkeypatch.setattr(limits, "count_durably", look)
    monkeypatch.setattr(attempts, "count", count_afterwards)
    assert storm(UserFactory().email).count(401) > 5
