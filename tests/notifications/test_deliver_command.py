"""``manage.py shopcore_deliver``: its options, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_shopcore.core.models import PeriodicRun
from django_shopcore.notifications.management.commands import shopcore_deliver
from django_shopcore.notifications.models import OutboxMessage
from tests.factories.accounts import UserFactory
from tests.notifications import workers
from tests.notifications.smtp import HANG, SmtpServer

pytestmark = [pytest.mark.projects("full", "host_user"), pytest.mark.django_db]

State = OutboxMessage.State


def eventually(condition: Callable[[], Any], within: float = 30) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_once_delivers_what_is_due_does_the_periodic_work_and_says_so(
    mailoutbox: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    *_, inactive = workers.welcome(UserFactory() for _ in range(3))
    inactive.user.is_active = False
    inactive.user.save()
    call_command("shopcore_deliver", "--once")
    assert capsys.readouterr().out == "2 sent, 1 skipped, 0 to be tried again\n"
    assert len(mailoutbox) == 2
    assert PeriodicRun.objects.filter(name="notifications.prune_outbox").exists()


def test_only_the_named_channels_are_delivered_on(settings: Any, mailoutbox: list[Any]) -> None:
    log = "django_shopcore.notifications.channels.LogChannel"
    settings.SHOPCORE_NOTIFICATIONS_CHANNELS = ["django_shopcore.notifications.channels.EmailChannel", log]
    workers.welcome([UserFactory()])
    call_command("shopcore_deliver", "--once", "--channel", "log")
    assert mailoutbox == []
    call_command("shopcore_deliver", "--once", "--channel", "log", "--channel", "email")
    assert len(mailoutbox) == 1


@pytest.mark.parametrize("name", ["pigeon", "in_app"])
def test_a_channel_that_it_cannot_deliver_on_is_an_error(name: str) -> None:
    with pytest.raises(CommandError) as error:
        call_command("shopcore_deliver", "--once", "--channel", name)
    assert str(error.value) == f"Not a channel to deliver on: {name}. There are: email."


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_wait_that_makes_no_sense_is_an_error(seconds: str) -> None:
    with pytest.raises(CommandError, match="--poll must be above 0"):
        call_command("shopcore_deliver", "--poll", seconds)


def test_signals_are_as_before_when_it_is_done() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    call_command("shopcore_deliver", "--once")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_it_runs_in_a_thread_that_cannot_have_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopcore_deliver.Worker, "drain", lambda worker: {"sent": 0, "skipped": 0, "retried": 0})
    monkeypatch.setattr(shopcore_deliver.periodic, "run_due", dict)
    errors: list[Exception] = []

    def run() -> None:
        try:
            call_command("shopcore_deliver", "--once")
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert errors == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_it_finish_the_message_at_hand_and_gives_the_rest_back(
    number: signal.Signals, tmp_path: Path
) -> None:
    rows = workers.welcome(UserFactory() for _ in range(10))
    with SmtpServer() as server:
        seen = 0

        def stop_at_third(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen == 3:
                worker.send_signal(number)
                time.sleep(0.2)

        server.at["body"] = stop_at_third
        worker = workers.start(folder=tmp_path, settings=workers.mail_settings(server.port))
        output = workers.end(worker)
        assert worker.returncode == 0, output
        assert output == "Delivering. Stop with Ctrl-C.\n"
        assert len(server.received) == 3
    sent = OutboxMessage.objects.filter(state=State.SENT)
    left = OutboxMessage.objects.filter(state=State.PENDING)
    assert (sent.count(), left.count()) == (3, len(rows) - 3)
    assert set(left.values_list("lease", "attempts")) == {("", 0)}


@pytest.mark.django_db(transaction=True)
def test_an_idle_worker_notices_new_messages_and_a_signal_at_once(tmp_path: Path) -> None:
    with SmtpServer() as server:
        worker = workers.start("--poll", "0.1", folder=tmp_path, settings=workers.mail_settings(server.port))
        try:
            assert worker.stdout
            assert worker.stdout.readline() == "Delivering. Stop with Ctrl-C.\n"
            for number in (1, 2):
                workers.welcome([UserFactory()])
                eventually(lambda number=number: len(server.received) == number)
            start = time.monotonic()
            worker.send_signal(signal.SIGTERM)
        finally:
            assert workers.end(worker) == ""
    assert worker.returncode == 0
    assert time.monotonic() - start < 5


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_signal_in_any_moment_of_an_idle_wait_ends_it() -> None:
    # The handler must not wait for the lock that the interrupted wait() holds: it would for ever.
    code = (
        "import itertools, os, signal, threading, time\n"
        "from django_shopcore.notifications.management.commands.shopcore_deliver import _stop_on_signals\n"
        "for n in range(300):\n"
        "    with _stop_on_signals() as stop:\n"
        "        signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGTERM))\n"
        "        signal.setitimer(signal.ITIMER_REAL, 0.00002 + n * 1e-6)\n"
        "        while not stop.is_set():\n"
        "            stop.wait(0)\n"
    )
    command = [sys.executable, "-c", "import django; django.setup()\n" + code]
    subprocess.run(command, cwd=workers.ROOT, check=True, timeout=60)


@pytest.mark.django_db(transaction=True)
def test_the_second_signal_ends_it_where_it_stands(tmp_path: Path) -> None:
    workers.welcome([UserFactory()])
    with SmtpServer() as server:
        entered = threading.Event()
        server.at["body"] = lambda _: (entered.set(), HANG)[1]
        worker = workers.start(folder=tmp_path, settings=workers.mail_settings(server.port, timeout=60))
        assert entered.wait(30)
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        workers.end(worker)
    assert worker.returncode == -signal.SIGTERM
