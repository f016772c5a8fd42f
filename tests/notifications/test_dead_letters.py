"""Messages that nobody will have: when they are given up, sent again and pruned."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.utils import timezone

from django_shopcore.notifications import outbox
from django_shopcore.notifications.channels import Refused
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.worker import drain
from tests.notifications.scripted import Scripted, age, fails_with, queue

pytestmark = [pytest.mark.projects("full", "host_user"), pytest.mark.django_db]

State = OutboxMessage.State


def test_a_message_that_fails_for_days_is_given_up(scripted: type[Scripted]) -> None:
    row, younger = queue(2)
    scripted.before = fails_with(ValueError("a bug\nin two lines \x00"))
    OutboxMessage.objects.update(attempts=9)
    age(row, hours=72.1)
    age(younger, hours=71.9)
    assert drain() == {"retried": 2}
    row.refresh_from_db()
    younger.refresh_from_db()
    assert (row.state, row.lease, row.last_error) == (State.DEAD, "", "ValueError: a bug in two lines")
    assert row.finished_at
    assert younger.state == State.PENDING
    assert younger.available_at > timezone.now() + datetime.timedelta(minutes=1)
    OutboxMessage.objects.update(available_at=timezone.now())
    assert drain() == {"retried": 1}


def test_one_that_is_refused_is_given_up_after_a_quarter_of_an_hour(scripted: type[Scripted]) -> None:
    row, younger = queue(2)
    scripted.before = fails_with(Refused("no such user"))
    OutboxMessage.objects.update(attempts=9)
    age(row, minutes=15.1)
    age(younger, minutes=14.9)
    drain()
    row.refresh_from_db()
    younger.refresh_from_db()
    assert (row.state, younger.state) == (State.DEAD, State.PENDING)


def test_an_old_message_is_not_given_up_before_it_was_tried_some_times(scripted: type[Scripted]) -> None:
    [row] = queue()
    scripted.before = fails_with(ValueError("a bug"))
    for attempt in range(1, 5):
        age(row, days=30)
        drain()
        row.refresh_from_db()
        assert (row.attempts, row.state) == (attempt, State.PENDING if attempt < 4 else State.DEAD)


def test_a_kind_that_nobody_declares_any_more_waits_for_its_feature(mailoutbox: list[Any]) -> None:
    [row] = queue()
    OutboxMessage.objects.update(kind="of_a_removed_feature")
    assert drain() == {"retried": 1}
    row.refresh_from_db()
    assert "of_a_removed_feature" in row.last_error
    OutboxMessage.objects.update(kind="welcome", available_at=timezone.now())
    assert drain() == {"sent": 1}


def test_an_account_that_was_deactivated_gets_no_more_mail(mailoutbox: list[Any]) -> None:
    [row] = queue()
    row.user.is_active = False
    row.user.save()
    assert drain() == {"skipped": 1}
    row.refresh_from_db()
    assert (row.state, row.last_error) == (State.SKIPPED, "The account is not active.")
    assert mailoutbox == []


def test_what_was_given_up_or_skipped_or_waits_can_be_sent_again(mailoutbox: list[Any]) -> None:
    dead, skipped, waiting, sent, held = queue(5)
    long_ago = timezone.now() - datetime.timedelta(days=9)
    for row, state in ((dead, State.DEAD), (skipped, State.SKIPPED), (sent, State.SENT)):
        OutboxMessage.objects.filter(pk=row.pk).update(
            state=state, finished_at=long_ago, queued_at=long_ago, attempts=7
        )
    OutboxMessage.objects.filter(pk=waiting.pk).update(available_at=timezone.now() + datetime.timedelta(hours=2))
    OutboxMessage.objects.filter(pk=held.pk).update(
        lease="somebody", available_at=timezone.now() + datetime.timedelta(hours=1)
    )

    assert outbox.send_again(OutboxMessage.objects.all()) == 3
    dead.refresh_from_db()
    assert (dead.state, dead.attempts, dead.finished_at) == (State.PENDING, 0, None)
    assert outbox.lag() < 60
    assert drain() == {"sent": 3}
    assert {message.to[0] for message in mailoutbox} == {row.user.email for row in (dead, skipped, waiting)}
    held.refresh_from_db()
    assert held.lease == "somebody"


def test_finished_messages_are_pruned_after_their_time(settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_OUTBOX_RETENTION = 3
    settings.SHOPCORE_NOTIFICATIONS_DEAD_RETENTION = 5
    days = {State.SENT: (2.9, 3.1), State.SKIPPED: (2.9, 3.1), State.DEAD: (4.9, 5.1), State.PENDING: (400.0,)}
    kept = []
    for state, ages in days.items():
        for row, past in zip(queue(len(ages)), ages, strict=True):
            finished = timezone.now() - datetime.timedelta(days=past)
            OutboxMessage.objects.filter(pk=row.pk).update(state=state, finished_at=finished, queued_at=finished)
        kept.append(OutboxMessage.objects.filter(state=state).order_by("-finished_at")[0].pk)
    assert outbox.prune() == 3
    assert set(OutboxMessage.objects.values_list("pk", flat=True)) == set(kept)


def test_pruning_takes_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "CHUNK", 2)
    queue(5)
    OutboxMessage.objects.update(state=State.SENT, finished_at=timezone.now() - datetime.timedelta(days=99))
    assert outbox.prune() == 5


def test_messages_for_a_channel_that_is_no_longer_configured_are_given_up() -> None:
    stranded, young, fine = queue(3)
    OutboxMessage.objects.filter(pk__in=[stranded.pk, young.pk]).update(channel="pigeon")
    age(stranded, fine, hours=73)
    outbox.prune()
    stranded.refresh_from_db()
    assert (stranded.state, stranded.last_error) == (State.DEAD, "No such channel is configured.")
    assert set(OutboxMessage.objects.pending()) == {young, fine}


def test_the_lag_is_the_age_of_the_oldest_that_waits() -> None:
    assert outbox.lag() == 0
    old, _young = queue(2)
    age(old, seconds=90)
    assert 90 <= outbox.lag() < 100
    drain()
    assert outbox.lag() == 0
