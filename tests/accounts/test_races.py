"""Requests at once: what the database decides, with real threads.

Each guard has a negative control: the same race with the guard taken out goes wrong. The controls run on
PostgreSQL, whose transactions really overlap; SQLite has one writer at a time anyhow.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError, local
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from django_shopcore.accounts import admins, authentication, serializers, signin
from django_shopcore.accounts.models import Session
from django_shopcore.accounts.querysets import SessionQuerySet
from tests.accounts.clients import bearer, session_of, signed_in, tokens_of, works
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory
from tests.parallel import at_once, only_postgresql
from tests.problems import problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db(transaction=True),
]

MANY = 20
REFRESH = "/api/v1/auth/refresh/"


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


@pytest.fixture
def user() -> Any:
    return UserFactory()


def refresh(raw: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": raw})


def meeting(monkeypatch: pytest.MonkeyPatch, threads: int, *places: tuple[Any, str]) -> None:
    """Makes the first call of the functions ``places`` in each thread wait for the others' once it is done.

    So the race is not left to luck.
    """
    barrier = Barrier(threads)
    waited = local()

    def met(function: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not getattr(waited, "once", False):
            waited.once = True
            with suppress(BrokenBarrierError):  # another thread came to its end elsewhere
                barrier.wait(3)
        return result

    for owner, name in places:
        monkeypatch.setattr(owner, name, partial(met, getattr(owner, name)))


def test_of_many_refreshes_one_succeeds(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokens_of(user)
    meeting(monkeypatch, MANY, (signin, "_tokens_of"))  # all have read the session by then

    answers = at_once([partial(refresh, tokens.refresh)] * MANY)

    winners = [answer for answer in answers if answer.status_code == 200]
    assert len(winners) == 1
    losers = {problem_of(answer) for answer in answers if answer.status_code != 200}
    assert losers == {(401, "token_spent")}
    monkeypatch.undo()
    assert works(winners[0].json()["access"])
    assert refresh(winners[0].json()["refresh"]).status_code == 200


def test_without_a_leeway_the_losers_end_the_session(user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SHOPCORE_ACCOUNTS_REFRESH_REUSE_LEEWAY = 0
    tokens = tokens_of(user)
    meeting(monkeypatch, MANY, (signin, "_tokens_of"))

    answers = at_once([partial(refresh, tokens.refresh)] * MANY)

    assert [answer.status_code for answer in answers].count(200) == 1
    assert session_of(tokens).ended_at is not None


@only_postgresql
def test_control_without_the_condition_many_refreshes_succeed(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionQuerySet, "holding", lambda self, pk, refresh_hash: self.filter(pk=pk))
    tokens = tokens_of(user)
    meeting(monkeypatch, MANY, (signin, "_tokens_of"))

    answers = at_once([partial(refresh, tokens.refresh)] * MANY)

    assert [answer.status_code for answer in answers].count(200) > 1


def test_a_refresh_does_not_bring_an_ended_session_back(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokens_of(user)
    meeting(monkeypatch, 2, (signin, "_tokens_of"), (authentication, "bearer_token"))

    calls = [partial(refresh, tokens.refresh), partial(bearer(tokens.access).post, "/api/v1/auth/logout/")]
    refreshed, _ = at_once(calls)

    assert session_of(tokens).ended_at is not None
    if refreshed.status_code == 200:
        assert not works(refreshed.json()["access"])


def register() -> Any:
    values = {"email": "ada@example.com", "password": "a quite long secret"}
    return APIClient().post("/api/v1/auth/register/", values)


def test_of_many_registrations_of_one_address_one_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting(monkeypatch, MANY, (serializers, "check_new_password"))  # all have found the address free by then

    answers = at_once([register] * MANY)

    assert sorted(answer.status_code for answer in answers) == [201] + [400] * (MANY - 1)
    for answer in answers:
        if answer.status_code == 400:
            errors = answer.json()["errors"]
            assert [(error["field"], error["code"]) for error in errors] == [("email", "unique")]
    assert get_user_model().objects.count() == 1


@pytest.mark.projects("host_user")
def test_also_where_the_address_is_already_somebodys_user_name(monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory(email="other@example.com", username="ada@example.com")
    meeting(monkeypatch, MANY, (serializers, "check_new_password"))

    answers = at_once([register] * MANY)

    assert sorted(answer.status_code for answer in answers) == [201] + [400] * (MANY - 1)


def demote(client: APIClient, user: Any, change: dict[str, bool]) -> Any:
    return client.patch(f"/api/v1/users/{user.pk}/", change)


@pytest.mark.projects("full", "accounts_only", "host_user", "email_user")
@pytest.mark.parametrize("change", [{"is_admin": False}, {"is_active": False}])
def test_two_admins_cannot_demote_each_other_at_once(change: dict[str, bool]) -> None:
    for _ in range(5):
        get_user_model().objects.all().delete()
        a, b = AdminFactory(), AdminFactory()

        answers = at_once([partial(demote, signed_in(a), b, change), partial(demote, signed_in(b), a, change)])

        # The second may be refused as the last admin, or no longer be one when its request comes.
        assert [answer.status_code for answer in answers].count(200) == 1
        assert {answer.status_code for answer in answers} <= {200, 401, 403, 409}
        assert get_user_model().objects.filter(is_staff=True, is_active=True).count() == 1


def test_two_admins_cannot_delete_themselves_at_once() -> None:
    a, b = AdminFactory(), AdminFactory()
    calls = [partial(signed_in(user).post, "/api/v1/auth/me/delete/", {"password": PASSWORD}) for user in (a, b)]

    answers = at_once(calls)

    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert get_user_model().objects.count() == 1


@pytest.mark.projects("full", "accounts_only", "host_user", "email_user")
@only_postgresql
def test_control_without_the_lock_both_admins_go(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = AdminFactory(), AdminFactory()
    change = {"is_admin": False}
    clients = signed_in(a), signed_in(b)
    monkeypatch.setattr(admins, "lock_rows", lambda queryset: list(queryset.order_by("pk")))
    meeting(monkeypatch, 2, (admins, "lock_rows"))

    answers = at_once([partial(demote, clients[0], b, change), partial(demote, clients[1], a, change)])

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not get_user_model().objects.filter(is_staff=True).exists()


def test_many_sign_in_at_once(user: Any) -> None:
    credentials = {"email": user.email, "password": PASSWORD}
    answers = at_once([lambda: APIClient().post("/api/v1/auth/login/", credentials)] * 8)

    assert [answer.status_code for answer in answers] == [200] * 8
    assert Session.objects.open().count() == 8


def test_signing_out_everywhere_and_a_new_password_do_not_meet(user: Any) -> None:
    for new in ("another long secret", "and yet another secret"):
        current = PASSWORD if new.startswith("another") else "another long secret"
        mine, other = tokens_of(user), tokens_of(user)
        change = {"current_password": current, "new_password": new}
        answers = at_once(
            [
                partial(bearer(mine.access).post, "/api/v1/auth/password/change/", change),
                partial(bearer(other.access).post, "/api/v1/auth/logout-all/"),
            ]
        )
        assert {answer.status_code for answer in answers} <= {204, 401}
        assert not works(other.access)
        user.refresh_from_db()
        if not user.check_password(new):
            break
