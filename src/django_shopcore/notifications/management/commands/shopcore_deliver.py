from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_shopcore.core import periodic
from django_shopcore.notifications.channels import configured_channels
from django_shopcore.notifications.worker import POLL, Worker

LONGEST_POLL = 3600.0


class Command(BaseCommand):
    help = (
        "Delivers notifications and does periodic work, until it is stopped. Run as many as you like. SIGTERM "
        "and Ctrl-C finish the message at hand."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now, then exit")
        parser.add_argument(
            "--poll", type=float, default=POLL, metavar="SECONDS", help=f"wait between two looks when idle ({POLL:g})"
        )
        parser.add_argument(
            "--channel", action="append", default=[], metavar="NAME", help="only this channel; repeat for several"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = [channel.name for channel in configured_channels() if channel.deferred]
        if unknown := sorted(set(options["channel"]) - set(names)):
            raise CommandError(f"Not a channel to deliver on: {', '.join(unknown)}. There are: {', '.join(names)}.")
        if not 0 < options["poll"] <= LONGEST_POLL:
            raise CommandError(f"--poll must be above 0 and at most {LONGEST_POLL:g}.")
        with _stop_on_signals() as stop:
            worker = Worker(channels=options["channel"], stop=stop)
            if not options["once"]:
                self.stdout.write("Delivering. Stop with Ctrl-C.")
                self.stdout.flush()
                worker.run(poll=options["poll"])
                return
            periodic.run_due()
            done = worker.drain()
        self.stdout.write(f"{done['sent']} sent, {done['skipped']} skipped, {done['retried']} to be tried again")


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM or Ctrl-C sets. The second one has its usual effect."""
    stop = threading.Event()
    before: dict[int, Any] = {}

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    def set_stop(*_: object) -> None:
        restore()
        # In a thread: set() waits for a lock that the main thread may hold at this moment, inside of wait().
        threading.Thread(target=stop.set, daemon=True).start()

    if threading.current_thread() is threading.main_thread():
        before.update({number: signal.signal(number, set_stop) for number in (signal.SIGTERM, signal.SIGINT)})
    try:
        yield stop
    finally:
        restore()
