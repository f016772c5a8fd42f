from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from django_shopcore.accounts import signin
from django_shopcore.accounts.models import Session
from django_shopcore.accounts.tokens import token_hash
from tests.accounts.clients import session_of, tokens_of, works
from tests.problems import errors_of, problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

URL = "/api/v1/auth/refresh/"


def refresh(raw: str) -> Any:
    return APIClient().post(URL, {"refresh": raw})


def rotate(raw: str) -> signin.Tokens:
    response = refresh(raw)
    assert response.status_code == 200, response.json()
    return signin.Tokens(**response.json())


def spent_long_ago(tokens: signin.Tokens, seconds: float = 11) -> None:
    session = session_of(tokens)
    session.spent = {digest: moment - seconds for digest, moment in session.spent.items()}
    session.save()


def test_gives_new_tokens_and_keeps_the_session(user: Any) -> None:
    first = tokens_of(user)
    before = session_of(first)
    Session.objects.update(expires_at=timezone.now() + timedelta(hours=1), last_used_at=before.last_used_at)

    response = refresh(first.refresh)

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    second = signin.Tokens(**response.json())
    assert len({*first, *second}) == 4
    session = Session.objects.get()
    assert session.refresh_hash == token_hash(second.refresh)
    assert list(session.spent) == [token_hash(first.refresh)]
    assert session.expires_at > timezone.now() + timedelta(hours=2)
    assert session.rotated_at > before.rotated_at
    assert session.last_used_at > before.last_used_at
    assert works(first.access)
    assert works(second.access)
    assert works(rotate(second.refresh).access)


def test_a_spent_token_ends_the_session(user: Any) -> None:
    first, other = tokens_of(user), tokens_of(user)
    second = rotate(first.refresh)
    spent_long_ago(first)

    assert problem_of(refresh(first.refresh)) == (401, "token_reused")

    assert session_of(first).ended_at is not None
    assert not works(second.access)
    assert problem_of(refresh(second.refresh)) == (401, "session_ended")
    assert problem_of(refresh(first.refresh)) == (401, "session_ended")
    assert works(other.access)


def test_within_the_leeway_it_is_refused_and_no_more(user: Any) -> None:
    first = tokens_of(user)
    second = rotate(first.refresh)
    spent_long_ago(first, 8)

    assert problem_of(refresh(first.refresh)) == (401, "token_spent")

    assert works(second.access)
    assert works(rotate(second.refresh).access)


def test_the_leeway_counts_for_each_of_several_rotations(user: Any) -> None:
    tokens = [tokens_of(user)]
    for _ in range(4):
        tokens.append(rotate(tokens[-1].refresh))

    for spent in tokens[:-1]:
        assert problem_of(refresh(spent.refresh)) == (401, "token_spent")
    assert works(rotate(tokens[-1].refresh).access)


def test_the_leeway_can_be_none_at_all(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_REFRESH_REUSE_LEEWAY = 0
    first = tokens_of(user)
    second = rotate(first.refresh)

    assert problem_of(refresh(first.refresh)) == (401, "token_reused")
    assert not works(second.access)


def test_only_what_was_spent_just_now_is_remembered(user: Any) -> None:
    first = tokens_of(user)
    second = rotate(first.refresh)
    spent_long_ago(first)
    rotate(second.refresh)
    assert list(session_of(first).spent) == [token_hash(second.refresh)]

    # Not remembered, but not forgotten: any token of the session that is not the present one was spent.
    assert problem_of(refresh(first.refresh)) == (401, "token_reused")


def test_at_most_twenty_are_remembered(user: Any) -> None:
    tokens = tokens_of(user)
    session = session_of(tokens)
    session.spent = {f"digest {number}": time.time() - 5 + number / 100 for number in range(40)}
    session.save()

    rotate(tokens.refresh)

    spent = session_of(tokens).spent
    assert set(spent) == {token_hash(tokens.refresh), *(f"digest {number}" for number in range(21, 40))}


@pytest.mark.projects("full", "accounts_only", "host_user")
def test_an_ended_session_stays_ended_under_atomic_requests(user: Any, settings: Any) -> None:
    first = tokens_of(user)
    rotate(first.refresh)
    spent_long_ago(first)
    atomic = connection.settings_dict["ATOMIC_REQUESTS"]
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        refresh(first.refresh)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = atomic
    assert session_of(first).ended_at is not None


@pytest.mark.parametrize("change", ["ended", "expired", "inactive", "password", "deleted"])
def test_a_dead_session_is_not_refreshed(user: Any, change: str) -> None:
    tokens = tokens_of(user)
    if change == "ended":
        Session.objects.end()
    elif change == "expired":
        Session.objects.update(expires_at=timezone.now())
    elif change == "inactive":
        type(user).objects.update(is_active=False)
    elif change == "password":
        user.set_password("another long secret")
        user.save()
    else:
        user.delete()

    response = refresh(tokens.refresh)

    assert problem_of(response) == (401, "session_ended")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_stale_header_does_not_matter(anonymous: APIClient, user: Any) -> None:
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer stale")
    assert anonymous.post(URL, {"refresh": tokens_of(user).refresh}).status_code == 200


@pytest.mark.parametrize("raw", ["x", "a.b.c", "\u0661.\u0662.\u0663", " ", "." * 3, "x" * 100_000, "[" * 9000])
def test_what_is_not_a_token_is_401(raw: str, db: None) -> None:
    assert problem_of(refresh(raw)) == (401, "token_invalid")


@pytest.mark.parametrize("body", [{}, {"refresh": ""}, {"refresh": None}, {"refresh": 1}, {"refresh": ["x"]}])
def test_what_is_not_a_text_is_400(anonymous: APIClient, body: Any, db: None) -> None:
    assert [field for field, code in errors_of(anonymous.post(URL, body))] == ["refresh"]


def test_costs_two_statements_beside_the_limit(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_REFRESH_RATE = settings.SHOPCORE_ACCOUNTS_REFRESH_SESSION_RATE = None
    tokens = tokens_of(user)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        rotate(tokens.refresh)

    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "UPDATE"]


def test_refreshes_are_limited_per_session(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_REFRESH_SESSION_RATE = "2/m"
    first, second = tokens_of(user), tokens_of(user)
    raw = first.refresh
    for left in (1, 0):
        response = refresh(raw)
        assert (response.status_code, response["RateLimit"][:22]) == (200, f'"refresh-session";r={left};')
        raw = response.json()["refresh"]

    assert problem_of(refresh(raw)) == (429, "rate_limited")
    assert refresh(second.refresh).status_code == 200
    # It was not looked at, so it is still good for a use.
    settings.SHOPCORE_ACCOUNTS_REFRESH_SESSION_RATE = None
    assert refresh(raw).status_code == 200


def test_a_forged_token_does_not_count_for_the_session_that_it_names(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_REFRESH_SESSION_RATE = "1/m"
    raw = tokens_of(user).refresh
    header, claims, signature = raw.split(".")
    for _ in range(3):
        assert refresh(f"{header}.{claims}.{signature[::-1]}").status_code == 401
    assert refresh(raw).status_code == 200


def test_a_session_that_ends_between_look_and_update_is_not_refreshed(user: Any, monkeypatch: Any) -> None:
    tokens = tokens_of(user)
    holding = Session.objects.holding

    def late(*args: Any) -> Any:
        Session.objects.end()
        return holding(*args)

    monkeypatch.setattr(type(Session.objects), "holding", lambda self, *args: late(*args))
    assert problem_of(refresh(tokens.refresh)) == (401, "session_ended")


def test_a_new_secret_key_is_taken_over_while_the_old_one_is_a_fallback(user: Any, settings: Any) -> None:
    tokens = tokens_of(user)
    old_key = settings.SECRET_KEY
    settings.SECRET_KEY = "another secret that is long enough for anybody who asks"
    assert not works(tokens.access)
    settings.SECRET_KEY_FALLBACKS = [old_key]
    assert works(tokens.access)

    new = rotate(tokens.refresh)
    settings.SECRET_KEY_FALLBACKS = []

    assert works(new.access)
