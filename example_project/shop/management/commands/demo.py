from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from argparse import ArgumentTypeError
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from shop.env import env
from shop.sample import DEBUG_ONLY, catalogue, filling
from shop.sample.delivery import delivery
from shop.sample.guide import guide
from shop.sample.people import create_people

HOST = "127.0.0.1"
BAR_WIDTH = 30


def _number(lowest: int, highest: int) -> Any:
    def parse(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            raise ArgumentTypeError(f"expected a number from {lowest} to {highest}")
        return int(text)

    return parse


class Command(BaseCommand):
    help = "Fills the database with sample data and serves the site on this machine. Only with DEBUG on."
    requires_system_checks = []  # they take longer than all the rest of a second start

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_number(1, 65535), default=8000, help="the port to listen on (8000)")
        parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
        parser.add_argument("--no-serve", action="store_true", help="only prepare the database")
        parser.add_argument(
            "--products", type=_number(0, 10_000_000), default=0, metavar="N", help="fill up to N products"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(f"DEBUG {DEBUG_ONLY}.")
        port = options["port"]
        if not options["no_serve"]:
            _require_free(port)
        site = f"http://{HOST}:{port}"
        if not env.get("SITE_URL"):
            settings.SHOPCORE_SITE_URL = site  # for the links in mails
        _migrate()
        self._load(options["products"])
        create_people()
        self.stdout.write(guide(site))
        self.stdout.flush()  # whoever reads it through a pipe wants it before the server ends
        if not options["no_serve"]:
            self._serve(port, browser=not options["no_browser"])

    def _load(self, products: int) -> None:
        if not catalogue.is_loaded():
            self.stdout.write("Loading the sample data …")
            report = catalogue.load()
            if not report.ok:
                raise CommandError(f"The sample data has an error: {report.errors[0]}")
        bar = Bar(self.stdout, products)
        added = filling.fill_up(products, bar.show)
        bar.clear()
        if added:
            self.stdout.write(f"Made {added:,} products more.")

    def _serve(self, port: int, *, browser: bool) -> None:
        if browser:
            _open_soon(f"http://{HOST}:{port}/swagger/")
        os.environ.setdefault("DJANGO_RUNSERVER_HIDE_WARNING", "true")
        with delivery():
            call_command("runserver", f"{HOST}:{port}", use_reloader=False, skip_checks=True)


class Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, out: Any, total: int) -> None:
        self.out, self.total = out, total if out.isatty() else 0

    def show(self, done: int) -> None:
        if self.total:
            filled = "#" * (BAR_WIDTH * done // self.total)
            self.out.write(f"\r[{filled:{BAR_WIDTH}}] {done:,} of {self.total:,}", ending="")
            self.out.flush()

    def clear(self) -> None:
        if self.total:
            self.out.write("\r\x1b[K", ending="")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        if os.name != "nt":  # as the server will: a port that was closed a moment ago is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise CommandError(f"Port {port} cannot be used ({exc.strerror}). Try another: --port 8080") from None


def _migrate() -> None:
    """Migrates where there is something to do: finding out is quicker than the command's own rounds."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def _open_soon(url: str) -> None:
    """Opens a browser once the server is up, where there is a screen; a failure is no matter."""

    def open_browser() -> None:
        with suppress(Exception):
            webbrowser.open(url)

    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen:
        timer = threading.Timer(1, open_browser)
        timer.daemon = True
        timer.start()
