"""Whether an address is its owner's: the link after registering, and the same once more."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_shopcore.accounts import link_tokens, signals
from tests.accounts.clients import tokens_of, works
from tests.accounts.mails import credentials_in, deliver, deliver_to, later, link_in, post, posted
from tests.factories.accounts import UserFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db]

VERIFY, RESEND = "email/verify/", "email/verify/resend/"
ADA = {"email": "ada@example.com", "password": "a quite long secret", "first_name": "Ada"}
INVALID = [("token", "invalid_link")]


def register() -> Any:
    assert post("register/", ADA).status_code == 201
    return get_user_model().objects.get(email=ADA["email"])


def verification_mail() -> Any:
    [message] = [message for message in deliver() if message.subject.startswith("Confirm")]
    return message


def is_verified(user: Any) -> bool:
    user.refresh_from_db()
    return bool(user.email_verified)


def test_registering_sends_a_link_that_verifies_the_address() -> None:
    user = register()
    message = verification_mail()
    assert message.to == ["ada@example.com"]
    assert link_in(message).startswith("https://shop.example/verify-email/?uid=")
    assert "3\xa0days" in message.body
    assert not is_verified(user)

    seen: list[Any] = []
    signals.user_email_verified.connect(lambda user, **kwargs: seen.append(user.pk), weak=False)
    response = post(VERIFY, credentials_in(message))

    assert (response.status_code, response.content) == (204, b"")
    assert is_verified(user)
    assert seen == [user.pk]


def test_it_ends_no_session() -> None:
    user = register()
    tokens = tokens_of(user)
    assert post(VERIFY, credentials_in(verification_mail())).status_code == 204
    assert works(tokens.access)


def test_a_link_works_once_and_its_sisters_neither() -> None:
    register()
    first = credentials_in(verification_mail())
    post(RESEND, {"email": ADA["email"]})
    second = credentials_in(verification_mail())
    assert post(VERIFY, first).status_code == 204
    assert [errors_of(post(VERIFY, link)) for link in (first, second)] == [INVALID] * 2


@pytest.mark.parametrize("change", ["password", "address", "deactivation", "deletion"])
def test_what_changes_meanwhile_makes_a_link_useless(change: str) -> None:
    user = register()
    credentials = credentials_in(verification_mail())
    if change == "password":
        user.set_password(ADA["password"])
    elif change == "address":
        user.email = "new@example.com"
    elif change == "deactivation":
        user.is_active = False
    user.save()
    if change == "deletion":
        user.delete()
    assert errors_of(post(VERIFY, credentials)) == INVALID


def test_a_link_expires(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_LINK_TIMEOUT = 3600
    user = register()
    credentials = credentials_in(verification_mail())
    later(monkeypatch, 3602)
    assert errors_of(post(VERIFY, credentials)) == INVALID
    later(monkeypatch, 3590)
    assert post(VERIFY, credentials).status_code == 204
    assert is_verified(user)


def test_a_link_outlives_a_change_of_the_secret_key_with_a_fallback(settings: Any) -> None:
    user = register()
    credentials, old = credentials_in(verification_mail()), settings.SECRET_KEY
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    assert errors_of(post(VERIFY, credentials)) == INVALID
    settings.SECRET_KEY_FALLBACKS = [old]
    assert post(VERIFY, credentials).status_code == 204
    assert is_verified(user)


def test_a_link_for_a_password_verifies_nothing(user: Any) -> None:
    uid = link_tokens.encode(user.pk)
    assert errors_of(post(VERIFY, {"uid": uid, "token": link_tokens.password_reset.make_token(user)})) == INVALID
    assert not is_verified(user)


@pytest.mark.projects("full", "host_user")
@pytest.mark.parametrize("body", [{"uid": "x", "token": "x"}, {"uid": "MQ", "token": "d4yvr5-0f8c"}])
def test_nonsense_is_an_invalid_link(body: dict[str, str]) -> None:
    assert errors_of(post(VERIFY, body)) == INVALID
    assert errors_of(post(VERIFY, {})) == [("uid", "required"), ("token", "required")]


def test_the_link_is_sent_again_on_request() -> None:
    user = register()
    deliver()
    response = post(RESEND, {"email": " ADA@example.com "})
    assert (response.status_code, set(response.json())) == (202, {"detail"})
    assert post(VERIFY, credentials_in(deliver_to(user.email))).status_code == 204


def test_the_mail_at_registration_starts_no_cool_down_and_a_request_does() -> None:
    register()
    for _ in range(3):
        assert post(RESEND, {"email": ADA["email"]}).status_code == 202
    kinds = [kind for kind, *_ in posted()]
    assert kinds.count("verify_address") == 2


def test_the_cool_down_of_a_resend_is_not_that_of_a_reset(user: Any) -> None:
    post(RESEND, {"email": user.email})
    post("password/reset/", {"email": user.email})
    assert [kind for kind, *_ in posted()] == ["verify_address", "password_reset"]


@pytest.mark.parametrize("state", ["unknown", "inactive", "verified"])
def test_nobody_else_gets_a_mail(state: str) -> None:
    user = UserFactory(is_active=state != "inactive", email_verified=state == "verified")
    address = "nobody@example.com" if state == "unknown" else user.email
    assert post(RESEND, {"email": address}).status_code == 202
    assert posted() == [("verify_address", address, "pending")]
    assert deliver() == []
    assert posted() == [("verify_address", address, "skipped")]


def test_a_mail_that_is_late_does_not_ask_who_has_verified_meanwhile() -> None:
    user = register()
    user.email_verified = True
    user.save()
    assert [message.subject for message in deliver()] == ["Welcome to shop.example"]


def test_without_verification_there_is_no_such_mail(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "none"
    register()
    assert post(RESEND, {"email": ADA["email"]}).status_code == 202
    assert {kind for kind, *_ in posted()} == {"welcome"}


@pytest.mark.projects("host_user")
def test_nor_where_users_have_no_such_column(user: Any) -> None:
    assert post("register/", ADA).status_code == 201
    assert post(RESEND, {"email": ADA["email"]}).status_code == 202
    assert {kind for kind, *_ in posted()} == {"welcome"}
    token = link_tokens.password_reset.make_token(user)
    assert errors_of(post(VERIFY, {"uid": link_tokens.encode(user.pk), "token": token})) == INVALID


def test_a_client_cannot_claim_to_be_verified() -> None:
    assert post("register/", {**ADA, "email_verified": True}).json()["email_verified"] is False
