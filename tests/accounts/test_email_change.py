"""Another address for an account: asked for with the password, confirmed from the new mailbox, told to the old."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_shopcore.accounts import admins, link_tokens, signals
from django_shopcore.notifications.models import Notification, OutboxMessage
from tests.accounts.clients import bearer, signed_in, tokens_of, works
from tests.accounts.mails import credentials_in, deliver, deliver_to, later, link_in, post, posted
from tests.accounts.test_races import meeting, only_postgresql
from tests.factories.accounts import PASSWORD, UserFactory
from tests.parallel import at_once
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.projects("full", "host_user", "email_user", "uuid_user"), pytest.mark.django_db]

URL, CONFIRM = "/api/v1/auth/email/change/", "email/change/confirm/"
NEW = "new@example.com"
INVALID, TAKEN = [("token", "invalid_link")], [("token", "address_taken")]


@pytest.fixture(autouse=True)
def no_cool_down(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 0


def ask(user: Any, **values: Any) -> Any:
    return signed_in(user).post(URL, {"new_email": NEW, "password": PASSWORD, **values})


def asked(user: Any, **values: Any) -> dict[str, str]:
    """``uid`` and ``token`` as they reach the new address."""
    assert ask(user, **values).status_code == 202
    return credentials_in(deliver_to(values.get("new_email", NEW)))


def address_of(user: Any) -> str:
    user.refresh_from_db()
    return str(user.email)


@pytest.mark.projects("full", "host_user", "uuid_user")
def test_the_whole_way(user: Any, ours: bool) -> None:
    old, tokens = user.email, tokens_of(user)
    response = bearer(tokens.access).post(URL, {"new_email": " NEW@example.com ", "password": PASSWORD})

    assert (response.status_code, set(response.json())) == (202, {"detail"})
    assert address_of(user) == old
    [first, second] = deliver()
    to_old, to_new = (first, second) if first.to == [old] else (second, first)
    assert (to_old.to, to_new.to) == ([old], [NEW])
    assert to_old.subject == "Your e-mail address at shop.example is to be changed"
    assert NEW in to_old.body
    assert "token=" not in to_old.body
    assert link_in(to_new).startswith("https://shop.example/confirm-email/?uid=")
    assert not Notification.objects.exists()

    done = post(CONFIRM, credentials_in(to_new))

    assert (done.status_code, done.content) == (204, b"")
    assert address_of(user) == NEW
    if ours:
        assert user.email_verified
    assert works(tokens.access)
    notices = deliver()
    assert sorted(message.to[0] for message in notices) == sorted([old, NEW])
    assert {message.subject for message in notices} == {"Your e-mail address at shop.example was changed"}
    assert all(old in message.body and NEW in message.body for message in notices)
    assert [line.message for line in Notification.objects.filter(user=user)] == [
        "Your e-mail address was changed to new@example.com."
    ]
    assert post("login/", {"email": NEW, "password": PASSWORD}).status_code == 200
    assert problem_of(post("login/", {"email": old, "password": PASSWORD})) == (401, "invalid_credentials")


def test_the_event_has_both_addresses(user: Any) -> None:
    old, seen = user.email, []
    signals.user_email_changed.connect(
        lambda user, old_email, **kwargs: seen.append((user.email, old_email)), weak=False
    )
    post(CONFIRM, asked(user))
    assert seen == [(NEW, old)]


@pytest.mark.projects("full", "host_user", "uuid_user")
def test_the_password_is_asked_for(user: Any) -> None:
    assert errors_of(ask(user, password="wrong")) == [("password", "invalid_password")]
    assert errors_of(signed_in(user).post(URL, {})) == [("new_email", "required"), ("password", "required")]
    assert posted() == []


@pytest.mark.parametrize("new_email", ["", "ada", "a b@example.com", "a\u017fa@example.com", 7, None, "x" * 255])
def test_what_is_not_an_address_is_refused(user: Any, new_email: Any) -> None:
    assert {field for field, code in errors_of(ask(user, new_email=new_email))} == {"new_email"}


def test_so_is_the_present_one(user: Any) -> None:
    assert errors_of(ask(user, new_email=f" {user.email.upper()} ")) == [("new_email", "unchanged")]


def test_a_taken_address_is_told_to_nobody(user: Any) -> None:
    owner = UserFactory()
    taken, free = ask(user, new_email=owner.email), ask(user)
    assert (taken.status_code, taken.content) == (free.status_code, free.content)
    assert owner.email not in [message.to[0] for message in deliver()]


def test_one_that_is_taken_meanwhile_is_refused(user: Any) -> None:
    credentials = asked(user)
    UserFactory(email=NEW)
    old = user.email
    assert errors_of(post(CONFIRM, credentials)) == TAKEN
    assert address_of(user) == old


def test_a_link_works_once(user: Any) -> None:
    credentials = asked(user)
    assert post(CONFIRM, credentials).status_code == 204
    assert errors_of(post(CONFIRM, credentials)) == INVALID


def test_a_link_does_not_bring_an_earlier_address_back(user: Any) -> None:
    first, second = asked(user), asked(user, new_email="second@example.com")
    assert post(CONFIRM, first).status_code == 204
    assert errors_of(post(CONFIRM, second)) == INVALID


@pytest.mark.parametrize("change", ["password", "address", "deactivation", "deletion"])
def test_what_changes_meanwhile_makes_a_link_useless(user: Any, change: str) -> None:
    credentials = asked(user)
    if change == "password":
        user.set_password(PASSWORD)
    elif change == "address":
        user.email = "third@example.com"
    elif change == "deactivation":
        user.is_active = False
    user.save()
    if change == "deletion":
        user.delete()
    assert errors_of(post(CONFIRM, credentials)) == INVALID


@pytest.mark.parametrize("change", ["password", "address"])
def test_and_a_mail_that_is_not_out_yet(user: Any, change: str) -> None:
    """Or a thief's wish, waiting for the mail server, would survive the owner's new password."""
    ask(user)
    if change == "password":
        user.set_password(PASSWORD)
    else:
        user.email = "third@example.com"
    user.save()
    assert NEW not in [message.to[0] for message in deliver()]


@pytest.mark.projects("full", "host_user", "uuid_user")
def test_the_old_owner_is_told_even_when_the_mail_is_late(user: Any) -> None:
    """News of security go to the address of that moment, not to where a thief has moved the account since."""
    old = user.email
    change = {"current_password": PASSWORD, "new_password": "a thief's own password"}
    signed_in(user).post("/api/v1/auth/password/change/", change)
    get_user_model().objects.filter(pk=user.pk).update(email="thief@example.com")
    assert [message.to for message in deliver()] == [[old]]


def test_a_link_expires(user: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_LINK_TIMEOUT = 3600
    credentials = asked(user)
    later(monkeypatch, 3602)
    assert errors_of(post(CONFIRM, credentials)) == INVALID
    later(monkeypatch, 3590)
    assert post(CONFIRM, credentials).status_code == 204


@pytest.mark.parametrize("late", [True, False])
def test_a_change_of_the_secret_key_with_a_fallback_stops_nothing(user: Any, settings: Any, late: bool) -> None:
    assert ask(user).status_code == 202
    credentials = {} if late else credentials_in(deliver_to(NEW))
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    if not late:
        assert errors_of(post(CONFIRM, credentials)) == INVALID
    settings.SECRET_KEY_FALLBACKS = [old]
    assert post(CONFIRM, credentials or credentials_in(deliver_to(NEW))).status_code == 204


def test_the_address_in_a_link_cannot_be_exchanged(user: Any) -> None:
    credentials = asked(user)
    _, _, rest = credentials["token"].partition("~")
    old = user.email
    for token in (
        f"{link_tokens.encode('eve@example.com')}~{rest}",
        rest,
        f"~{rest}",
        f"{rest}~",
        "~",
        "x~x",
        "\u0661~",
    ):
        assert errors_of(post(CONFIRM, {**credentials, "token": token})) == INVALID
    other = link_tokens.encode(UserFactory().pk)
    assert errors_of(post(CONFIRM, {**credentials, "uid": other})) == INVALID
    assert address_of(user) == old


def test_neither_the_request_nor_its_trace_is_a_link(user: Any) -> None:
    ask(user)
    row = OutboxMessage.objects.get(kind="confirm_new_address")
    stored = str(row.data)
    credentials = credentials_in(deliver_to(NEW))
    assert credentials["token"] not in stored
    forged = f"{link_tokens.encode(NEW)}~{row.data['wish']}"
    assert errors_of(post(CONFIRM, {**credentials, "token": forged})) == INVALID


def test_an_address_gets_one_such_mail_in_a_while(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 60
    answers = [ask(user), ask(UserFactory())]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [kind for kind, *_ in posted()].count("confirm_new_address") == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_uses_at_once_one_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    links = [asked(user), asked(user, new_email="second@example.com")]
    answers = at_once([partial(post, CONFIRM, link) for link in links])
    assert sorted(answer.status_code for answer in answers) == [204, 400]


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_both_get_through(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    links = [asked(user), asked(user, new_email="second@example.com")]
    monkeypatch.setattr(admins, "lock_rows", lambda queryset: list(queryset.order_by("pk")))
    meeting(monkeypatch, 2, (admins, "lock_rows"))
    answers = at_once([partial(post, CONFIRM, link) for link in links])
    assert [answer.status_code for answer in answers] == [204, 204]


@pytest.mark.projects("full")
@pytest.mark.django_db(transaction=True)
def test_two_accounts_cannot_get_one_address_at_once() -> None:
    links = [asked(UserFactory()) for _ in range(2)]
    answers = at_once([partial(post, CONFIRM, link) for link in links])
    assert sorted(answer.status_code for answer in answers) == [204, 400]
    assert get_user_model().objects.filter(email=NEW).count() == 1
