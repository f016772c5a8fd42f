"""Periodic work: once in its period, however many processes ask, and in sites without notifications too."""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Callable
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from django_shopcore.core import periodic
from django_shopcore.core.models import PeriodicRun, RateLimitWindow
from tests.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "catalog_only", "accounts_only")]

HOUR, MINUTE = datetime.timedelta(hours=1), datetime.timedelta(minutes=1)
THREADS = 8


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No work but the test's own."""
    monkeypatch.setattr(periodic, "_tasks", {})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until the test moves it."""
    clock = SimpleNamespace(time=datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc))
    monkeypatch.setattr(periodic, "timezone", SimpleNamespace(now=lambda: clock.time))
    return clock


def counted(name: str = "test.count", every: datetime.timedelta = HOUR) -> list[str]:
    """Declares work; the list has an entry for each time it was done."""
    done: list[str] = []
    periodic.register(name, every=every, run=lambda: done.append(name))
    return done


def fail() -> None:
    raise ValueError("not today")


def tick() -> str:
    out = StringIO()
    call_command("shopcore_tick", stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("alone")
def test_work_is_done_once_in_its_period(clock: Any) -> None:
    done = counted()
    assert periodic.run_due() == {"test.count": True}
    assert periodic.run_due() == {}
    clock.time += HOUR - MINUTE
    assert periodic.run_due() == {}
    clock.time += MINUTE
    assert periodic.run_due() == {"test.count": True}
    # Late once, it is not late for ever, and does not catch up.
    clock.time += 10 * HOUR
    assert [periodic.run_due(), periodic.run_due()] == [{"test.count": True}, {}]
    assert len(done) == 3


@pytest.mark.usefixtures("alone")
def test_each_has_a_period_of_its_own(clock: Any) -> None:
    often, seldom = counted("test.often", MINUTE), counted("test.seldom", HOUR)
    for _ in range(120):
        periodic.run_due()
        clock.time += MINUTE
    assert (len(often), len(seldom)) == (120, 2)


@pytest.mark.usefixtures("alone")
def test_new_work_is_due_at_once(clock: Any) -> None:
    counted("test.old")
    periodic.run_due()
    new = counted("test.new")
    assert periodic.run_due() == {"test.new": True}
    assert new == ["test.new"]


@pytest.mark.usefixtures("alone")
def test_what_fails_is_logged_and_stops_nothing_else(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    periodic.register("test.a", every=HOUR, run=fail)
    done = counted("test.b")
    with caplog.at_level(logging.ERROR, "django_shopcore.core.periodic"):
        assert periodic.run_due() == {"test.a": False, "test.b": True}
    [record] = caplog.records
    assert record.getMessage() == "The periodic task test.a failed."
    assert record.exc_info is not None
    assert done == ["test.b"]
    # It has to wait for its turn like the others.
    assert periodic.run_due() == {}
    clock.time += HOUR
    assert periodic.run_due() == {"test.a": False, "test.b": True}


@pytest.mark.usefixtures("alone")
def test_a_clock_that_was_wrong_does_not_stop_the_work(clock: Any) -> None:
    done = counted()
    clock.time += datetime.timedelta(days=3650)
    periodic.run_due()
    clock.time -= datetime.timedelta(days=3650)
    assert [periodic.run_due(), periodic.run_due()] == [{"test.count": True}, {}]
    assert len(done) == 2


@pytest.mark.usefixtures("alone")
def test_a_clock_that_is_a_little_behind_another_does_nothing_twice(clock: Any) -> None:
    counted(every=MINUTE)
    periodic.run_due()
    clock.time -= MINUTE / 2
    assert periodic.run_due() == {}


@pytest.mark.usefixtures("alone")
def test_work_that_takes_long_does_not_shorten_the_period_of_what_follows(clock: Any) -> None:
    def take_long() -> None:
        clock.time += 2 * HOUR

    periodic.register("test.a", every=24 * HOUR, run=take_long)
    counted("test.b")
    periodic.run_due()
    assert PeriodicRun.objects.get(name="test.b").next_at == clock.time + HOUR


def due_for_all(name: str) -> list[str]:
    """Declares work that has been done before and is due again."""
    PeriodicRun.objects.create(name=name, next_at=timezone.now() - MINUTE)
    return counted(name)


@pytest.mark.usefixtures("alone")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("declare", [counted, due_for_all], ids=["new", "known"])
def test_of_many_at_once_one_does_it(declare: Callable[[str], list[str]]) -> None:
    for number in range(5):
        done = declare(f"test.{number}")
        answers = at_once([periodic.run_due] * THREADS)
        assert sorted(answers, key=len) == [{}] * (THREADS - 1) + [{f"test.{number}": True}]
        assert len(done) == 1


@pytest.mark.usefixtures("alone")
@pytest.mark.django_db(transaction=True)
def test_reading_and_then_writing_would_do_it_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above: the same claim in two steps."""

    def read_then_write(task: Any, rows: Any, next_at: Any) -> bool:
        is_due = rows.filter(name=task.name, next_at__lte=timezone.now()).exists()
        time.sleep(0.1)
        rows.filter(name=task.name).update(next_at=timezone.now() + task.every)
        return bool(is_due)

    monkeypatch.setattr(periodic, "_claim", read_then_write)
    done = due_for_all("test.control")
    at_once([periodic.run_due] * THREADS)
    assert len(done) > 1


@pytest.mark.usefixtures("alone")
def test_the_command_says_what_it_did() -> None:
    counted("test.b")
    counted("test.a")
    assert tick() == "test.a: done\ntest.b: done\n"
    assert tick() == ""


@pytest.mark.usefixtures("alone")
def test_the_command_fails_after_the_rest_is_done() -> None:
    periodic.register("test.a", every=HOUR, run=fail)
    done = counted("test.b")
    out = StringIO()
    with pytest.raises(CommandError, match=r"^Failed, see the log: test\.a$"):
        call_command("shopcore_tick", stdout=out)
    assert out.getvalue() == "test.a: failed\ntest.b: done\n"
    assert done == ["test.b"]


EXPECTED = {
    "shopcore_core": ["core.prune_rate_limits"],
    "shopcore_accounts": ["accounts.prune_sessions"],
    "shopcore_notifications": ["notifications.digests", "notifications.prune_inbox", "notifications.prune_outbox"],
}


def test_every_installed_feature_has_its_work_done() -> None:
    lines = tick().splitlines()
    installed = [name for label, names in EXPECTED.items() if label in apps.app_configs for name in names]
    assert set(installed) <= {line.removesuffix(": done") for line in lines if line.endswith(": done")}
    assert [line for line in lines if not line.endswith(": done")] == []


@pytest.mark.projects("catalog_only", "accounts_only")
def test_a_site_without_notifications_has_no_table_of_theirs() -> None:
    assert [name for name in connection.introspection.table_names() if "notifications" in name] == []


def test_rate_limit_windows_that_are_over_are_deleted() -> None:
    RateLimitWindow.objects.create(key="old", count=1, ends_at=time.time() - 5)
    RateLimitWindow.objects.create(key="new", count=1, ends_at=time.time() + 3600)
    tick()
    assert [window.key for window in RateLimitWindow.objects.all()] == ["new"]


@pytest.mark.projects("full", "host_user", "accounts_only")
def test_sessions_that_are_long_over_are_deleted() -> None:
    from django_shopcore.accounts.models import Session  # only where the feature is installed
    from tests.users import make_user

    user, now = make_user(), timezone.now()
    for name, expires_at in (("old", now - datetime.timedelta(days=31)), ("new", now - datetime.timedelta(days=29))):
        Session.objects.create(
            user=user,
            refresh_hash=name,
            expires_at=expires_at,
            created_at=now,
            last_used_at=now,
            rotated_at=now,
        )
    tick()
    assert [session.refresh_hash for session in Session.objects.all()] == ["new"]


@pytest.mark.projects("full", "host_user")
def test_messages_that_are_long_delivered_are_deleted() -> None:
    from django_shopcore.notifications.models import OutboxMessage  # only where the feature is installed

    now = timezone.now()
    for name, days in (("old", 15), ("new", 13)):
        finished_at = now - datetime.timedelta(days=days)
        OutboxMessage.objects.create(
            dedupe_key=name, kind="welcome", channel="email", state="sent", finished_at=finished_at
        )
    tick()
    assert [message.dedupe_key for message in OutboxMessage.objects.all()] == ["new"]
