from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_shopcore.accounts.models import Session
from tests.accounts.clients import bearer, session_of, signed_in, tokens_of, works
from tests.factories.accounts import AdminFactory, UserFactory
from tests.problems import errors_of, problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

URL = "/api/v1/auth/sessions/"


def ids(response: Any) -> list[str]:
    return [row["id"] for row in response.json()["results"]]


def text(moment: Any) -> str:
    return str(moment.astimezone(timezone.get_fixed_timezone(0)).isoformat().replace("+00:00", "Z"))


def test_lists_the_callers_devices(user: Any) -> None:
    phone = tokens_of(user, HTTP_USER_AGENT="A phone", REMOTE_ADDR="192.0.2.7")
    laptop = tokens_of(user, HTTP_USER_AGENT="A laptop", REMOTE_ADDR="2001:db8::1")
    tokens_of(UserFactory())

    response = bearer(phone.access).get(URL)

    assert response.status_code == 200
    assert response.json() == {
        "count": 2,
        "count_is_exact": True,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": str(session.pk),
                "created_at": text(session.created_at),
                "last_used_at": text(session.last_used_at),
                "ip_address": address,
                "user_agent": agent,
                "is_current": current,
            }
            for session, address, agent, current in (
                (session_of(laptop), "2001:db8::1", "A laptop", False),
                (session_of(phone), "192.0.2.7", "A phone", True),
            )
        ],
    }
    assert response["Cache-Control"] == "no-store"


def test_lists_live_ones_only(user: Any) -> None:
    current, ended, expired, older = (tokens_of(user) for _ in range(4))
    Session.objects.filter(pk=session_of(ended).pk).end()
    Session.objects.filter(pk=session_of(expired).pk).update(expires_at=timezone.now())
    Session.objects.filter(pk=session_of(older).pk).update(auth_hash="of an older password")

    assert ids(bearer(current.access).get(URL)) == [str(session_of(current).pk)]


def test_is_a_list_like_all_others(user: Any) -> None:
    tokens = [tokens_of(user) for _ in range(3)]
    for minutes, item in enumerate(tokens):
        used = timezone.now() - timedelta(minutes=minutes)
        Session.objects.filter(pk=session_of(item).pk).update(last_used_at=used)
    expected = [str(session_of(item).pk) for item in tokens]
    client = bearer(tokens[0].access)

    assert ids(client.get(f"{URL}?size=2")) == expected[:2]
    assert ids(client.get(f"{URL}?size=2&page=2")) == expected[2:]
    first = client.get(f"{URL}?size=2&cursor=")
    assert ids(first) + ids(client.get(first.json()["next"])) == expected
    assert client.get(f"{URL}?size=1&fields=id,is_current").json()["results"] == [
        {"id": expected[0], "is_current": True}
    ]
    assert errors_of(client.get(f"{URL}?fields=refresh_hash")) == [("fields", "unknown_field")]


def test_costs_two_statements_however_many(user: Any, django_assert_num_queries: Any) -> None:
    client = signed_in(user)
    for count in (1, 10):
        for _ in range(count):
            tokens_of(user)
        with django_assert_num_queries(2):
            client.get(URL)


def test_is_current_is_false_for_a_caller_without_a_session(user: Any, settings: Any) -> None:
    settings.SHOPCORE_AUTHENTICATION_CLASSES = ["rest_framework.authentication.SessionAuthentication"]
    from rest_framework.test import APIClient

    tokens_of(user)
    client = APIClient()
    client.force_login(user)

    assert [row["is_current"] for row in client.get(URL).json()["results"]] == [False]
    assert client.post("/api/v1/auth/logout/", HTTP_X_CSRFTOKEN="x").status_code == 204
    assert Session.objects.open().count() == 1


def test_ends_one_of_them(user: Any) -> None:
    mine, other = tokens_of(user), tokens_of(user)

    response = bearer(mine.access).delete(f"{URL}{session_of(other).pk}/")

    assert (response.status_code, response.content) == (204, b"")
    assert session_of(other).ended_at is not None
    assert works(mine.access)
    assert not works(other.access)


def test_may_end_the_session_that_asks(user: Any) -> None:
    mine = tokens_of(user)
    assert bearer(mine.access).delete(f"{URL}{session_of(mine).pk}/").status_code == 204
    assert not works(mine.access)


def test_anothers_is_not_there(user: Any) -> None:
    other = tokens_of(AdminFactory())
    client = signed_in(user)

    assert problem_of(client.delete(f"{URL}{session_of(other).pk}/")) == (404, "not_found")
    assert works(other.access)
    for pk in (uuid.uuid4(), "x", "1", "\u0661", "%00", uuid.uuid4().hex.upper(), "9" * 400):
        assert problem_of(client.delete(f"{URL}{pk}/")) == (404, "not_found")


def test_an_ended_one_is_not_there(user: Any) -> None:
    ended = tokens_of(user)
    Session.objects.end()
    assert problem_of(signed_in(user).delete(f"{URL}{session_of(ended).pk}/")) == (404, "not_found")


def test_logout_ends_this_session(user: Any) -> None:
    mine, other = tokens_of(user), tokens_of(user)

    response = bearer(mine.access).post("/api/v1/auth/logout/")

    assert (response.status_code, response.content) == (204, b"")
    assert response["Cache-Control"] == "no-store"
    assert not works(mine.access)
    assert works(other.access)
    refresh = bearer(other.access).post("/api/v1/auth/refresh/", {"refresh": mine.refresh})
    assert problem_of(refresh) == (401, "session_ended")
    assert problem_of(bearer(mine.access).post("/api/v1/auth/logout/")) == (401, "session_ended")


def test_logout_all_ends_every_session_of_the_caller(user: Any) -> None:
    mine, other, foreign = tokens_of(user), tokens_of(user), tokens_of(AdminFactory())

    response = bearer(mine.access).post("/api/v1/auth/logout-all/")

    assert (response.status_code, response.content) == (204, b"")
    assert [works(tokens.access) for tokens in (mine, other, foreign)] == [False, False, True]


@pytest.mark.parametrize("path", ["logout/", "logout-all/"])
def test_signing_out_refuses_a_body_that_is_not_json(user: Any, path: str) -> None:
    tokens = tokens_of(user)
    client = bearer(tokens.access)
    url = f"/api/v1/auth/{path}"

    assert client.post(url, "x", content_type="text/plain").status_code == 415
    assert client.post(url, "{", content_type="application/json").status_code == 400
    assert works(tokens.access)
    assert client.post(url, {"anything": 1}).status_code == 204


def test_a_session_shows_as_its_key_and_a_user_as_the_address(user: Any) -> None:
    session = session_of(tokens_of(user))
    assert str(session) == str(session.pk)
