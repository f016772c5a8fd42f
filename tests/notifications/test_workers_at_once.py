"""Several workers beside each other, and beside the site: each message goes out once."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from django_shopcore.notifications import outbox, worker
from django_shopcore.notifications.models import OutboxMessage
from tests.factories.accounts import PASSWORD, UserFactory
from tests.notifications import workers
from tests.notifications.smtp import SmtpServer
from tests.parallel import at_once

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db(transaction=True)]

State = OutboxMessage.State


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def ids(rows: list[OutboxMessage]) -> dict[str, int]:
    return {f"<{row.message_uuid.hex}@shop.example>": 1 for row in rows}


@pytest.mark.parametrize("number", [2, 4])
def test_each_message_is_delivered_by_one_of_several_processes(server: SmtpServer, tmp_path: Path, number: int) -> None:
    rows = workers.welcome(UserFactory() for _ in range(200))
    settings = workers.mail_settings(server.port)
    started = [workers.start("--once", folder=tmp_path, settings=settings) for _ in range(number)]
    outputs = [workers.end(process) for process in started]
    assert [process.returncode for process in started] == [0] * number, outputs
    sent = [int(output.partition(" ")[0]) for output in outputs]
    assert sum(sent) == 200
    assert dict(server.message_ids()) == ids(rows)
    assert set(OutboxMessage.objects.values_list("state", "attempts")) == {(State.SENT, 1)}


def test_of_workers_that_claim_at_the_same_moment_each_gets_others() -> None:
    rows = workers.welcome(UserFactory() for _ in range(40))
    claims = at_once([partial(outbox.claim, "email", limit=10)] * 4)
    assert Counter(row.pk for claim in claims for row in claim) == dict.fromkeys([row.pk for row in rows], 1)


def test_workers_without_that_condition_would_deliver_twice(
    monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    barrier = Barrier(2)

    def naive(channel: str, *, limit: int) -> list[Any]:
        due = list(OutboxMessage.objects.due(timezone.now()).filter(channel=channel)[:limit])
        barrier.wait(10)
        rows = OutboxMessage.objects.filter(pk__in=[row.pk for row in due])
        rows.update(lease="mine", available_at=timezone.now() + datetime.timedelta(seconds=60))
        return list(rows.select_related("user")) if due else []

    workers.welcome(UserFactory() for _ in range(5))
    monkeypatch.setattr(outbox, "claim", naive)
    at_once([worker.drain] * 2)
    assert len(mailoutbox) == 10


def register(number: int) -> int:
    body = {"email": f"new{number}@example.com", "password": PASSWORD}
    return int(APIClient().post("/api/v1/auth/register/", body, format="json").status_code)


def test_the_site_goes_on_writing_while_workers_deliver(server: SmtpServer, tmp_path: Path, settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False
    workers.welcome(UserFactory() for _ in range(100))
    mail = workers.mail_settings(server.port)
    running = [workers.start("--poll", "0.05", folder=tmp_path, settings=mail) for _ in range(2)]
    try:
        for process in running:
            assert process.stdout
            assert process.stdout.readline() == "Delivering. Stop with Ctrl-C.\n"
        statuses = [status for start in range(0, 40, 4) for status in four_at_once(start)]
        assert statuses == [201] * 40
    finally:
        for process in running:
            process.terminate()
        outputs = [workers.end(process) for process in running]
    assert outputs == ["", ""]
    for name, value in mail.items():
        setattr(settings, name, value)
    worker.drain()
    assert dict(server.message_ids()) == ids(list(OutboxMessage.objects.all()))
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {State.SENT}


def four_at_once(start: int) -> list[Any]:
    return at_once([partial(register, start + number) for number in range(4)])
