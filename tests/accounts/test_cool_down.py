"""How often an address gets the same mail: once in a while, however many ask at once and whatever counts."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.core.cache import cache

from django_shopcore.accounts import mail_requests
from django_shopcore.core.models import RateLimitWindow
from tests.accounts.mails import credentials_in, deliver, deliver_to, post, posted
from tests.factories.accounts import UserFactory
from tests.parallel import at_once, hang_up

pytestmark = [pytest.mark.projects("full", "host_user", "email_user", "uuid_user"), pytest.mark.django_db]

RESET = "password/reset/"


def redis(url: str) -> Any:
    return {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}


def test_an_address_gets_one_mail_in_a_while(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 60
    settings.SHOPCORE_RATE_LIMITS = False  # does not switch it off
    answers = [post(RESET, {"email": address}) for address in (user.email, user.email, f" {user.email.upper()}")]

    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.content for answer in answers}) == 1
    assert [kind for kind, *_ in posted()] == ["password_reset"]
    post(RESET, {"email": "other@example.com"})
    assert len(posted()) == 2


def test_after_the_cool_down_it_gets_another(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 60
    post(RESET, {"email": user.email})
    RateLimitWindow.objects.update(ends_at=0)
    post(RESET, {"email": user.email})
    assert len(posted()) == 2


def test_after_so_many_it_gets_no_more_and_the_first_link_works(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN, settings.SHOPCORE_ACCOUNTS_MAIL_RATE = 0, None
    settings.SHOPCORE_ACCOUNTS_ADDRESS_MAIL_RATE = "3/h"
    answers = [
        post(RESET, {"email": address}, REMOTE_ADDR=f"203.0.113.{number}")
        for number, address in enumerate([user.email, user.email.upper(), user.email, user.email, f" {user.email}"])
    ]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert len({answer.get("RateLimit") for answer in answers}) == 1
    assert len(posted()) == 3

    first = next(message for message in deliver() if "reset-password" in message.body)
    body = {**credentials_in(first), "new_password": "another quite long secret"}
    assert post(f"{RESET}confirm/", body).status_code == 204


@pytest.mark.projects("full")
def test_mails_of_each_kind_have_a_number_of_their_own(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN, settings.SHOPCORE_ACCOUNTS_MAIL_RATE = 0, None
    settings.SHOPCORE_ACCOUNTS_ADDRESS_MAIL_RATE = "1/h"
    for _ in range(2):
        for path in (RESET, "email/verify/resend/"):
            post(path, {"email": user.email})
    assert sorted(kind for kind, *_ in posted()) == ["password_reset", "verify_address"]


def test_control_without_that_limit_whoever_asks_fills_a_mailbox(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN, settings.SHOPCORE_ACCOUNTS_MAIL_RATE = 0, None
    settings.SHOPCORE_ACCOUNTS_ADDRESS_MAIL_RATE = None
    for _ in range(12):
        post(RESET, {"email": user.email})
    assert len(posted()) == 12


def test_after_a_new_password_the_links_are_dead_and_it_gets_new_ones(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 0
    settings.SHOPCORE_ACCOUNTS_ADDRESS_MAIL_RATE = "1/h"
    for _ in range(2):
        post(RESET, {"email": user.email})
    [message] = deliver()
    body = {**credentials_in(message), "new_password": "another quite long secret"}
    assert post(f"{RESET}confirm/", body).status_code == 204
    deliver()
    post(RESET, {"email": user.email})
    assert deliver_to(user.email).subject.startswith("Set a new password")


def asks_at_once(user: Any, settings: Any) -> int:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 60
    settings.SHOPCORE_ACCOUNTS_MAIL_RATE = settings.SHOPCORE_ACCOUNTS_ADDRESS_MAIL_RATE = None
    answers = at_once([partial(post, RESET, {"email": user.email})] * 8)
    assert [answer.status_code for answer in answers] == [202] * 8
    return len(posted())


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_once_one_sends_a_mail(settings: Any) -> None:
    assert asks_at_once(UserFactory(), settings) == 1


@pytest.mark.django_db(transaction=True)
def test_also_when_a_shared_cache_counts(settings: Any, redis_url: str) -> None:
    settings.CACHES = redis(redis_url)
    cache.clear()
    hang_up()
    assert asks_at_once(UserFactory(), settings) == 1


@pytest.mark.django_db(transaction=True)
def test_also_when_the_shared_cache_is_dead(settings: Any) -> None:
    settings.CACHES = redis("redis://127.0.0.1:1/0")
    assert asks_at_once(UserFactory(), settings) == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_cool_down_each_sends_one(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_requests, "first_in", lambda key, seconds: True)
    assert asks_at_once(UserFactory(), settings) == 8
