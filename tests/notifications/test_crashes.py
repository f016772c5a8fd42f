"""Workers that are killed: nothing is lost, and a mail that goes out twice is one to its reader.

``SHOPCORE_TEST_CRASHES=25`` kills that many at each point.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_shopcore.notifications import outbox
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.worker import drain
from tests.factories.accounts import UserFactory
from tests.notifications import workers
from tests.notifications.smtp import HANG, SmtpServer

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db(transaction=True)]

TIMES = int(os.environ.get("SHOPCORE_TEST_CRASHES", "2"))
IN_WORKER = ("claimed", "unmarked", "marked")
AT_SERVER = ("connect", "ehlo", "mail", "rcpt", "data", "body", "accepted")
# The mail is out and the outbox does not know it yet. Nobody can avoid that these go out again.
AFTER_DELIVERY = ("accepted", "unmarked")
MESSAGES = 4


def crash(point: str, server: SmtpServer, folder: Path) -> None:
    """Has a worker killed at ``point``; at the server's points when it comes there for the first or second time."""
    left = random.randint(1, 2) if point in ("mail", "rcpt", "data", "body", "accepted") else 1

    def kill(_: str) -> str | None:
        nonlocal left
        left -= 1
        if left:
            return None
        os.kill(worker.pid, signal.SIGKILL)
        return HANG

    server.at = {point: kill} if point in AT_SERVER else {}
    dies = point if point in IN_WORKER else ""
    worker = workers.start("--once", folder=folder, dies=dies, settings=workers.mail_settings(server.port))
    output = workers.end(worker)
    assert worker.returncode == -signal.SIGKILL, output
    server.at = {}


@pytest.mark.parametrize("point", IN_WORKER + AT_SERVER)
def test_what_a_killed_worker_left_is_delivered_at_once_by_the_next(point: str, tmp_path: Path, settings: Any) -> None:
    users: list[Any] = []
    with SmtpServer() as server:
        for _ in range(TIMES):
            missing = MESSAGES - OutboxMessage.objects.pending().count()
            users += (new := [UserFactory() for _ in range(missing)])
            workers.welcome(new)
            crash(point, server, tmp_path)
        assert OutboxMessage.objects.held().exists()

        for name, value in workers.mail_settings(server.port).items():
            setattr(settings, name, value)
        drain()
        times = server.message_ids()

    rows = OutboxMessage.objects.all()
    assert {row.state for row in rows} == {OutboxMessage.State.SENT}
    assert {row.user_id for row in rows} == {user.pk for user in users}
    assert set(times) == {f"<{row.message_uuid.hex}@shop.example>" for row in rows}
    assert {(mail.to, mail.message_id) for mail in server.received} == {
        (row.user.email, f"<{row.message_uuid.hex}@shop.example>") for row in rows.select_related("user")
    }
    assert times.total() - len(times) == (TIMES if point in AFTER_DELIVERY else 0)


def test_what_a_worker_on_another_machine_left_is_free_when_its_lease_is_over(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any], settings: Any
) -> None:
    settings.SHOPCORE_NOTIFICATIONS_LEASE = 1
    [row] = workers.welcome([UserFactory()])
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(outbox, "machine", lambda: "elsewhere")
        assert outbox.claim("email", limit=50)
    assert drain() == {}
    time.sleep(1.1)
    assert drain() == {"sent": 1}
    assert len(mailoutbox) == 1
    row.refresh_from_db()
    assert row.attempts == 2


def test_a_living_worker_keeps_what_it_holds(mailoutbox: list[Any]) -> None:
    workers.welcome([UserFactory()])
    assert outbox.claim("email", limit=50)
    assert outbox.free_orphans() == 0
    assert drain() == {}


def test_where_processes_cannot_be_told_apart_only_the_end_of_the_lease_frees(monkeypatch: pytest.MonkeyPatch) -> None:
    workers.welcome([UserFactory()])
    monkeypatch.setattr(outbox, "machine", lambda: "")
    [row] = outbox.claim("email", limit=50)
    OutboxMessage.objects.update(lease=row.lease.replace(str(os.getpid()), "999999999"))
    assert outbox.free_orphans() == 0
    OutboxMessage.objects.update(available_at=timezone.now())
    assert drain() == {"sent": 1}


def test_a_message_that_ends_every_worker_does_not_stand_in_front_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poison, *others = workers.welcome([UserFactory() for _ in range(4)])
    delivered: set[int] = set()
    for _ in range(100):
        for row in outbox.claim("email", limit=50):
            if row.pk == poison.pk:  # the worker dies here
                break
            assert outbox.finish(row, OutboxMessage.State.SENT)
            delivered.add(row.pk)
        OutboxMessage.objects.held().update(available_at=timezone.now())
        if len(delivered) == len(others):
            break
    assert delivered == {row.pk for row in others}
