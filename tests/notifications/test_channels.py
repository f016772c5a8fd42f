"""Ways to deliver: a site's own, those that write to the database, the log, and what e-mail makes of its troubles."""

from __future__ import annotations

import datetime
import logging
import smtplib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from django_shopcore.notifications import Message
from django_shopcore.notifications.channels import Channel
from django_shopcore.notifications.conf import EMAIL, IN_APP
from django_shopcore.notifications.models import Notification, OutboxMessage, Preferences
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.rendering import Delivery
from django_shopcore.notifications.worker import drain
from tests.notifications import mailboxes, sms_provider
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

SMS = "tests.notifications.sms.SmsChannel"
LOG = "django_shopcore.notifications.channels.LogChannel"
with_sms = override_settings(SHOPCORE_NOTIFICATIONS_CHANNELS=[EMAIL, IN_APP, SMS])
NUMBER = "+44 20 7946 0000"


@pytest.fixture(autouse=True)
def _provider() -> Iterator[None]:
    sms_provider.sent.clear()
    sms_provider.troubles.clear()
    yield
    assert sms_provider.open_clients == []


@pytest.fixture
def alarm(make_news: Callable[..., Any]) -> Any:
    return make_news(security=True, channels=("email",))


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A user with a telephone."""
    user = make_user()
    monkeypatch.setattr(type(user), "phone", NUMBER, raising=False)
    return user


def states() -> dict[str, tuple[str, int, str]]:
    return {row.channel: (row.state, row.attempts, row.last_error) for row in OutboxMessage.objects.all()}


def make_due() -> None:
    OutboxMessage.objects.filter(state="pending").update(available_at=timezone.now())


@with_sms
def test_a_channel_of_the_sites_own_delivers_what_it_takes(alarm: Any, reachable: Any) -> None:
    post(alarm, [Message(user=reachable, data={"title": "Rain"})])
    assert sms_provider.sent == []
    assert drain() == {"sent": 2}
    row = OutboxMessage.objects.get(channel="sms")
    assert sms_provider.sent == [{"to": NUMBER, "text": "News: Rain", "reference": row.message_uuid.hex}]
    assert len(mail.outbox) == 1


@with_sms
def test_it_gets_nothing_that_it_does_not_take(news: Any, reachable: Any) -> None:
    post(news, [Message(user=reachable)])
    assert set(states()) == {"email"}


@with_sms
def test_a_kind_may_name_it(make_news: Callable[..., Any], reachable: Any) -> None:
    post(make_news(channels=("sms",)), [Message(user=reachable)])
    assert set(states()) == {"sms"}


@with_sms
def test_it_does_not_get_addresses_without_an_account(alarm: Any) -> None:
    post(alarm, [Message(address="somebody@example.com")])
    assert set(states()) == {"email"}


@with_sms
def test_users_and_the_site_can_turn_it_off(make_news: Callable[..., Any], reachable: Any) -> None:
    kind = make_news(channels=("sms",))
    with override_settings(SHOPCORE_NOTIFICATIONS_DISABLED=["news:sms"]):
        post(kind, [Message(user=reachable)])
    Preferences.objects.create(user=reachable, kinds={"news": {"sms": False}})
    post(kind, [Message(user=reachable)])
    assert states() == {}


@with_sms
def test_what_cannot_be_delivered_is_skipped(alarm: Any) -> None:
    post(alarm, [Message(user=make_user())])
    assert drain() == {"sent": 1, "skipped": 1}
    assert states()["sms"] == ("skipped", 1, "The user has no telephone.")


@with_sms
@pytest.mark.parametrize("trouble", [ValueError("odd"), sms_provider.NumberError("odd")])
def test_what_fails_is_tried_again(alarm: Any, reachable: Any, trouble: Exception) -> None:
    post(alarm, [Message(user=reachable, channels=("sms",))])
    sms_provider.troubles.append(trouble)
    assert drain() == {"retried": 1}
    state, attempts, error = states()["sms"]
    assert (state, attempts) == ("pending", 1)
    assert error in ("ValueError: odd", "Refused: odd")
    assert drain() == {}  # not at once
    make_due()
    assert drain() == {"sent": 1}
    assert len(sms_provider.sent) == 1


@with_sms
def test_what_is_refused_is_given_up_long_before_what_fails(alarm: Any, reachable: Any) -> None:
    post(alarm, [Message(user=reachable, channels=("sms",)), Message(user=reachable, channels=("sms",))])
    OutboxMessage.objects.update(queued_at=timezone.now() - datetime.timedelta(minutes=16), attempts=5)
    sms_provider.troubles[:] = [sms_provider.NumberError("odd"), ValueError("odd")]
    assert drain() == {"retried": 2}
    assert sorted(row.state for row in OutboxMessage.objects.all()) == ["dead", "pending"]


@with_sms
def test_a_channel_that_is_down_waits_alone(alarm: Any, reachable: Any, caplog: pytest.LogCaptureFixture) -> None:
    post(alarm, [Message(user=reachable), Message(user=reachable)])
    sms_provider.troubles.append(sms_provider.UnreachableError("no answer"))
    with caplog.at_level(logging.WARNING, "django_shopcore.notifications.worker"):
        assert drain() == {"sent": 2, "retried": 1}
    assert "The channel sms is down (no answer); trying again soon." in caplog.messages
    assert len(mail.outbox) == 2
    # The one that was tried waits; the other was given back untried.
    rows = OutboxMessage.objects.filter(channel="sms").order_by("id")
    assert [(row.state, row.lease, row.attempts) for row in rows] == [("pending", "", 1), ("pending", "", 0)]
    make_due()
    assert drain() == {"sent": 2}


@with_sms
def test_a_channel_that_cannot_start_is_down(
    alarm: Any, reachable: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(timeout: float) -> None:
        raise RuntimeError("no key")

    monkeypatch.setattr(sms_provider, "Client", break_down)
    post(alarm, [Message(user=reachable, channels=("sms",))])
    with caplog.at_level(logging.WARNING, "django_shopcore.notifications.worker"):
        assert drain() == {"retried": 1}
    assert "The channel sms is down (RuntimeError: no key); trying again soon." in caplog.messages


class BoardChannel(Channel):
    """A channel that writes at once."""

    name = "board"
    deferred = False

    def takes(self, kind: Any) -> bool:
        return bool(kind.name == "news")

    def store(self, deliveries: Sequence[Delivery]) -> None:
        Notification.objects.bulk_create(
            Notification(user=delivery.user, kind="board", message=delivery.line()) for delivery in deliveries
        )


@override_settings(SHOPCORE_NOTIFICATIONS_CHANNELS=[f"{__name__}.BoardChannel"])
def test_a_channel_that_is_not_deferred_writes_in_the_transaction_of_the_event(news: Any) -> None:
    users = [make_user(), make_user()]
    with transaction.atomic():
        post(news, [Message(user=user, data={"title": "Rain"}) for user in users])
        assert Notification.objects.filter(kind="board", message="News: Rain").count() == 2
        transaction.set_rollback(True)
    assert not Notification.objects.exists()
    post(news, [Message(user=user) for user in users])
    assert drain() == {}
    assert Notification.objects.count() == 2


@override_settings(SHOPCORE_NOTIFICATIONS_CHANNELS=[LOG])
def test_the_log_takes_everything(news: Any, caplog: pytest.LogCaptureFixture) -> None:
    user = make_user()
    post(
        news,
        [Message(user=user, data={"title": "Rain"}), Message(address="somebody@example.com", data={"title": "Wind"})],
    )
    with caplog.at_level(logging.INFO, "django_shopcore.notifications.channels"):
        assert drain() == {"sent": 2}
    assert caplog.messages == [f"news to {user.email}: News: Rain", "news to somebody@example.com: News: Wind"]
    assert mail.outbox == []


@override_settings(SHOPCORE_NOTIFICATIONS_CHANNELS=[])
def test_a_site_without_channels_tells_nobody(news: Any) -> None:
    post(news, [Message(user=make_user())])
    assert not OutboxMessage.objects.exists()
    assert not Notification.objects.exists()


class ProviderError(OSError):
    """What the packages of mail providers raise for an answer that is an error."""

    def __init__(self, status_code: int | None) -> None:
        super().__init__("an error")
        self.status_code = status_code


REFUSED = "is given up soon"
AGAIN = "is tried again"
DOWN = "has the channel wait"


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        (smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"no such user")}), REFUSED),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (450, b"later")}), AGAIN),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (421, b"going down")}), DOWN),
        (smtplib.SMTPDataError(554, b"spam"), REFUSED),
        (smtplib.SMTPDataError(452, b"full"), AGAIN),
        (smtplib.SMTPDataError(421, b"going down"), DOWN),
        (smtplib.SMTPSenderRefused(550, b"not you", "shop@example.com"), DOWN),
        (smtplib.SMTPServerDisconnected("gone"), DOWN),
        (TimeoutError("timed out"), DOWN),
        (ConnectionResetError("reset"), DOWN),
        (ProviderError(400), AGAIN),
        (ProviderError(422), AGAIN),
        (ProviderError(401), DOWN),
        (ProviderError(503), DOWN),
        (ProviderError(None), DOWN),
        (ValueError("an address that is none"), AGAIN),
    ],
    ids=str,
)
def test_troubles_with_one_mail_are_told_from_those_with_the_server(
    news: Any, settings: Any, trouble: Exception, outcome: str
) -> None:
    mailboxes.use_backend(settings, "Troubled")
    mailboxes.Troubled.troubles[:] = [trouble]
    post(news, [Message(user=make_user(), channels=("email",)) for _ in range(3)])
    OutboxMessage.objects.update(queued_at=timezone.now() - datetime.timedelta(minutes=16), attempts=5)
    assert drain() == ({"retried": 1} if outcome == DOWN else {"retried": 1, "sent": 2})
    assert OutboxMessage.objects.filter(state="dead").count() == (1 if outcome == REFUSED else 0)


def test_a_server_that_does_not_answer_has_the_channel_wait(news: Any, settings: Any) -> None:
    mailboxes.use_backend(settings, "Unreachable")
    post(news, [Message(user=make_user(), channels=("email",)) for _ in range(3)])
    assert drain() == {"retried": 1}
    assert sorted(row.attempts for row in OutboxMessage.objects.all()) == [0, 0, 1]
