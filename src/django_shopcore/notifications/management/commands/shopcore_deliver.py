from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_shopcore.core import periodic
from django_shopcore.notifications.channels import channel_names
from django_shopcore.notifications.worker import POLL, Worker


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
        unknown = set(options["channel"]) - set(channel_names())
        if unknown:
            raise CommandError(
                f"No such channel: {', '.join(sorted(unknown))}. There are {', '.join(channel_names())}."
            )
        if not options["poll"] > 0:
            raise CommandError("--poll must be above 0.")
        worker = Worker(channels=options["channel"], stop=_stop_on_signals())
        if not options["once"]:
            self.stdout.write("Delivering. Stop with Ctrl-C.")
            self.stdout.flush()
            worker.run(poll=options["poll"])
            return
        periodic.run_due()
        done = worker.drain()
        self.stdout.write(f"{done['sent']} sent, {done['skipped']} skipped, {done['retried']} to be tried again")


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    return stop
