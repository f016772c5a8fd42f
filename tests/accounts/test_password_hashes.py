"""Hashes that are renewed at the next sign-in: nobody notices, on no device."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model, hashers
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client
from rest_framework.test import APIClient

from django_shopcore.accounts import passwords
from django_shopcore.accounts.models import Session
from django_shopcore.testing import AdminFactory as SuperuserFactory
from tests.accounts.clients import bearer, session_of, signed_in, tokens_of, works
from tests.accounts.test_races import meeting, only_postgresql
from tests.factories.accounts import PASSWORD, UserFactory
from tests.parallel import at_once
from tests.problems import errors_of, problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

API = "/api/v1/auth/"
MD5 = "django.contrib.auth.hashers.MD5PasswordHasher"
ARGON2 = "django.contrib.auth.hashers.Argon2PasswordHasher"


class Quick(PBKDF2PasswordHasher):
    algorithm = "quick"
    iterations = 2


QUICK = f"{__name__}.Quick"


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


def another_algorithm(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = [QUICK, MD5]


def argon2(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("argon2")
    settings.PASSWORD_HASHERS = [ARGON2, MD5]


def more_work(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = [QUICK]
    for user in get_user_model().objects.all():
        user.set_password(PASSWORD)
        user.save()
    monkeypatch.setattr(Quick, "iterations", 3)


@pytest.fixture(params=[another_algorithm, argon2, more_work])
def outdated(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch, user: Any) -> Any:
    """A user whose hash is due to be renewed."""
    request.param(settings, monkeypatch)
    user.refresh_from_db()
    return user


def login(user: Any, password: str = PASSWORD) -> Any:
    return APIClient().post(f"{API}login/", {"email": user.email, "password": password})


def stored(user: Any) -> str:
    return str(get_user_model().objects.values_list("password", flat=True).get(pk=user.pk))


def test_signing_in_renews_the_hash_and_ends_no_session(outdated: Any) -> None:
    before, others = outdated.password, [tokens_of(outdated) for _ in range(2)]

    response = login(outdated)

    assert response.status_code == 200
    assert stored(outdated) != before
    assert hashers.check_password(PASSWORD, stored(outdated))
    assert works(response.json()["access"])
    for tokens in others:
        assert works(tokens.access)
        refreshed = APIClient().post(f"{API}refresh/", {"refresh": tokens.refresh})
        assert refreshed.status_code == 200
        assert works(refreshed.json()["access"])
    assert len(signed_in(get_user_model().objects.get()).get(f"{API}sessions/").json()["results"]) == 4
    again = stored(outdated)
    assert login(outdated).status_code == 200
    assert stored(outdated) == again


@pytest.mark.parametrize("path", ["me/delete/", "password/change/", "email/change/"])
def test_a_proof_of_the_password_renews_it_too(user: Any, settings: Any, path: str) -> None:
    tokens, other = tokens_of(user), tokens_of(user)
    settings.PASSWORD_HASHERS = [QUICK, MD5]
    body = {"password": PASSWORD, "current_password": PASSWORD}
    response = bearer(tokens.access).post(f"{API}{path}", {**body, "new_password": "1", "new_email": "x@example.com"})
    if path == "password/change/":
        assert errors_of(response)[0] == ("new_password", "password_too_short")  # nothing was proved
        assert stored(user).startswith("md5$")
    elif path == "email/change/":
        assert response.status_code in (202, 404)
        if response.status_code == 202:
            assert stored(user).startswith("quick$")
    else:
        assert response.status_code == 204
        return
    assert works(tokens.access)
    assert works(other.access)


def test_a_wrong_password_renews_nothing(outdated: Any) -> None:
    tokens, before = tokens_of(outdated), outdated.password
    assert problem_of(login(outdated, "wrong")) == (401, "invalid_credentials")
    assert stored(outdated) == before
    assert works(tokens.access)


def test_an_ended_session_stays_ended(outdated: Any) -> None:
    tokens = tokens_of(outdated)
    assert bearer(tokens.access).post(f"{API}logout/").status_code == 204
    assert login(outdated).status_code == 200
    assert not works(tokens.access)


def test_a_session_of_an_earlier_password_stays_out(outdated: Any) -> None:
    """As after ``manage.py changepassword``, which ends sessions by the hash alone."""
    tokens = tokens_of(outdated)
    outdated.password = hashers.make_password("another long secret", hasher=outdated.password.partition("$")[0])
    outdated.save()
    assert login(outdated, "another long secret").status_code == 200
    assert not works(tokens.access)


def test_a_session_under_a_fallback_of_the_secret_key_goes_on(outdated: Any, settings: Any) -> None:
    tokens = tokens_of(outdated)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    assert login(outdated).status_code == 200
    assert works(tokens.access)
    settings.SECRET_KEY_FALLBACKS = []
    assert works(tokens.access)


def test_sessions_of_others_are_left_alone(outdated: Any) -> None:
    other = UserFactory()
    tokens = tokens_of(other)
    before = session_of(tokens).auth_hash
    assert login(outdated).status_code == 200
    assert session_of(tokens).auth_hash == before


def test_control_the_renewal_of_django_alone_ends_the_others(
    user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "keep_sessions", lambda user, known: None)
    tokens = tokens_of(user)
    settings.PASSWORD_HASHERS = [QUICK, MD5]
    assert works(login(user).json()["access"])
    assert not works(tokens.access)


@pytest.mark.projects("full", "accounts_only")
def test_the_login_of_the_admin_ends_no_session_either(settings: Any) -> None:
    boss = SuperuserFactory(email="boss@example.com")
    tokens = tokens_of(boss)
    settings.PASSWORD_HASHERS = [QUICK, MD5]
    site = Client()
    assert site.post("/admin/login/", {"username": boss.email, "password": PASSWORD}).status_code == 302
    assert stored(boss).startswith("quick$")
    assert works(tokens.access)
    assert site.get("/admin/").status_code == 200


# --- At once ----------------------------------------------------------------------------------------------

MANY = 20


@pytest.mark.projects("full", "accounts_only")
@pytest.mark.django_db(transaction=True)
def test_many_sign_ins_at_once_renew_it_once_and_all_succeed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    tokens = tokens_of(user)
    settings.PASSWORD_HASHERS = [QUICK, MD5]
    meeting(monkeypatch, MANY, (passwords, "authenticate"), (passwords, "auth_hashes"))  # all have the old hash by then

    answers = at_once([partial(login, user)] * MANY)

    monkeypatch.undo()
    assert [answer.status_code for answer in answers] == [200] * MANY
    assert all(works(answer.json()["access"]) for answer in answers)
    assert works(tokens.access)
    assert len(set(Session.objects.values_list("auth_hash", flat=True))) == 1


@only_postgresql
@pytest.mark.projects("full", "accounts_only")
@pytest.mark.django_db(transaction=True)
def test_control_each_storing_its_own_some_are_signed_out(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    settings.PASSWORD_HASHERS = [QUICK, MD5]
    monkeypatch.setattr(type(user), "check_password", AbstractBaseUser.check_password)
    meeting(monkeypatch, MANY, (passwords, "authenticate"))

    answers = at_once([partial(login, user)] * MANY)

    monkeypatch.undo()
    assert not all(answer.status_code == 200 and works(answer.json()["access"]) for answer in answers)


@pytest.mark.projects("full", "accounts_only")
def test_a_new_password_that_comes_meanwhile_stays(user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokens_of(user)
    settings.PASSWORD_HASHERS = [QUICK, MD5]
    make = hashers.make_password
    new = make("another long secret")

    def late(*args: Any) -> str:
        get_user_model().objects.filter(pk=user.pk).update(password=new)
        return make(*args)

    monkeypatch.setattr(passwords.hashers, "make_password", late)
    assert problem_of(login(user)) == (401, "invalid_credentials")
    assert stored(user) == new
    assert not works(tokens.access)


def test_a_password_that_changed_between_look_and_check_revives_no_session(
    user: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, new = tokens_of(user), "another long secret"
    authenticate = passwords.authenticate

    def late(request: Any, **credentials: Any) -> Any:
        get_user_model().objects.filter(pk=user.pk).update(password=hashers.make_password(new))
        return authenticate(request, **credentials)

    monkeypatch.setattr(passwords, "authenticate", late)
    assert works(login(user, new).json()["access"])
    assert not works(tokens.access)
