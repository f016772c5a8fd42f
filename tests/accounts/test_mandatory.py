"""Where an address has to be verified: no account, and no word about one, before the link is used."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_shopcore.accounts import confirmations, registration, signals
from django_shopcore.accounts.models import PendingRegistration, Session
from django_shopcore.core import periodic
from django_shopcore.notifications import outbox
from django_shopcore.notifications.models import OutboxMessage
from tests.accounts.clients import tokens_of
from tests.accounts.mails import credentials_in, deliver, deliver_to, later, link_in, post, posted
from tests.accounts.test_races import meeting, only_postgresql
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory
from tests.parallel import at_once
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db]

ADA = {"email": "ada@example.com", "password": "a quite long secret", "first_name": "Ada", "last_name": "King"}
VERIFY, RESEND = "email/verify/", "email/verify/resend/"
INVALID, TAKEN = [("token", "invalid_link")], [("token", "address_taken")]


@pytest.fixture(autouse=True)
def mandatory(settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 0


def register(**values: str) -> Any:
    response = post("register/", {**ADA, **values})
    assert response.status_code == 202, response.json()
    return response


def login(password: str = ADA["password"]) -> Any:
    return post("login/", {"email": ADA["email"], "password": password})


def users() -> list[Any]:
    return list(get_user_model().objects.filter(email=ADA["email"]))


def test_the_link_makes_the_account() -> None:
    AdminFactory(email="boss@example.com")
    register(email=" ADA@example.com ")

    assert not users()
    assert problem_of(login()) == (401, "invalid_credentials")
    pending = PendingRegistration.objects.get()
    assert (pending.email, pending.first_name, pending.last_name) == ("ada@example.com", "Ada", "King")
    assert ADA["password"] not in pending.password
    [message] = deliver()
    assert message.to == ["ada@example.com"]
    assert message.body.startswith("Hello,\n")
    assert link_in(message).startswith("https://shop.example/verify-email/?uid=")

    assert post(VERIFY, credentials_in(message)).status_code == 204

    [user] = users()
    assert (user.first_name, user.last_name, user.email_verified) == ("Ada", "King", True)
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert login().status_code == 200
    assert not PendingRegistration.objects.exists()
    later_mails = {(message.to[0], message.subject) for message in deliver()}
    assert later_mails == {
        ("ada@example.com", "Welcome to shop.example"),
        ("boss@example.com", "New registration: ada@example.com"),
    }


def test_the_events_come_with_the_account() -> None:
    seen: list[Any] = []
    for name in ("user_registered", "user_email_verified"):
        signal = getattr(signals, name)
        signal.connect(lambda user, name=name, **kwargs: seen.append((name, user.email)), weak=False)
    register()
    assert seen == []
    post(VERIFY, credentials_in(deliver_to(ADA["email"])))
    assert seen == [("user_registered", ADA["email"]), ("user_email_verified", ADA["email"])]


def test_the_owner_of_a_taken_address_is_told_and_nobody_else() -> None:
    owner = UserFactory(email="ada@example.com", first_name="Owner")
    taken = register(first_name="Mallory")
    free = register(email="eve@example.com")

    assert taken.content == free.content
    assert taken.json().keys() == {"detail"}
    [to_ada, to_eve] = sorted(deliver(), key=lambda message: str(message.to))
    assert (to_ada.to, to_ada.subject) == ([owner.email], "You have an account at shop.example already")
    assert to_ada.body.startswith("Hello Owner,")
    assert "Mallory" not in str(to_ada.message())
    assert "token=" not in to_ada.body
    assert to_eve.subject == "Confirm your address for shop.example"
    assert users() == [owner]


def test_an_owner_who_is_inactive_is_not() -> None:
    UserFactory(email="ada@example.com", is_active=False)
    register()
    assert deliver() == []


def test_a_wrong_body_is_told_as_ever() -> None:
    assert errors_of(post("register/", {"email": "x", "password": "1234567"}))[0] == ("email", "invalid")
    errors = errors_of(post("register/", {**ADA, "password": "1234567"}))
    assert {field for field, code in errors} == {"password"}
    assert errors_of(post("register/", {**ADA, "password": "ada@example.com"})) == [
        ("password", "password_too_similar")
    ]
    assert not PendingRegistration.objects.exists()


def test_a_link_works_once_and_all_of_the_address_die_with_it() -> None:
    register()
    first = credentials_in(deliver_to(ADA["email"]))
    register(password="another quite long secret")
    second = credentials_in(deliver_to(ADA["email"]))

    assert post(VERIFY, first).status_code == 204
    assert [errors_of(post(VERIFY, link)) for link in (first, second)] == [INVALID] * 2
    assert users()[0].check_password(ADA["password"])


def test_an_address_taken_meanwhile_is_refused() -> None:
    register()
    credentials = credentials_in(deliver_to(ADA["email"]))
    owner = UserFactory(email=ADA["email"])
    assert errors_of(post(VERIFY, credentials)) == TAKEN
    assert users() == [owner]


def test_a_link_expires(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_LINK_TIMEOUT = 3600
    register()
    credentials = credentials_in(deliver_to(ADA["email"]))
    later(monkeypatch, 3602)
    assert errors_of(post(VERIFY, credentials)) == INVALID
    later(monkeypatch, 3590)
    assert post(VERIFY, credentials).status_code == 204


def test_the_link_of_one_registration_is_not_anothers() -> None:
    register()
    mine = credentials_in(deliver_to(ADA["email"]))
    register(email="eve@example.com")
    other = credentials_in(deliver_to("eve@example.com"))
    assert errors_of(post(VERIFY, {"uid": other["uid"], "token": mine["token"]})) == INVALID


def test_a_mail_that_is_late_has_a_link_that_lives_as_long() -> None:
    register()
    PendingRegistration.objects.update(created_at=timezone.now() - registration.LATEST_MAIL)
    assert registration.prune() == 0
    assert post(VERIFY, credentials_in(deliver_to(ADA["email"]))).status_code == 204


def test_the_link_of_the_latest_registration_is_sent_again() -> None:
    register()
    register(password="another quite long secret")
    deliver()
    assert post(RESEND, {"email": "ADA@example.com"}).status_code == 202
    assert post(VERIFY, credentials_in(deliver_to(ADA["email"]))).status_code == 204
    assert users()[0].check_password("another quite long secret")


def test_not_of_one_that_has_expired() -> None:
    register()
    deliver()
    PendingRegistration.objects.update(created_at=timezone.now() - registration.LATEST_MAIL)
    post(RESEND, {"email": ADA["email"]})
    assert deliver() == []


def test_a_late_word_to_the_owner_is_not_sent_to_who_has_just_registered() -> None:
    register()
    credentials = credentials_in(deliver_to(ADA["email"]))
    assert post(VERIFY, credentials).status_code == 204
    assert outbox.send_again(OutboxMessage.objects.filter(kind="account_exists")) == 1
    assert "You have an account at shop.example already" not in [message.subject for message in deliver()]


def test_who_is_not_verified_cannot_sign_in_and_cannot_tell_why() -> None:
    user = UserFactory(email=ADA["email"])
    answers = [login(PASSWORD), login("wrong"), post("login/", {"email": "nobody@example.com", "password": PASSWORD})]

    assert {problem_of(answer) for answer in answers} == {(401, "invalid_credentials")}
    assert len({answer.content for answer in answers}) == 1
    assert not Session.objects.exists()

    post(RESEND, {"email": user.email})
    assert post(VERIFY, credentials_in(deliver_to(user.email))).status_code == 204
    assert login(PASSWORD).status_code == 200


def test_who_is_signed_in_stays_so() -> None:
    tokens = tokens_of(UserFactory())
    assert post("refresh/", {"refresh": tokens.refresh}).status_code == 200


def test_an_admin_made_by_the_command_is_verified() -> None:
    from django.core.management import call_command

    call_command("shopcore_create_admin", email=ADA["email"], password=ADA["password"], verbosity=0)
    assert login().status_code == 200


def test_old_registrations_are_pruned_by_the_periodic_work() -> None:
    assert "accounts.prune_registrations" in [task.name for task in periodic.tasks()]
    register()
    register(email="eve@example.com")
    age = registration.LATEST_MAIL * 2
    PendingRegistration.objects.filter(email=ADA["email"]).update(created_at=timezone.now() - age)
    assert registration.prune() == 1
    assert PendingRegistration.objects.get().email == "eve@example.com"


def test_what_is_rolled_back_leaves_no_trace() -> None:
    def refuse(**kwargs: Any) -> None:
        raise ZeroDivisionError

    register()
    credentials = credentials_in(deliver_to(ADA["email"]))
    signals.user_email_verified.connect(refuse, weak=False)
    with pytest.raises(ZeroDivisionError):
        post(VERIFY, credentials)
    assert not users()
    assert PendingRegistration.objects.count() == 1
    assert {kind for kind, *_ in posted()} == {"verify_address", "account_exists"}


@pytest.mark.django_db(transaction=True)
def test_of_two_links_used_at_once_one_makes_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    links = []
    for _ in range(2):
        register()
        links.append(credentials_in(deliver_to(ADA["email"])))
    meeting(monkeypatch, 2, (registration, "find"))

    answers = at_once([partial(post, VERIFY, link) for link in links])

    assert sorted(answer.status_code for answer in answers) == [204, 400]
    assert len(users()) == 1
    assert [kind for kind, *_ in posted()].count("welcome") == 1


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_the_database_still_lets_one_through(monkeypatch: pytest.MonkeyPatch) -> None:
    links = []
    for _ in range(2):
        register()
        links.append(credentials_in(deliver_to(ADA["email"])))
    monkeypatch.setattr(registration, "lock_rows", lambda queryset: list(queryset.order_by("pk")))
    meeting(monkeypatch, 2, (registration, "lock_rows"))

    answers = at_once([partial(post, VERIFY, link) for link in links])

    assert sorted(answer.status_code for answer in answers) == [204, 400]
    [loser] = [answer for answer in answers if answer.status_code == 400]
    assert loser.json()["errors"][0]["code"] == "address_taken"
    assert len(users()) == 1


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_verifying_twice_at_once_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory(email=ADA["email"])
    post(RESEND, {"email": user.email})
    credentials = credentials_in(deliver_to(user.email))
    meeting(monkeypatch, 2, (confirmations, "_user_of"))
    answers = at_once([partial(post, VERIFY, credentials)] * 2)
    assert sorted(answer.status_code for answer in answers) == [204, 400]


@pytest.mark.parametrize("taken", [False, True])
def test_registering_a_strangers_address_does_not_fill_their_mailbox(taken: bool, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_REGISTER_RATE = None
    settings.SHOPCORE_ACCOUNTS_REGISTRATION_MAIL_RATE = "2/h"
    if taken:
        UserFactory(email=ADA["email"])
    bodies = [register().json() for _ in range(4)]
    assert bodies == bodies[:1] * 4
    assert PendingRegistration.objects.count() == 4
    sent = deliver()
    assert [message.to for message in sent] == [[ADA["email"]]] * 2
    register(email="grace@example.com")
    assert deliver_to("grace@example.com")
    if not taken:
        assert post(VERIFY, credentials_in(sent[0])).status_code == 204
