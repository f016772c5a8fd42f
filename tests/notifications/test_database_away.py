"""A worker whose database goes away, and what a running worker does all day."""

from __future__ import annotations

import datetime
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from django_shopcore.core import periodic
from django_shopcore.notifications import kinds, outbox, worker
from django_shopcore.notifications.kinds import Message, NotificationKind
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.rendering import Delivery
from django_shopcore.notifications.worker import Worker, drain
from tests.notifications.scripted import Scripted, queue

pytestmark = [pytest.mark.projects("full", "host_user"), pytest.mark.django_db(transaction=True)]

State = OutboxMessage.State


def in_thread(call: Callable[[], object]) -> Callable[[], None]:
    """``call`` for another thread, whose connection ends with it."""

    def run() -> None:
        call()
        connections.close_all()

    return run


def cut_off(delivery: Delivery) -> None:
    """Ends the connection under the worker's hands, as a restart of the server would; on SQLite locks the file."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [pid] = cursor.fetchone()
        thread = threading.Thread(target=in_thread(partial(terminate, pid)))
        thread.start()
        thread.join()
        return
    connection.cursor().execute("PRAGMA busy_timeout = 20")
    locker = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    locker.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.3, locker.close).start()


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


def test_a_database_that_goes_away_after_a_mail_does_not_make_it_go_out_again(
    scripted: type[Scripted], mailoutbox: list[Any]
) -> None:
    queue(3)
    scripted.after = staticmethod(cut_off)
    assert drain() == {"sent": 3}
    assert set(OutboxMessage.objects.values_list("state", "attempts")) == {(State.SENT, 1)}
    assert len(mailoutbox) == 3


def test_without_another_try_it_would(
    scripted: type[Scripted], mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue()
    scripted.after = staticmethod(cut_off)
    monkeypatch.setattr(worker.Batch, "_settle", lambda batch, write: write())
    with pytest.raises(worker.DATABASE_AWAY):
        drain()
    connection.close()
    time.sleep(0.4)
    OutboxMessage.objects.update(available_at=timezone.now())
    scripted.after = staticmethod(lambda delivery: None)
    drain()
    assert len(mailoutbox) == 2


def test_a_message_that_the_database_objects_to_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    def prepare(message: OutboxMessage) -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM no_such_table")
        return {}

    kind = NotificationKind(name="broken", title="Broken", event=None, messages=lambda: (), prepare=prepare)
    monkeypatch.setitem(kinds._kinds, "broken", kind)
    post(kind, [Message(address="ada@example.com")])
    queue(3)
    assert drain() == {"retried": 1, "sent": 3}
    broken = OutboxMessage.objects.get(kind="broken")
    assert (broken.state, broken.attempts, broken.lease) == (State.PENDING, 1, "")
    assert "no_such_table" in broken.last_error


def test_a_running_worker_survives_its_database(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    queue()
    stop = threading.Event()
    claim, failures = outbox.claim, iter([cut_off, cut_off])

    def claim_after_trouble(*args: Any, **kwargs: Any) -> list[Any]:
        for fail in failures:
            fail(None)  # type: ignore[arg-type]
            break
        else:
            threading.Timer(0.2, stop.set).start()
        return claim(*args, **kwargs)

    monkeypatch.setattr(outbox, "claim", claim_after_trouble)
    Worker(stop=stop).run(poll=0.35)
    assert len(mailoutbox) == 1
    assert "The database does not answer" in caplog.text


def test_a_running_worker_does_the_periodic_work_and_delivers_what_comes(
    mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, called = threading.Event(), []
    monkeypatch.setattr(periodic, "_tasks", {})
    periodic.register("tests.note", every=datetime.timedelta(hours=1), run=lambda: called.append(1))
    arrival = threading.Timer(0.1, in_thread(queue))
    end = threading.Timer(0.5, stop.set)
    arrival.start()
    end.start()
    Worker(stop=stop).run(poll=0.01)
    arrival.join()
    assert len(mailoutbox) == 1
    assert called == [1]
