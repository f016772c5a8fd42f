"""Failed sign-ins: bounded by client, by account and by both, and nobody is kept out by what strangers do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.signals import user_logged_in
from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.test import RequestFactory

from django_shopcore.accounts import attempts
from django_shopcore.accounts.link_tokens import encode, password_reset
from django_shopcore.core import counting
from django_shopcore.core.models import RateLimitWindow
from tests.accounts.mails import post
from tests.factories.accounts import PASSWORD, UserFactory
from tests.parallel import hang_up
from tests.problems import problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

HOME, ELSEWHERE = "198.51.100.7", "198.51.100.8"
NEW_PASSWORD = "a quite long secret"


@pytest.fixture(autouse=True)
def five_failures(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE = None
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = None
    settings.SHOPCORE_ACCOUNTS_LOGIN_ACCOUNT_RATE = "5/h"


def sign_in(email: str, password: str = "wrong", address: str = ELSEWHERE) -> Any:
    return post("login/", {"email": email, "password": password}, REMOTE_ADDR=address)


def botnet(email: str, size: int) -> list[int]:
    """What clients of a network each are answered who guess a password."""
    return [sign_in(email, address=f"203.0.113.{number}").status_code for number in range(size)]


def redis(url: str) -> Any:
    return {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}


@contextmanager
def hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The passwords that are hashed meanwhile."""
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str, *args: Any) -> str:
        hashed.append(password)
        return encode(self, password, salt, *args)

    with monkeypatch.context() as patched:
        patched.setattr(MD5PasswordHasher, "encode", counting)
        yield hashed


def test_many_clients_together_guess_so_often_and_no_more(user: Any) -> None:
    assert botnet(user.email, 8) == [401] * 5 + [429] * 3
    assert problem_of(sign_in(user.email)) == (429, "rate_limited")


def test_an_address_of_nobody_is_counted_like_one_of_somebody(user: Any) -> None:
    inactive = UserFactory(is_active=False)
    answers = []
    for email in (user.email, inactive.email, "nobody@example.com"):
        assert botnet(email, 5) == [401] * 5
        response = sign_in(email, PASSWORD)
        headers = {name: value.partition(";t=")[0] for name, value in response.items() if name != "Retry-After"}
        answers.append((response.status_code, headers))
        assert 3590 <= int(response["Retry-After"]) <= 3600
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 429


@pytest.mark.parametrize("variant", ["ADA@Example.COM", "  ada@example.com ", "\uff41da@example.com"])
def test_however_the_name_is_written_it_is_one_account(variant: str) -> None:
    botnet("ada@example.com", 3)
    botnet(variant, 2)
    assert sign_in("ada@example.com").status_code == 429
    assert sign_in(variant).status_code == 429


@pytest.mark.projects("host_user")
def test_a_user_name_is_an_account_too(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_BY = "either"
    UserFactory(username="ada")
    bodies = [{"username": name, "password": "wrong"} for name in ("ada", "Ada", " ada", "ADA", "ada", "ada")]
    answers = [post("login/", body, REMOTE_ADDR=f"203.0.113.{n}").status_code for n, body in enumerate(bodies)]
    assert answers == [401] * 5 + [429]


def test_who_has_signed_in_from_there_before_is_not_kept_out(user: Any) -> None:
    assert sign_in(user.email, PASSWORD, HOME).status_code == 200
    assert botnet(user.email, 6)[-1] == 429

    assert sign_in(user.email, PASSWORD, ELSEWHERE).status_code == 429
    assert sign_in(user.email, PASSWORD, HOME).status_code == 200
    assert sign_in(user.email, "wrong", HOME).status_code == 401


def test_control_without_the_known_clients_the_owner_is_kept_out(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "is_marked", lambda key: False)
    assert sign_in(user.email, PASSWORD, HOME).status_code == 200
    botnet(user.email, 6)
    assert sign_in(user.email, PASSWORD, HOME).status_code == 429


def test_a_client_is_known_to_the_accounts_that_it_was_used_for_and_no_others(user: Any) -> None:
    other = UserFactory()
    assert sign_in(other.email, PASSWORD, HOME).status_code == 200
    botnet(user.email, 6)
    assert sign_in(user.email, PASSWORD, HOME).status_code == 429


def test_a_failure_makes_no_client_known(user: Any) -> None:
    sign_in(user.email, "wrong", HOME)
    botnet(user.email, 6)
    assert sign_in(user.email, PASSWORD, HOME).status_code == 429


def test_any_log_in_of_djangos_makes_a_client_known(user: Any) -> None:
    request = RequestFactory().post("/admin/login/", REMOTE_ADDR=HOME)
    user_logged_in.send(sender=type(user), request=request, user=user)
    botnet(user.email, 6)
    assert sign_in(user.email, PASSWORD, HOME).status_code == 200


def test_a_client_without_an_address_is_never_known(user: Any) -> None:
    for request in (None, RequestFactory().post("/", REMOTE_ADDR="")):
        user_logged_in.send(sender=type(user), request=request, user=user)
    botnet(user.email, 6)
    assert sign_in(user.email, PASSWORD, "").status_code == 429


def test_a_client_is_forgotten_after_ninety_days(user: Any) -> None:
    sign_in(user.email, PASSWORD, HOME)
    RateLimitWindow.objects.update(ends_at=F("ends_at") - attempts.KNOWN_FOR - 1)
    assert counting.prune_windows() >= 1
    botnet(user.email, 6)
    assert sign_in(user.email, PASSWORD, HOME).status_code == 429


def reset(user: Any, address: str) -> int:
    user.refresh_from_db()
    body = {"uid": encode(user.pk), "token": password_reset.make_token(user), "new_password": NEW_PASSWORD}
    status: int = post("password/reset/confirm/", body, REMOTE_ADDR=address).status_code
    return status


def test_a_password_reset_lets_the_owner_in_while_the_attack_goes_on(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "2/h"
    assert [sign_in(user.email, address=HOME).status_code for _ in range(3)] == [401, 401, 429]
    botnet(user.email, 6)

    assert reset(user, HOME) == 204
    botnet(user.email, 6)

    assert sign_in(user.email, NEW_PASSWORD, ELSEWHERE).status_code == 429
    assert sign_in(user.email, NEW_PASSWORD, HOME).status_code == 200


def test_from_anywhere_right_after_it(user: Any) -> None:
    botnet(user.email, 6)
    assert reset(user, HOME) == 204
    assert sign_in(user.email, NEW_PASSWORD, ELSEWHERE).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_also_where_a_shared_cache_remembers_the_refusal(settings: Any, redis_url: str) -> None:
    settings.CACHES = redis(redis_url)
    cache.clear()
    user = UserFactory()
    botnet(user.email, 6)
    assert reset(user, HOME) == 204
    assert sign_in(user.email, NEW_PASSWORD, ELSEWHERE).status_code == 200
    hang_up()


def test_a_wrong_link_lifts_nothing(user: Any) -> None:
    botnet(user.email, 6)
    body = {"uid": encode(user.pk), "token": "d4yvr5-0f8c9b2e6a1d4c7f", "new_password": NEW_PASSWORD}
    assert post("password/reset/confirm/", body, REMOTE_ADDR=HOME).status_code == 400
    assert sign_in(user.email, PASSWORD, HOME).status_code == 429


def test_one_client_may_fail_so_often_at_one_account(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "3/10m"
    answers = [sign_in(user.email) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[0]["RateLimit-Policy"] == answers[3]["RateLimit-Policy"] == '"login-client-account";q=3;w=600'
    assert [answer["RateLimit"].partition(";t=")[0] for answer in answers] == [
        f'"login-client-account";r={left}' for left in (2, 1, 0, 0)
    ]
    assert sign_in(user.email, address=HOME).status_code == 401
    assert sign_in(UserFactory().email).status_code == 401


def test_what_one_client_is_refused_counts_for_nobody_else(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "3/10m"
    for _ in range(20):
        sign_in(user.email)
    assert botnet(user.email, 3) == [401, 401, 429]


def test_what_the_account_is_refused_is_no_attempt_of_the_clients(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "3/2h"
    botnet(user.email, 5)
    assert [sign_in(user.email).status_code for _ in range(5)] == [429] * 5
    RateLimitWindow.objects.filter(key__contains="login-account:").delete()
    assert [sign_in(user.email).status_code for _ in range(4)] == [401] * 3 + [429]


def test_a_success_is_no_failure(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "2/h"
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE = "8/m"
    answers = [sign_in(user.email, PASSWORD) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 7
    assert answers[-1]["RateLimit"].startswith('"login";r=1;')


def test_a_success_clears_no_count(user: Any, settings: Any) -> None:
    own = UserFactory()
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "3/h"
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE = "9/m"
    answers = []
    for _ in range(3):
        answers.append(sign_in(user.email).status_code)
        answers.append(sign_in(own.email, PASSWORD).status_code)
    assert answers == [401, 200] * 3
    assert sign_in(user.email).status_code == 429, "another account's success has cleared its failures"
    # Nor do successes clear the failures of the account itself.
    assert [sign_in(own.email).status_code for _ in range(2)] == [401, 401]
    assert problem_of(sign_in(own.email)) == (429, "rate_limited"), "the client's count was cleared"
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE = None
    assert sign_in(own.email, PASSWORD).status_code == 200
    assert [sign_in(own.email).status_code for _ in range(2)] == [401, 429]


def test_headers_do_not_tell_what_others_do_to_an_account(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE = "10/m"
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "10/10m"
    quiet = sign_in("quiet@example.com", address=HOME)
    botnet(user.email, 4)
    stormy = sign_in(user.email, address=ELSEWHERE)
    assert quiet["RateLimit"] == stormy["RateLimit"] == '"login";r=9;t=60'
    assert quiet["RateLimit-Policy"] == stormy["RateLimit-Policy"] == '"login";q=10;w=60'


@pytest.mark.parametrize("rate", ["LOGIN_RATE", "LOGIN_CLIENT_ACCOUNT_RATE", "LOGIN_ACCOUNT_RATE"])
def test_a_refusal_hashes_nothing_and_looks_nobody_up(
    user: Any, settings: Any, rate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_ACCOUNT_RATE = None
    setattr(settings, f"SHOPCORE_ACCOUNTS_{rate}", "1/h")
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    assert sign_in(user.email).status_code == 401
    with hashing(monkeypatch) as hashed, connection.execute_wrapper(note):
        assert sign_in(user.email, PASSWORD).status_code == 429
    assert hashed == []
    assert statements
    assert all(RateLimitWindow._meta.db_table in sql for sql in statements), statements


def test_each_can_be_switched_off(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_ACCOUNT_RATE = None
    assert botnet(user.email, 8) == [401] * 8
    assert [sign_in(user.email).status_code for _ in range(8)] == [401] * 8
    assert sign_in(user.email, PASSWORD).status_code == 200
    assert not RateLimitWindow.objects.exists()


def test_no_row_holds_an_address_or_what_anybody_could_compute_of_one(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_CLIENT_ACCOUNT_RATE = "5/h"
    sign_in(user.email)
    sign_in(user.email, PASSWORD)
    keys = set(RateLimitWindow.objects.values_list("key", flat=True))
    assert len(keys) >= 3
    plain = f"login-account|5/3600|{attempts.account_key(user.email)}".encode()
    assert not any(hashlib.blake2b(plain, digest_size=20).hexdigest() in key for key in keys)
    assert not any(user.email in key or ELSEWHERE in key for key in keys)
    settings.SECRET_KEY = "another secret of the tests, also long enough for anybody"
    sign_in(user.email)
    assert len(set(RateLimitWindow.objects.values_list("key", flat=True)) - keys) == 2
