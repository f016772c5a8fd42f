"""Whether an address has an account cannot be told: the same answer after the same work, to the single statement."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection

from django_shopcore.accounts import users
from django_shopcore.notifications.models import OutboxMessage
from tests.accounts.clients import signed_in
from tests.accounts.mails import deliver, post
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [pytest.mark.projects("full", "host_user", "email_user", "uuid_user"), pytest.mark.django_db]

SECRET = "a quite long secret"
SAVEPOINT = re.compile(r"(?<=SAVEPOINT ).*")
VOLATILE = ("id", "dedupe_key", "address", "data", "message_uuid", "available_at", "created_at", "queued_at")


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed: what costs time."""
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str, *args: Any) -> str:
        hashed.append(password)
        return encode(self, password, salt, *args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    return hashed


def accounts() -> dict[str, str]:
    """An address for each state that an account may be in, one of them no account's."""
    states: dict[str, dict[str, Any]] = {"active": {}, "inactive": {"is_active": False}}
    if users.column(users.VERIFIED):
        states["verified"] = {users.VERIFIED: True}
    return {name: UserFactory(**values).email for name, values in states.items()} | {"nobody": "nobody@example.com"}


def work(ask: Callable[[str], Any], email: str, hashed: list[str]) -> dict[str, Any]:
    """All that can be observed of a request: the answer, the statements, the hashes, the rows."""
    hashed.clear()
    OutboxMessage.objects.all().delete()
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(SAVEPOINT.sub("?", sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        response = ask(email)
    rows = [
        {k: v for k, v in row.items() if k not in VOLATILE} for row in OutboxMessage.objects.order_by("id").values()
    ]
    headers = {name: value for name, value in response.items() if not name.startswith("RateLimit")}
    return {
        "status": response.status_code,
        "body": response.content,
        "headers": headers,
        "statements": statements,
        "hashes": len(hashed),
        "rows": rows,
    }


def assert_same(ask: Callable[[str], Any], hashed: list[str]) -> dict[str, Any]:
    found = {name: work(ask, email, hashed) for name, email in accounts().items()}
    expected = found.pop("nobody")
    for name, seen in found.items():
        assert seen == expected, name
    return expected


@pytest.mark.parametrize("path", ["password/reset/", "email/verify/resend/"])
def test_asking_for_a_link(path: str, hashed: list[str]) -> None:
    seen = assert_same(lambda email: post(path, {"email": email}), hashed)
    assert (seen["status"], seen["hashes"]) == (202, 0)
    assert not [sql for sql in seen["statements"] if "user" in sql.partition("WHERE")[2]], "it looks the address up"


def test_the_same_again_within_the_cool_down(hashed: list[str]) -> None:
    def twice(email: str) -> Any:
        post("password/reset/", {"email": email})
        return post("password/reset/", {"email": email})

    assert len(assert_same(twice, hashed)["rows"]) == 1


@pytest.mark.projects("full")
def test_registering_where_verification_is_mandatory(settings: Any, hashed: list[str]) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    seen = assert_same(lambda email: post("register/", {"email": email, "password": SECRET}), hashed)
    assert (seen["status"], seen["hashes"]) == (202, 1)
    assert [row["kind"] for row in seen["rows"]] == ["verify_address", "account_exists"]


@pytest.mark.projects("full")
def test_control_registering_otherwise_tells(hashed: list[str]) -> None:
    with pytest.raises(AssertionError):
        assert_same(lambda email: post("register/", {"email": email, "password": SECRET}), hashed)


@pytest.mark.projects("full")
def test_signing_in_where_verification_is_mandatory(settings: Any, hashed: list[str]) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    unverified = UserFactory()
    wrong = work(lambda email: post("login/", {"email": email, "password": "wrong"}), unverified.email, hashed)
    right = work(lambda email: post("login/", {"email": email, "password": PASSWORD}), unverified.email, hashed)
    nobody = work(lambda email: post("login/", {"email": email, "password": PASSWORD}), "nobody@example.com", hashed)
    assert wrong == right == nobody
    assert (right["status"], right["hashes"]) == (401, 1)


def test_wishing_for_an_address(hashed: list[str], settings: Any) -> None:
    client = signed_in(UserFactory())
    body = {"password": PASSWORD}
    seen = assert_same(lambda email: client.post("/api/v1/auth/email/change/", {**body, "new_email": email}), hashed)
    assert (seen["status"], seen["hashes"]) == (202, 1)
    assert len(seen["rows"]) == 2


@pytest.mark.projects("full", "host_user")
@pytest.mark.parametrize("path", ["password/reset/confirm/", "email/verify/", "email/change/confirm/"])
def test_using_a_link_of_nobodys(path: str, hashed: list[str]) -> None:
    from django_shopcore.accounts.link_tokens import encode

    user = UserFactory()
    key = user.pk
    body = {"token": "d4yvr5-0f8c9b2e6a1d4c7f", "new_password": SECRET}
    with_user = work(lambda email: post(path, {**body, "uid": encode(key)}), "", hashed)
    user.delete()
    without = work(lambda email: post(path, {**body, "uid": encode(key)}), "", hashed)
    assert with_user == without
    assert (with_user["status"], with_user["hashes"]) == (400, 0)


def test_the_worker_is_the_one_who_looks(hashed: list[str]) -> None:
    emails = accounts()
    for email in emails.values():
        post("password/reset/", {"email": email})
    assert {message.to[0] for message in deliver()} == {
        emails[name] for name in ("active", "verified") if name in emails
    }
