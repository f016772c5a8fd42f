"""What a worker does with what it has taken: leases, and channels beside each other."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from django_shopcore.notifications import kinds, outbox, worker
from django_shopcore.notifications.channels import Channel, ChannelDown, EmailChannel, Refused
from django_shopcore.notifications.conf import EMAIL
from django_shopcore.notifications.kinds import Message, NotificationKind
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.rendering import Delivery
from django_shopcore.notifications.worker import Worker, drain
from tests.factories.accounts import UserFactory
from tests.notifications.scripted import Scripted, queue

pytestmark = [pytest.mark.projects("full", "host_user"), pytest.mark.django_db]

State = OutboxMessage.State


class Other(Channel):
    name = "other"
    sent: ClassVar[list[str]] = []
    error: ClassVar[Exception | None] = None

    def takes(self, kind: NotificationKind) -> bool:
        return True

    def open(self) -> None:
        if self.error:
            raise self.error

    def send(self, delivery: Delivery) -> None:
        self.sent.append(delivery.address)


@pytest.fixture
def other(settings: Any) -> Iterator[type[Other]]:
    settings.SHOPCORE_NOTIFICATIONS_CHANNELS = [f"{__name__}.Other", EMAIL]
    Other.sent.clear()
    yield Other
    Other.error = None


def taken_by_another(row: Any) -> None:
    """As when the lease was over and another worker came."""
    OutboxMessage.objects.filter(pk=row.pk).update(available_at=timezone.now() - datetime.timedelta(seconds=1))
    assert [taken.pk for taken in outbox.claim("email", limit=1)] == [row.pk]


def test_a_worker_whose_lease_is_over_leaves_the_message_to_the_other(
    scripted: type[Scripted], mailoutbox: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    [row] = queue()
    scripted.after = staticmethod(lambda delivery: taken_by_another(row))
    drain()
    row.refresh_from_db()
    assert (row.state, bool(row.lease), row.attempts) == (State.PENDING, True, 2)
    assert "took longer than its lease" in caplog.text


@pytest.mark.parametrize("error", [ValueError("odd"), Refused("no"), ChannelDown("away")])
def test_nor_does_its_failure_touch_what_is_the_others(scripted: type[Scripted], error: Exception) -> None:
    [row] = queue()

    def fail(delivery: Delivery) -> None:
        taken_by_another(row)
        raise error

    scripted.before = staticmethod(fail)
    drain()
    row.refresh_from_db()
    assert (row.state, bool(row.lease), row.attempts, row.last_error) == (State.PENDING, True, 2, "")


def test_without_the_lease_in_the_condition_it_would_end_the_others(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    [row] = queue()
    scripted.after = staticmethod(lambda delivery: taken_by_another(row))
    careless = OutboxMessage.objects.filter(pk=row.pk)
    monkeypatch.setattr(outbox, "_held", lambda lease, **which: careless)
    drain()
    row.refresh_from_db()
    assert row.state == State.SENT


def test_what_a_slow_channel_cannot_send_in_time_is_given_back(
    scripted: type[Scripted], settings: Any, mailoutbox: list[Any]
) -> None:
    settings.SHOPCORE_NOTIFICATIONS_LEASE = 1
    queue(8)
    scripted.before = staticmethod(lambda delivery: time.sleep(0.1))
    assert 0 < Worker().deliver_once()["sent"] < 8
    left = OutboxMessage.objects.pending()
    assert set(left.values_list("lease", "attempts")) == {("", 0)}
    assert not left.filter(available_at__gt=timezone.now()).exists()
    drain()
    assert len(mailoutbox) == len({message.to[0] for message in mailoutbox}) == 8


def test_a_channel_that_is_slow_to_open_gets_something_done_all_the_same(
    scripted: type[Scripted], settings: Any, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SHOPCORE_NOTIFICATIONS_LEASE = 1
    queue(2)

    def open_slowly(channel: EmailChannel) -> None:
        time.sleep(0.3)
        EmailChannel.open(channel)

    monkeypatch.setattr(scripted, "open", open_slowly)
    assert drain() == {"sent": 2}
    assert len(mailoutbox) == 2


def test_the_longest_waiting_goes_first(mailoutbox: list[Any]) -> None:
    first, second, third = queue(3)
    for place, row in enumerate((third, first, second)):
        OutboxMessage.objects.filter(pk=row.pk).update(
            available_at=timezone.now() - datetime.timedelta(hours=9 - place)
        )
    assert [outbox.claim("email", limit=1)[0].pk for _ in range(3)] == [third.pk, first.pk, second.pk]


@pytest.mark.parametrize("error", [ChannelDown("away"), RuntimeError("odd")])
def test_a_channel_that_does_not_open_leaves_the_others_alone(
    other: type[Other], mailoutbox: list[Any], error: Exception
) -> None:
    other.error = error
    kind = kinds.kind_named("welcome")
    assert kind
    post(kind, [Message(user=UserFactory(), channels=("email", "other")) for _ in range(3)])
    assert Worker().deliver_once() == {"retried": 1, "sent": 3}
    assert len(mailoutbox) == 3
    [error_text] = OutboxMessage.objects.exclude(last_error="").values_list("last_error", flat=True)
    assert str(error) in error_text
    other.error = None
    OutboxMessage.objects.pending().update(available_at=timezone.now())
    assert drain() == {"sent": 3}
    assert len(other.sent) == 3


def test_a_channel_that_has_just_failed_takes_a_single_message(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.0)
    queue(5)
    taken: list[int] = []

    def fail_twice(delivery: Delivery) -> None:
        taken.append(OutboxMessage.objects.held().count())
        if len(taken) <= 2:
            raise ChannelDown("away")

    scripted.before = staticmethod(fail_twice)
    deliverer = Worker()
    for _ in range(3):
        deliverer.deliver_once()
    assert taken == [5, 1, 1]
    deliverer.deliver_once()
    assert taken[3:] == [2, 1]
    assert len(mailoutbox) == 3


def test_a_mail_that_cannot_be_made_does_not_pause_the_channel(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    """Although a file that is missing is an ``OSError``, as a connection that fails is."""
    broken, *others = queue(3)
    message = EmailChannel.message

    def attach(channel: EmailChannel, delivery: Delivery) -> Any:
        if delivery.user == broken.user:
            raise FileNotFoundError("terms.pdf")
        return message(channel, delivery)

    monkeypatch.setattr(scripted, "message", attach)
    assert drain() == {"retried": 1, "sent": len(others)}


def test_a_channel_that_fails_again_and_again_is_asked_more_and_more_seldom() -> None:
    line = worker.Line(Other())
    pauses = []
    for _ in range(10):
        line.pause()
        pauses.append(line.paused_until - time.monotonic())
    assert pauses[0] <= 1 < pauses[2] <= 4 < pauses[4] <= max(pauses) <= worker.LONGEST_PAUSE
    assert line.is_paused


def test_a_channel_that_does_not_even_close_does_no_harm(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    def close(channel: Channel) -> None:
        raise RuntimeError("stuck")

    monkeypatch.setattr(scripted, "close", close)
    queue()
    assert drain() == {"sent": 1}
