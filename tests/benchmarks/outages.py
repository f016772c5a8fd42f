"""Outages of real minutes: ``python -m tests.benchmarks.outages [--minutes 3] [--only flapping]``.

A site that is served over HTTP, a worker in a process of its own with the default settings, and a mail server
that refuses connections, hangs, or flaps, for some minutes each. Customers register all the time. It prints
how long they waited for their 201, and how long after the recovery the last mail was there; it fails when
that is more than a minute, or when a mail is missing or doubled.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django

from tests.benchmarks.delivery import database
from tests.notifications.smtp import DROP, HANG, STAGES, SmtpServer

BEFORE_DELIVERY = [stage for stage in STAGES if stage != "accepted"]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """The site's address."""
    from django.core.wsgi import get_wsgi_application

    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refusing(server: SmtpServer) -> None:
    server.refuse()


def hanging(server: SmtpServer) -> None:
    server.listen()
    server.at = {random.choice(BEFORE_DELIVERY): HANG}


def flapping(server: SmtpServer) -> None:
    server.at = {random.choice(BEFORE_DELIVERY): random.choice([HANG, DROP, "421 going", "451 later", "554 no"])}
    random.choice([server.refuse, server.listen])()


def register(site: str, number: int) -> float:
    """Seconds until the 201."""
    body = json.dumps({"email": f"c{number}@example.com", "password": "correct horse battery staple"}).encode()
    begin = time.perf_counter()
    request = Request(f"{site}/api/v1/auth/register/", body, {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.status == 201
    return time.perf_counter() - begin


def suffer(trouble: Any, minutes: float, server: SmtpServer, site: str, numbers: Iterator[int]) -> dict[str, float]:
    from django_shopcore.notifications.models import OutboxMessage

    waited = []
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        trouble(server)
        for _ in range(random.randint(1, 4)):
            waited.append(register(site, next(numbers)))
            time.sleep(random.uniform(0.5, 3))
    late = OutboxMessage.objects.pending().count()
    server.at = {}
    server.listen()
    recovery = time.monotonic()
    while OutboxMessage.objects.pending().exists() and time.monotonic() < recovery + 120:
        time.sleep(0.1)
    return {"registrations": len(waited), "slowest": max(waited), "late": late, "last": time.monotonic() - recovery}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    troubles = {function.__name__: function for function in (refusing, hanging, flapping)}
    parser.add_argument("--only", action="append", choices=troubles, help="only this trouble (repeatable)")
    parser.add_argument("--minutes", type=float, default=3)
    options = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.projects.full", "SHOPCORE_TEST_DB": "postgres"}
    django.setup()

    from django.conf import settings

    from django_shopcore.notifications.models import OutboxMessage
    from tests.notifications.workers import mail_settings, start

    settings.SHOPCORE_RATE_LIMITS = False
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    failed, numbers = False, iter(range(10**9))
    with database(), tempfile.TemporaryDirectory() as folder, SmtpServer() as server, served() as site:
        worker = start(folder=folder, settings=mail_settings(server.port, timeout=None))
        assert worker.stdout
        log = threading.Thread(target=worker.stdout.read)  # so that its pipe does not fill up
        log.start()
        for name in options.only or troubles:
            result = suffer(troubles[name], options.minutes, server, site, numbers)
            failed |= result["last"] > 60
            print(
                "{}: {registrations} registrations, the slowest answered after {slowest:.2f} s; {late} mails waited "
                "for the recovery, the last was there {last:.1f} s after it".format(name, **result),
                flush=True,
            )
        worker.terminate()
        worker.wait(60)
        log.join()
        worker.stdout.close()
        wanted = {f"<{uuid.hex}@shop.example>" for uuid in OutboxMessage.objects.values_list("message_uuid", flat=True)}
        states = set(OutboxMessage.objects.values_list("state", flat=True))
        got = server.message_ids()
    doubled = sum(times - 1 for times in got.values())
    print(f"{len(wanted)} mails, {len(wanted - set(got))} lost, {doubled} doubled, all {', '.join(states)}")
    return 1 if failed or doubled or set(got) != wanted else 0


if __name__ == "__main__":
    sys.exit(main())
