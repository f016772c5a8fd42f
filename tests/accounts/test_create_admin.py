from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from tests.accounts.clients import tokens_of, works
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user"),
    pytest.mark.django_db,
]

VARIABLE = "DJANGO_SUPERUSER_PASSWORD"
GOOD = "a quite long secret"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def run(**options: Any) -> str:
    out = StringIO()
    call_command("shopcore_create_admin", **options, stdout=out)
    return out.getvalue()


def rights(user: Any) -> tuple[bool, bool, bool]:
    user.refresh_from_db()
    return user.is_staff, user.is_superuser, user.is_active


def test_makes_an_admin() -> None:
    assert run(email=" Boss@Example.com ", password=GOOD) == "boss@example.com was made an admin.\n"

    user: Any = get_user_model().objects.get()
    assert user.email == "boss@example.com"
    assert rights(user) == (True, True, True)
    assert user.check_password(GOOD)


def test_takes_the_password_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, GOOD)
    run(email="boss@example.com")
    assert get_user_model().objects.get().check_password(GOOD)


def test_promotes_a_user_who_keeps_the_password() -> None:
    user = UserFactory(email="ada@example.com", is_active=False)

    assert run(email="Ada@example.com") == "ada@example.com is now an admin.\n"

    assert rights(user) == (True, True, True)
    assert user.check_password(PASSWORD)
    assert get_user_model().objects.count() == 1


def test_gives_a_user_another_password_when_there_is_one() -> None:
    user = UserFactory(email="ada@example.com")
    tokens = tokens_of(user)
    run(email="ada@example.com", password=PASSWORD)
    assert works(tokens.access)

    run(email="ada@example.com", password=GOOD)
    user.refresh_from_db()
    assert user.check_password(GOOD)
    assert not works(tokens.access)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"email": "boss", "password": GOOD}, "--email 'boss'"),
        ({"email": "\u212a@example.com", "password": GOOD}, "--email"),
        ({"email": "boss@example.com"}, VARIABLE),
        ({"email": "boss@example.com", "password": ""}, VARIABLE),
        ({"email": "boss@example.com", "password": "1234"}, "not good enough"),
        ({"email": "lovelace@example.com", "password": "lovelace1"}, "not good enough"),
    ],
)
def test_says_what_is_wrong(options: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(**options)
    assert not get_user_model().objects.exists()


def test_refuses_a_weak_password_for_an_existing_user_too() -> None:
    user = UserFactory(email="ada@example.com")
    with pytest.raises(CommandError, match="not good enough"):
        run(email="ada@example.com", password="1234")
    assert rights(user) == (False, False, True)


@pytest.mark.projects("host_user")
def test_refuses_an_address_of_two_users() -> None:
    UserFactory(email="ada@example.com", username="a")
    UserFactory(email="ADA@example.com", username="b")
    with pytest.raises(CommandError, match="2 users"):
        run(email="ada@example.com", password=GOOD)


def test_needs_a_column_that_makes_admins(settings: Any) -> None:
    settings.SHOPCORE_ADMIN_ADAPTER = "tests.projects.members.adapters.OwnersAreAdmins"
    with pytest.raises(CommandError, match="OwnersAreAdmins knows of no column of"):
        run(email="ada@example.com", password=GOOD)
    assert not get_user_model().objects.exists()


def test_another_process_may_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "django_shopcore.accounts.management.commands.shopcore_create_admin"
    run(email="boss@example.com", password=GOOD)
    monkeypatch.setattr(f"{module}.users_with_email", lambda email: [])
    monkeypatch.setattr(f"{module}.new_user", lambda email: get_user_model()(email=email, **name(email)))
    with pytest.raises(CommandError, match="same time"):
        run(email="boss@example.com", password=GOOD)


def name(email: str) -> dict[str, str]:
    field = get_user_model().USERNAME_FIELD
    return {} if field == "email" else {field: email}


def test_a_refusal_is_an_exit_code() -> None:
    command = [sys.executable, "-m", "django", "shopcore_create_admin", "--email", "boss", "--password", GOOD]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("CommandError: --email 'boss'")
