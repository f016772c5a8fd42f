from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import AllowAllUsersModelBackend
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIClient

from django_shopcore.accounts import services, signals, signin
from django_shopcore.accounts.models import Session
from tests.accounts.clients import bearer, session_of, tokens_of, works
from tests.factories.accounts import PASSWORD, UserFactory
from tests.problems import errors_of, problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

URL = "/api/v1/auth/login/"


class LetsEverybodyIn(AllowAllUsersModelBackend):
    pass


def test_gives_tokens_that_work(anonymous: APIClient, user: Any) -> None:
    response = anonymous.post(URL, {"email": user.email, "password": PASSWORD})

    assert response.status_code == 200
    assert set(response.json()) == {"access", "refresh"}
    assert bearer(response.json()["access"]).get("/api/v1/auth/me/").json()["email"] == user.email
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("spelling", ["ada@example.com", "ADA@Example.COM", "  ada@example.com "])
def test_the_case_of_the_address_does_not_matter(anonymous: APIClient, spelling: str) -> None:
    UserFactory(email="ada@example.com")
    assert anonymous.post(URL, {"email": spelling, "password": PASSWORD}).status_code == 200


@pytest.mark.projects("host_user")
def test_nor_does_that_of_the_stored_address(anonymous: APIClient) -> None:
    UserFactory(email="Ada@Example.COM")
    assert anonymous.post(URL, {"email": "ada@example.com", "password": PASSWORD}).status_code == 200


def test_unknown_wrong_and_inactive_are_one_answer(anonymous: APIClient, user: Any) -> None:
    inactive = UserFactory(is_active=False)

    answers = [
        anonymous.post(URL, {"email": "nobody@example.com", "password": PASSWORD}),
        anonymous.post(URL, {"email": user.email, "password": "wrong"}),
        anonymous.post(URL, {"email": inactive.email, "password": PASSWORD}),
        anonymous.post(URL, {"email": inactive.email, "password": "wrong"}),
    ]

    assert {problem_of(answer) for answer in answers} == {(401, "invalid_credentials")}
    assert len({answer.content for answer in answers}) == 1
    assert {answer["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert not Session.objects.exists()


def test_unknown_wrong_and_inactive_take_the_same_work(
    anonymous: APIClient, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inactive = UserFactory(is_active=False)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    work = []
    for email, password in [("nobody@example.com", PASSWORD), (user.email, "wrong"), (inactive.email, PASSWORD)]:
        hashed.clear()
        connection.force_debug_cursor = True
        connection.queries_log.clear()
        assert anonymous.post(URL, {"email": email, "password": password}).status_code == 401
        connection.force_debug_cursor = False
        work.append((len(hashed), len(connection.queries_log)))

    assert len(set(work)) == 1, work
    assert work[0][0] == 1


def test_a_backend_that_lets_inactive_users_in_does_not(anonymous: APIClient, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = ["tests.accounts.test_login.LetsEverybodyIn"]
    inactive = UserFactory(is_active=False)

    response = anonymous.post(URL, {"email": inactive.email, "password": PASSWORD})

    assert problem_of(response) == (401, "invalid_credentials")


@pytest.mark.projects("host_user")
def test_an_address_of_two_users_signs_neither_in(anonymous: APIClient) -> None:
    UserFactory(email="ada@example.com", username="first")
    UserFactory(email="Ada@example.com", username="ada@example.com")

    response = anonymous.post(URL, {"email": "ada@example.com", "password": PASSWORD})

    assert problem_of(response) == (401, "invalid_credentials")


@pytest.mark.projects("host_user")
def test_a_user_name_is_not_an_address(anonymous: APIClient) -> None:
    UserFactory(email="ada@example.com", username="lovelace@example.com")

    response = anonymous.post(URL, {"email": "lovelace@example.com", "password": PASSWORD})

    assert problem_of(response) == (401, "invalid_credentials")


def test_remembers_the_device(anonymous: APIClient, user: Any) -> None:
    response = anonymous.post(
        URL, {"email": user.email, "password": PASSWORD}, HTTP_USER_AGENT="Fire\x00fox " + "x" * 400
    )

    session = Session.objects.get()
    assert response.status_code == 200
    assert session.user == user
    assert session.ip_address == "127.0.0.1"
    assert session.user_agent == ("Firefox " + "x" * 400)[:300]
    assert session.ended_at is None


def test_no_column_holds_a_refresh_token(anonymous: APIClient, user: Any) -> None:
    tokens = anonymous.post(URL, {"email": user.email, "password": PASSWORD}).json()
    tokens |= anonymous.post("/api/v1/auth/refresh/", {"refresh": tokens["refresh"]}).json()

    for model in (Session, get_user_model()):
        for row in model.objects.values_list():
            assert not any(part in str(row) for raw in tokens.values() for part in raw.split("."))


def test_sends_events_and_notes_the_time(anonymous: APIClient, user: Any) -> None:
    seen: list[Any] = []

    def note(sender: Any, user: Any, **kwargs: Any) -> None:
        seen.append((sender, user.pk, kwargs.get("session")))

    for signal in (signals.user_signed_in, user_logged_in):
        signal.connect(note)
    try:
        anonymous.post(URL, {"email": user.email, "password": PASSWORD})
    finally:
        for signal in (signals.user_signed_in, user_logged_in):
            signal.disconnect(note)

    session = Session.objects.get()
    assert sorted(seen, key=str) == sorted([(type(user), user.pk, None), (type(user), user.pk, session)], key=str)
    user.refresh_from_db()
    assert user.last_login is not None


def test_a_check_of_a_password_that_changed_meanwhile_does_not_count(rf: Any, user: Any) -> None:
    checked = signin.check_credentials(rf.post("/"), email=user.email, password=PASSWORD)
    user.set_password("another long secret")
    user.save()

    with pytest.raises(AuthenticationFailed) as refusal:
        signin.sign_in(rf.post("/"), checked)

    assert refusal.value.get_codes() == "invalid_credentials"
    assert not Session.objects.exists()


def test_a_user_deleted_meanwhile_is_not_signed_in(rf: Any, user: Any) -> None:
    checked = signin.check_credentials(rf.post("/"), email=user.email, password=PASSWORD)
    user.delete()

    with pytest.raises(AuthenticationFailed) as refusal:
        signin.sign_in(rf.post("/"), checked)

    assert refusal.value.get_codes() == "invalid_credentials"


@pytest.mark.parametrize("body", [{}, {"email": "a@example.com"}, {"email": "", "password": ""}, {"email": 1}])
def test_incomplete_credentials_are_400(anonymous: APIClient, body: Any) -> None:
    assert errors_of(anonymous.post(URL, body))


@pytest.mark.parametrize("email", ["\u0661@example.com", "x" * 255, "not an address", "%' OR 1=1", "a@b\u2028"])
def test_strange_addresses_are_unknown_or_invalid(anonymous: APIClient, user: Any, email: str) -> None:
    assert anonymous.post(URL, {"email": email, "password": PASSWORD}).status_code in (400, 401)


def test_is_limited_per_client(anonymous: APIClient, user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE = "3/m"

    answers = [anonymous.post(URL, {"email": user.email, "password": "wrong"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert problem_of(answers[-1]) == (429, "rate_limited")
    assert answers[-1]["Retry-After"]
    assert answers[0]["RateLimit-Policy"] == '"login";q=3;w=60'
    assert anonymous.post(URL, {}, REMOTE_ADDR="192.0.2.1").status_code == 400


@pytest.mark.parametrize("days", [30, 3])
def test_old_sessions_are_pruned(user: Any, settings: Any, days: int) -> None:
    if days != 30:
        settings.SHOPCORE_ACCOUNTS_SESSION_RETENTION = days
    long_ago = timezone.now() - datetime.timedelta(days=days, minutes=1)
    not_long_ago = timezone.now() - datetime.timedelta(days=days, minutes=-1)
    live, fresh, ended, expired = (tokens_of(user) for _ in range(4))
    Session.objects.filter(pk=session_of(fresh).pk).update(ended_at=not_long_ago)
    Session.objects.filter(pk=session_of(ended).pk).update(ended_at=long_ago)
    Session.objects.filter(pk=session_of(expired).pk).update(expires_at=long_ago)

    assert services.prune_sessions() == 2
    assert set(Session.objects.values_list("pk", flat=True)) == {session_of(live).pk, session_of(fresh).pk}
    assert works(live.access)
