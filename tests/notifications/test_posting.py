"""From an event to rows: for whom, on which channels, once, in the transaction of the event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.dispatch import Signal
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_shopcore.core.users import email_of
from django_shopcore.notifications import Message, kinds
from django_shopcore.notifications.models import DigestEntry, Notification, OutboxMessage, Preferences
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.recipients import admin_messages
from django_shopcore.notifications.worker import drain
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

something_happened = Signal()


def choose(user: Any, **choices: Any) -> None:
    """What ``user`` wants of the kind ``news``."""
    Preferences.objects.create(user=user, kinds={"news": choices})


def make_users(number: int) -> list[Any]:
    return [make_user() for _ in range(number)]


def rows() -> tuple[int, int, int]:
    """How many there are to send, in inboxes and waiting for digests."""
    return OutboxMessage.objects.count(), Notification.objects.count(), DigestEntry.objects.count()


def test_a_message_is_written_for_each_channel(news: Any) -> None:
    user = make_user()
    post(news, [Message(user=user, data={"title": "Rain"})])
    [row] = OutboxMessage.objects.all()
    assert (row.kind, row.channel, row.user, row.address, row.data) == ("news", "email", user, "", {"title": "Rain"})
    assert (row.state, row.attempts, row.lease) == ("pending", 0, "")
    [notification] = Notification.objects.all()
    assert (notification.user, notification.kind, notification.message) == (user, "news", "News: Rain")
    assert (notification.data, notification.seen) == ({"title": "Rain"}, False)


def test_an_event_is_posted_in_its_transaction_and_goes_with_it(make_news: Callable[..., Any]) -> None:
    user = make_user()
    make_news(event=something_happened, messages=lambda title, **event: [Message(user=user, data={"title": title})])
    with transaction.atomic():
        something_happened.send(sender=None, title="Rain")
        assert rows() == (1, 1, 0)
        transaction.set_rollback(True)
    assert rows() == (0, 0, 0)
    something_happened.send(sender=None, title="Rain")
    assert rows() == (1, 1, 0)


def test_several_events_may_make_one_kind(make_news: Callable[..., Any]) -> None:
    other, user = Signal(), make_user()
    make_news(event=[something_happened, other], messages=lambda **event: [Message(user=user)])
    something_happened.send(sender=None)
    other.send(sender=None)
    assert rows() == (2, 2, 0)


def test_a_site_changes_a_kind_by_declaring_it_again(make_news: Callable[..., Any]) -> None:
    user, other = make_user(), Signal()
    make_news(event=something_happened, messages=lambda **event: [Message(user=user)])
    make_news(event=other, messages=lambda **event: [Message(user=user)], channels=("in_app",))
    something_happened.send(sender=None)
    assert rows() == (0, 0, 0)
    other.send(sender=None)
    assert rows() == (0, 1, 0)
    kinds.unregister("news")
    other.send(sender=None)
    assert rows() == (0, 1, 0)


def test_two_messages_with_one_key_are_one_also_after_delivery(news: Any) -> None:
    user, other = make_users(2)
    for _ in range(2):
        post(news, [Message(user=user, key="42", channels=("email",)), Message(user=other, key="42")])
    assert OutboxMessage.objects.count() == 2
    assert drain()["sent"] == 2
    post(news, [Message(user=user, key="42"), Message(user=user, key="42"), Message(user=user, key="43")])
    assert OutboxMessage.objects.filter(user=user).count() == 2
    assert drain()["sent"] == 1


def test_without_a_key_each_is_its_own(news: Any) -> None:
    user = make_user()
    post(news, [Message(user=user), Message(user=user)])
    post(news, [Message(user=user)])
    assert OutboxMessage.objects.count() == 3


def test_one_key_for_a_user_and_for_an_address_of_theirs_are_two_messages(news: Any) -> None:
    user = make_user()
    post(news, [Message(user=user, key="42"), Message(user=user, address="old@example.com", key="42")])
    assert drain()["sent"] == 2
    assert sorted(message.to for message in mail.outbox) == sorted([[email_of(user)], ["old@example.com"]])


@pytest.mark.parametrize("place", [0, 110, 299, 500])
def test_long_keys_that_differ_anywhere_are_two(news: Any, place: int) -> None:
    addresses = [f"{letter * 200}@example.com" for letter in "ab"]
    keys = ["k" * 600, "k" * place + "j" + "k" * (599 - place)]
    messages = [Message(address=address, key=key) for address in addresses for key in keys]
    post(news, messages * 2)
    post(news, messages)
    assert OutboxMessage.objects.count() == 4


def queries_of(news: Any, users: list[Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        post(news, [Message(user=user, data={"title": "Rain"}) for user in users])
    return len(captured)


def test_the_number_of_queries_does_not_grow_with_that_of_the_messages(news: Any) -> None:
    # SQLite takes so many parameters in a statement, and a hundred rows have more.
    many = 100 if connection.vendor == "postgresql" else 50
    one, users = [make_user()], make_users(many)
    collecting = [*make_users(1)], make_users(many)
    for user in [*collecting[0], *collecting[1]]:
        choose(user, digest="daily")
    queries_of(news, one)  # what is looked up once in a process
    assert queries_of(news, users) == queries_of(news, one)
    assert queries_of(news, collecting[1]) == queries_of(news, collecting[0])
    assert rows() == (many + 2, 2 * many + 3, many + 1)


def test_nothing_to_tell_costs_no_query(news: Any) -> None:
    assert queries_of(news, []) == 0


@pytest.mark.parametrize(
    ("disabled", "expected"),
    [
        ([], (1, 1, 0)),
        (["news"], (0, 0, 0)),
        (["news:email"], (0, 1, 0)),
        (["news:in_app"], (1, 0, 0)),
        (["other"], (1, 1, 0)),
    ],
)
def test_a_site_turns_off_a_kind_or_one_of_its_channels(news: Any, disabled: list[str], expected: Any) -> None:
    with override_settings(SHOPCORE_NOTIFICATIONS_DISABLED=disabled):
        post(news, [Message(user=make_user())])
    assert rows() == expected


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, (1, 1, 0)),
        ({"email": False}, (0, 1, 0)),
        ({"in_app": False}, (1, 0, 0)),
        ({"digest": "daily"}, (0, 1, 1)),
        ({"digest": "weekly", "in_app": False}, (0, 0, 1)),
        ({"digest": "nonsense"}, (1, 1, 0)),
    ],
)
def test_users_choose(news: Any, choices: dict[str, Any], expected: Any) -> None:
    user = make_user()
    choose(user, **choices)
    post(news, [Message(user=user, data={"title": "Rain"})])
    assert rows() == expected
    for entry in DigestEntry.objects.all():
        assert (entry.user, entry.kind, entry.frequency) == (user, "news", choices["digest"])
        assert entry.data == {"title": "Rain"}
        assert entry.due_at > timezone.now()


@pytest.mark.parametrize("choices", [{"email": False}, {"digest": "daily"}])
def test_security_mail_is_not_chosen(make_news: Callable[..., Any], choices: dict[str, Any]) -> None:
    user = make_user()
    choose(user, **choices)
    post(make_news(security=True, channels=("email",)), [Message(user=user)])
    assert rows() == (1, 0, 0)


def test_a_message_may_take_fewer_channels_than_its_kind(news: Any) -> None:
    user = make_user()
    post(news, [Message(user=user, channels=("email",)), Message(user=user, channels=("in_app", "pigeon"))])
    assert rows() == (1, 1, 0)


def test_a_channel_that_the_site_does_not_have_is_left_out(make_news: Callable[..., Any]) -> None:
    post(make_news(channels=("in_app", "pigeon")), [Message(user=make_user())])
    assert rows() == (0, 1, 0)


def test_an_address_without_an_account_gets_mail_only(news: Any) -> None:
    post(news, [Message(address="somebody@example.com", data={"title": "Rain"})])
    assert rows() == (1, 0, 0)
    drain()
    assert [message.to for message in mail.outbox] == [["somebody@example.com"]]


@override_settings(SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS=[" Ops@Example.com ", "ops@example.com", ""])
def test_admins_and_the_addresses_in_the_setting_are_told_once_each(news: Any) -> None:
    admin, _customer, _gone = make_user(admin=True), make_user(), make_user(admin=True, active=False)
    post(news, admin_messages({"title": "Rain"}, key="42"))
    assert {(row.user, row.address) for row in OutboxMessage.objects.all()} == {(admin, ""), (None, "ops@example.com")}
    assert [notification.user for notification in Notification.objects.all()] == [admin]
    with override_settings(SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS=[email_of(admin).upper()]):
        assert [(message.user, message.address) for message in admin_messages({})] == [(admin, "")]


BROKEN = ["{% nonsense %}", "{{ title|nonsense }}", '{% include "shopcore/notifications/none.txt" %}']


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_text_does_not_undo_the_business(
    news: Any, site_templates: Callable[[str, str], None], caplog: pytest.LogCaptureFixture, text: str
) -> None:
    site_templates("news/message.txt", text)
    with caplog.at_level(logging.ERROR, "django_shopcore.notifications.rendering"), transaction.atomic():
        user = make_user()
        post(news, [Message(user=user, data={"title": "Rain"})])
    assert [notification.message for notification in Notification.objects.filter(user=user)] == ["The news"]
    assert "The template shopcore/notifications/news/message.txt cannot be rendered." in caplog.messages


def test_without_a_line_of_its_own_a_kind_is_told_by_its_title(make_news: Callable[..., Any], tmp_path: Any) -> None:
    from django.utils.translation import gettext_lazy

    kind = make_news(title=gettext_lazy("Yes"))  # translated by Django itself
    (tmp_path / "shopcore/notifications/news/message.txt").unlink()
    user = make_user()
    Preferences.objects.create(user=user, language="fr")
    post(kind, [Message(user=user)])
    assert [notification.message for notification in Notification.objects.all()] == ["Oui"]


def test_a_user_without_an_address_has_the_inbox(news: Any) -> None:
    user = make_user()
    user.email = ""
    user.save()
    post(news, [Message(user=user)])
    assert drain() == {"skipped": 1}
    assert OutboxMessage.objects.get().last_error == "The user has no address."
    assert Notification.objects.filter(user=user).count() == 1


def test_nothing_is_sent_to_an_account_that_is_no_longer_active(news: Any) -> None:
    user = make_user()
    post(news, [Message(user=user)])
    user.is_active = False
    user.save()
    assert drain() == {"skipped": 1}
    assert mail.outbox == []


def test_a_message_of_a_feature_that_was_uninstalled_waits_for_its_return(
    make_news: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    post(make_news(), [Message(user=make_user(), data={"title": "Rain"})])
    kinds.unregister("news")
    with caplog.at_level(logging.CRITICAL, "django_shopcore.notifications.worker"):
        assert drain() == {"retried": 1}
    row = OutboxMessage.objects.get()
    assert (row.state, row.attempts) == ("pending", 1)
    assert row.last_error == "LookupError: No installed feature declares the notification 'news'."
    make_news()
    OutboxMessage.objects.update(available_at=timezone.now())
    assert drain() == {"sent": 1}
