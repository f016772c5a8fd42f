"""What accounts tell, to whom and in which words."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from django.utils import timezone

from django_shopcore.accounts.models import Session
from django_shopcore.accounts.users import CREATED, column
from django_shopcore.notifications.kinds import Audience, NotificationKind, kinds
from django_shopcore.notifications.models import Notification, OutboxMessage, Preferences
from django_shopcore.notifications.rendering import Delivery
from tests.accounts.clients import signed_in, tokens_of
from tests.accounts.mails import deliver, deliver_to, post, posted
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory

pytestmark = [pytest.mark.projects("full", "host_user", "uuid_user"), pytest.mark.django_db]

OURS = {
    *("welcome", "verify_address", "password_reset", "password_changed", "address_changed", "new_sign_in"),
    *("address_change_requested", "confirm_new_address", "account_exists", "new_registration"),
}
IN_APP = {"welcome", "password_changed", "address_changed", "new_sign_in", "new_registration"}
OPTIONAL = {"welcome", "new_registration"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}) Gecko/20100101 Firefox/{0}"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1"


def ours() -> list[NotificationKind]:
    return [kind for kind in kinds() if kind.name in OURS]


def test_all_are_declared_as_they_should_be() -> None:
    assert {kind.name for kind in ours()} == OURS
    assert {kind.name for kind in ours() if kind.security} == OURS - OPTIONAL
    assert {kind.name for kind in ours() if "in_app" in kind.channels} == IN_APP
    assert all("email" in kind.channels for kind in ours())
    assert [kind.name for kind in ours() if kind.audience is Audience.ADMINS] == ["new_registration"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_sample_makes_a_whole_mail(user: Any, name: str, settings: Any) -> None:
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "OPTIONS": {"string_if_invalid": "MISSING"}}]
    [kind] = [kind for kind in ours() if kind.name == name]
    delivery = Delivery(kind, user, user.email, extra=kind.sample)
    parts = ["subject.txt", "body.txt", "body.html", *(["message.txt"] if name in IN_APP else [])]

    texts = delivery.render(*parts)

    for part, text in zip(parts, texts, strict=True):
        assert text.strip(), part
        assert "MISSING" not in text, part
        assert "None" not in text, part
        assert "{" not in text.partition("</style>")[2 if part == "body.html" else 0], part
    subject, body, html = texts[:3]
    assert len(subject) < 80
    assert body.startswith("Hello Ada,\n\n")
    assert "http://" not in html.replace("http://www.w3.org", "")
    if "link" in kind.sample:
        assert kind.sample["link"] in body
        assert "works once" in body


HOSTILE = [
    "Ada\r\nBcc: victim@example.com",
    "{{ user }}{% now 'Y' %}",
    "<script>alert(1)</script>",
    "https://evil.example/win",
    "www.evil.example",
    "%(name)s {0}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_come_out_plain(name: str) -> None:
    user = UserFactory(first_name=name, email="ada@example.com")
    with override_settings(SHOPCORE_ACCOUNTS_MAIL_COOLDOWN=0):
        post("password/reset/", {"email": user.email})
        signed_in(user).post("/api/v1/auth/email/change/", {"new_email": "new@example.com", "password": PASSWORD})
    messages = deliver()
    assert len(messages) == 3
    for message in messages:
        assert "\n" not in message.subject
        assert set(message.message().keys()).isdisjoint({"Bcc", "Cc"})
        assert message.recipients() in (["ada@example.com"], ["new@example.com"])
        [(html, _)] = message.alternatives
        assert "<script" not in html
        assert "evil.example" not in message.body + html
        if name.startswith("{{"):
            assert message.body.startswith("Hello {{ user }}{% now 'Y' %},\n")
        if "\r\n" in name:
            assert message.body.startswith(("Hello,\n", "Hello Ada Bcc: "))


def test_a_registration_welcomes_the_user_and_tells_the_admins(ours: bool, settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS = ["team@example.com"]
    admin = AdminFactory()
    UserFactory()
    body = {"email": "ada@example.com", "password": "a quite long secret", "first_name": "Ada"}
    assert post("register/", body).status_code == 201

    seen = sorted((message.to[0], message.subject) for message in deliver())
    assert seen == sorted(
        [
            ("ada@example.com", "Welcome to shop.example"),
            (admin.email, "New registration: ada@example.com"),
            ("team@example.com", "New registration: ada@example.com"),
            *([("ada@example.com", "Confirm your address for shop.example")] if ours else []),
        ]
    )
    lines = {(line.user.email, line.kind, line.message) for line in Notification.objects.select_related("user")}
    assert lines == {
        ("ada@example.com", "welcome", "Welcome to shop.example. Your account is ready."),
        (admin.email, "new_registration", "New registration: ada@example.com"),
    }


@pytest.mark.projects("host_user")  # whose middleware reads the header
def test_the_language_of_the_registration_is_remembered() -> None:
    body = {"email": "ada@example.com", "password": "a quite long secret"}
    post("register/", body, HTTP_ACCEPT_LANGUAGE="fr")
    post("register/", {**body, "email": "eve@example.com"}, HTTP_ACCEPT_LANGUAGE="nl")
    assert [(row.user.email, row.language) for row in Preferences.objects.all()] == [("ada@example.com", "fr")]
    post("password/reset/", {"email": "ada@example.com"})
    assert "1\xa0heure" in [message for message in deliver() if "token=" in message.body][-1].body


def test_a_changed_password_is_told_by_mail_and_in_the_inbox(user: Any) -> None:
    change = {"current_password": PASSWORD, "new_password": "another long secret"}
    assert signed_in(user).post("/api/v1/auth/password/change/", change).status_code == 204
    assert deliver_to(user.email).subject == "Your password at shop.example was changed"
    line = Notification.objects.get()
    assert (line.user, line.kind, line.message) == (
        user,
        "password_changed",
        "The password of your account was changed.",
    )


def test_security_mail_cannot_be_turned_off(user: Any) -> None:
    off = {"email": False, "digest": "daily"}
    Preferences.objects.create(user=user, kinds={"password_changed": off, "password_reset": off})
    change = {"current_password": PASSWORD, "new_password": "another long secret"}
    signed_in(user).post("/api/v1/auth/password/change/", change)
    post("password/reset/", {"email": user.email})
    messages = deliver()
    assert len(messages) == 2
    assert not any("List-Unsubscribe" in message.extra_headers for message in messages)


# --- New sign-ins ---------------------------------------------------------------------------------------


def old(user: Any) -> Any:
    name = column(*CREATED)
    assert name
    get_user_model().objects.filter(pk=user.pk).update(**{name: timezone.now() - datetime.timedelta(days=2)})
    user.refresh_from_db()
    return user


def sign_in(user: Any, agent: str = FIREFOX.format("146.0"), address: str = "203.0.113.7") -> list[Any]:
    """The mails after a sign-in."""
    credentials = {"email": user.email, "password": PASSWORD}
    assert post("login/", credentials, HTTP_USER_AGENT=agent, REMOTE_ADDR=address).status_code == 200
    return deliver()


def test_the_first_sign_in_of_a_new_account_is_no_news(user: Any) -> None:
    assert sign_in(user) == []
    assert not Notification.objects.exists()


def test_that_of_an_old_account_is(user: Any) -> None:
    assert len(sign_in(old(user))) == 1


def test_a_newer_version_in_the_same_network_is_a_known_device(user: Any) -> None:
    sign_in(user)
    assert sign_in(user, FIREFOX.format("147.0.1"), "203.0.200.9") == []
    Session.objects.all().end()
    assert sign_in(user) == []


@pytest.mark.parametrize(
    ("agent", "address"),
    [(SAFARI, "203.0.113.7"), (FIREFOX.format("146.0"), "198.51.100.1"), ("", "203.0.113.7"), (SAFARI, "2001:db8::1")],
)
def test_another_program_or_network_is_not(user: Any, agent: str, address: str) -> None:
    sign_in(user)
    [message] = sign_in(user, agent, address)
    assert message.to == [user.email]
    assert message.subject == "New sign-in to your account at shop.example"
    assert f": {address}\n" in f"{message.body}\n"
    assert ("Browser or program" in message.body) == bool(agent)
    line = Notification.objects.get()
    assert (line.user, line.kind, line.message) == (user, "new_sign_in", f"New sign-in from {address}.")
    assert sign_in(user, agent, address) == []


def test_networks_of_ipv6_are_known_roughly(user: Any) -> None:
    sign_in(user, address="2001:db8:1::1")
    assert sign_in(user, address="2001:db8:ffff::2") == []
    assert len(sign_in(user, address="2001:db9::1")) == 1


def test_it_says_when_in_the_recipients_time_zone(user: Any) -> None:
    Preferences.objects.create(user=user, time_zone="America/New_York", language="en")
    tokens_of(user)
    tokens_of(user, HTTP_USER_AGENT=SAFARI)
    moment = datetime.datetime(2026, 7, 1, 2, 30, tzinfo=datetime.timezone.utc)
    row = OutboxMessage.objects.get(kind="new_sign_in")
    OutboxMessage.objects.filter(pk=row.pk).update(data={**row.data, "time": moment.isoformat()})
    body = deliver_to(user.email).body
    assert "June 30, 2026, 10:30 p.m. EDT" in body


@pytest.mark.parametrize(
    "agent", ["Win at https://evil.example/now", "see www.evil.example", "evil.example", "a\x00b\u2028c evil.example/x"]
)
def test_a_program_cannot_smuggle_a_link_into_the_mail(user: Any, agent: str) -> None:
    sign_in(user)
    [message] = sign_in(user, agent)
    [(html, _)] = message.alternatives
    assert "evil" not in message.body + html
    assert "evil" not in str(posted())


def test_a_program_is_cut(user: Any) -> None:
    sign_in(user)
    [message] = sign_in(user, "x" * 300)
    assert "x" * 150 in message.body
    assert "x" * 151 not in message.body
