"""A forgotten password: a link by mail, which works once and not for long."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.test import override_settings

from django_shopcore.accounts import admins, confirmations, link_tokens
from django_shopcore.accounts.models import Session
from django_shopcore.notifications.models import Notification, OutboxMessage, Preferences
from tests.accounts.clients import tokens_of, works
from tests.accounts.mails import credentials_in, deliver, deliver_to, later, link_in, post, posted
from tests.accounts.test_races import meeting, only_postgresql
from tests.factories.accounts import PASSWORD, UserFactory
from tests.parallel import at_once
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.projects("full", "host_user", "email_user", "uuid_user"), pytest.mark.django_db]

RESET, CONFIRM = "password/reset/", "password/reset/confirm/"
NEW = "another quite long secret"
INVALID = [("token", "invalid_link")]


@pytest.fixture(autouse=True)
def no_cool_down(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 0


def ask(user: Any) -> dict[str, str]:
    """``uid`` and ``token`` as they reach ``user``."""
    assert post(RESET, {"email": user.email}).status_code == 202
    return credentials_in(deliver_to(user.email))


def confirm(credentials: dict[str, str], new: str = NEW) -> Any:
    return post(CONFIRM, {**credentials, "new_password": new})


def can_sign_in(user: Any, password: str) -> bool:
    response = post("login/", {"email": user.email, "password": password})
    assert response.status_code in (200, 401)
    return bool(response.status_code == 200)


@pytest.mark.projects("full", "host_user", "uuid_user")
def test_a_link_by_mail_sets_a_new_password(user: Any) -> None:
    response = post(RESET, {"email": user.email})

    assert response.status_code == 202
    assert set(response.json()) == {"detail"}
    assert response["Cache-Control"] == "no-store"
    assert posted() == [("password_reset", user.email, "pending")]
    message = deliver_to(user.email)
    assert message.subject == "Set a new password for shop.example"
    assert message.body.startswith("Hello Ada,\n\n")
    assert link_in(message).startswith("https://shop.example/reset-password/?uid=")
    assert "List-Unsubscribe" not in message.extra_headers

    done = confirm(credentials_in(message))

    assert (done.status_code, done.content) == (204, b"")
    assert can_sign_in(user, NEW)
    assert not can_sign_in(user, PASSWORD)


@pytest.mark.projects("full", "host_user", "uuid_user")
def test_every_session_ends_and_the_owner_is_told(user: Any) -> None:
    tokens = [tokens_of(user) for _ in range(2)]
    assert confirm(ask(user)).status_code == 204

    assert [works(pair.access) for pair in tokens] == [False, False]
    assert not Session.objects.filter(ended_at=None).exists()
    for pair in tokens:
        assert problem_of(post("refresh/", {"refresh": pair.refresh}))[0] == 401
    assert "was changed" in deliver_to(user.email).subject
    assert Notification.objects.get(kind="password_changed").user == user


def test_a_link_works_once(user: Any) -> None:
    credentials = ask(user)
    assert confirm(credentials).status_code == 204
    assert errors_of(confirm(credentials, "a third quite long secret")) == INVALID
    assert can_sign_in(user, NEW)


def test_the_address_may_be_written_in_any_case() -> None:
    UserFactory(email="ada@example.com")
    post(RESET, {"email": " ADA@Example.com "})
    deliver_to("ada@example.com")


def test_the_token_is_stored_nowhere(user: Any) -> None:
    credentials = ask(user)
    for row in OutboxMessage.objects.values_list():
        assert not any(value in str(row) for value in credentials.values())


@pytest.mark.parametrize("state", ["unknown", "inactive", "without a password"])
def test_nobody_else_gets_a_mail(user: Any, state: str) -> None:
    if state == "inactive":
        user.is_active = False
    elif state == "without a password":
        user.set_unusable_password()
    user.save()
    address = "nobody@example.com" if state == "unknown" else user.email

    assert post(RESET, {"email": address}).status_code == 202
    assert deliver() == []
    assert posted() == [("password_reset", address, "skipped")]


@pytest.mark.projects("host_user")
def test_an_address_of_two_users_gets_no_mail() -> None:
    UserFactory(email="ada@example.com", username="first")
    UserFactory(email="Ada@example.com", username="second")
    post(RESET, {"email": "ada@example.com"})
    assert deliver() == []


@pytest.mark.projects("host_user")
def test_an_inactive_user_with_the_same_address_is_in_nobodys_way() -> None:
    UserFactory(email="Ada@example.com", username="old", is_active=False)
    ada = UserFactory(email="ada@example.com", username="ada")
    assert confirm(ask(ada)).status_code == 204
    assert can_sign_in(ada, NEW)


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "a b@example.com", "a@example.com\nbcc: x@example.com", "x" * 250 + "@a.io", 7, None]
)
def test_what_is_not_an_address_is_refused(email: Any) -> None:
    assert {field for field, code in errors_of(post(RESET, {"email": email}))} == {"email"}
    assert posted() == []


def test_a_link_expires_after_our_timeout_and_not_after_djangos(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(SHOPCORE_ACCOUNTS_PASSWORD_RESET_TIMEOUT=600, PASSWORD_RESET_TIMEOUT=1):
        credentials = ask(user)
        later(monkeypatch, 602)
        assert errors_of(confirm(credentials)) == INVALID
        later(monkeypatch, 598)
        assert confirm(credentials).status_code == 204


def test_the_mail_says_how_long_it_works_in_the_recipients_language(user: Any) -> None:
    Preferences.objects.create(user=user, language="fr", time_zone="Europe/Paris")
    post(RESET, {"email": user.email})
    assert "1\xa0heure" in deliver_to(user.email).body


@pytest.mark.parametrize("change", ["password", "address", "deactivation", "deletion"])
def test_what_changes_meanwhile_makes_a_link_useless(user: Any, change: str) -> None:
    credentials = ask(user)
    if change == "password":
        user.set_password(PASSWORD)  # even the same
    elif change == "address":
        user.email = "new@example.com"
    elif change == "deactivation":
        user.is_active = False
    user.save()
    if change == "deletion":
        user.delete()
    assert errors_of(confirm(credentials)) == INVALID


def test_a_sign_in_leaves_it_alone(user: Any) -> None:
    credentials = ask(user)
    assert can_sign_in(user, PASSWORD)
    assert confirm(credentials).status_code == 204


def test_a_link_outlives_a_change_of_the_secret_key_with_a_fallback(user: Any, settings: Any) -> None:
    credentials = ask(user)
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    assert errors_of(confirm(credentials)) == INVALID
    settings.SECRET_KEY_FALLBACKS = [old]
    assert confirm(credentials).status_code == 204


def test_a_link_is_its_users_alone(user: Any) -> None:
    credentials = ask(user)
    other = UserFactory()
    assert errors_of(confirm({**credentials, "uid": link_tokens.encode(other.pk)})) == INVALID


@pytest.mark.projects("full")
def test_a_link_for_something_else_sets_no_password(user: Any) -> None:
    uid = link_tokens.encode(user.pk)
    for tokens in (link_tokens.email_verification, link_tokens.email_change_wish):
        assert errors_of(confirm({"uid": uid, "token": tokens.make_token(user)})) == INVALID
    assert errors_of(confirm({"uid": uid, "token": link_tokens.make_email_change_token(user, user.email)})) == INVALID
    assert confirm({"uid": uid, "token": link_tokens.password_reset.make_token(user)}).status_code == 204


@pytest.mark.parametrize(
    "uid", ["x", "!", "MQ", "\u0661", "w" * 5000, "_____w", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk", "AAAA"]
)
@pytest.mark.parametrize("token", ["x", "-", "a-b-c", "\u0661-\u0661", "0" * 5000, "zzzzzzzzzzzzzzz-1", "d4yvr5-0f8c"])
def test_nonsense_is_an_invalid_link(user: Any, uid: str, token: str) -> None:
    assert errors_of(confirm({"uid": uid, "token": token})) == INVALID
    assert errors_of(confirm({"uid": link_tokens.encode(user.pk), "token": token})) == INVALID


def test_missing_and_wrong_values_are_named(user: Any) -> None:
    assert errors_of(post(CONFIRM, {})) == [
        ("uid", "required"),
        ("token", "required"),
        ("new_password", "required"),
    ]
    assert errors_of(post(CONFIRM, {"uid": 7, "token": None, "new_password": []})) == [
        ("uid", "invalid"),
        ("token", "null"),
        ("new_password", "invalid"),
    ]


def test_the_new_password_has_to_pass_the_validators_and_a_bad_one_costs_no_link(user: Any) -> None:
    credentials = ask(user)
    assert errors_of(confirm(credentials, "1234567")) == [
        ("new_password", "password_too_short"),
        ("new_password", "password_too_common"),
        ("new_password", "password_entirely_numeric"),
    ]
    assert errors_of(confirm(credentials, user.email)) == [("new_password", "password_too_similar")]
    assert confirm(credentials).status_code == 204


@override_settings(ALLOWED_HOSTS=["*"], USE_X_FORWARDED_HOST=True)
def test_the_link_is_made_from_settings_and_never_from_the_request(user: Any) -> None:
    forged = {
        "HTTP_HOST": "evil.example",
        "HTTP_X_FORWARDED_HOST": "worse.example",
        "HTTP_ORIGIN": "https://bad.example",
    }
    assert post(RESET, {"email": user.email}, **forged).status_code == 202
    message = deliver_to(user.email)
    assert link_in(message).startswith("https://shop.example/reset-password/?")
    text = str(message.message())
    assert not any(host in text for host in ("evil.example", "worse.example", "bad.example"))


@override_settings(SHOPCORE_ACCOUNTS_PASSWORD_RESET_PATH="#/new-password")
def test_the_page_of_the_front_end_is_a_setting(user: Any) -> None:
    post(RESET, {"email": user.email})
    assert link_in(deliver_to(user.email)).startswith("https://shop.example/#/new-password?uid=")


@pytest.mark.projects("full")
def test_whoever_got_the_mail_has_verified_the_address(user: Any) -> None:
    assert not user.email_verified
    assert confirm(ask(user)).status_code == 204
    user.refresh_from_db()
    assert user.email_verified


def test_requests_for_mail_are_limited_together_per_client(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_RATE = "2/m"
    paths = [RESET, "email/verify/resend/", RESET]
    answers = [post(path, {"email": user.email}) for path in paths]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert problem_of(answers[-1]) == (429, "rate_limited")
    assert post(RESET, {"email": user.email}, REMOTE_ADDR="192.0.2.9").status_code == 202


def test_uses_of_links_are_limited_per_client(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_CONFIRM_RATE = "2/m"
    link = {"uid": "x", "token": "x", "new_password": NEW}
    paths = [CONFIRM, "email/verify/", "email/change/confirm/"]
    assert [post(path, link).status_code for path in paths] == [400, 400, 429]


@pytest.mark.django_db(transaction=True)
def test_of_two_uses_at_once_one_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    credentials = ask(user)
    meeting(monkeypatch, 2, (confirmations, "user_of_reset_link"))  # both have found the link valid by then

    answers = at_once([partial(confirm, credentials, f"{NEW} {number}") for number in range(2)])

    assert sorted(answer.status_code for answer in answers) == [204, 400]
    winner = [answer.status_code for answer in answers].index(204)
    user.refresh_from_db()
    assert user.check_password(f"{NEW} {winner}")


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_both_get_through(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = ask(UserFactory())
    monkeypatch.setattr(admins, "lock_rows", lambda queryset: list(queryset.order_by("pk")))
    meeting(monkeypatch, 2, (admins, "lock_rows"))

    answers = at_once([partial(confirm, credentials, f"{NEW} {number}") for number in range(2)])

    assert [answer.status_code for answer in answers] == [204, 204]
