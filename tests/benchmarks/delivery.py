"""How fast workers deliver: ``python -m tests.benchmarks.delivery [--messages 10000] [--workers 2]``.

On a PostgreSQL of its own it fills the outbox, starts as many ``shopcore_deliver --once`` beside each other
and lets them send to an SMTP server on this machine. It prints messages a second, what was lost or sent
twice, and each worker's memory on the way; to compare with, what one process reaches that sends the same
mails, made before, with nothing but smtplib. It fails when a message is lost or doubled.
"""

from __future__ import annotations

import argparse
import os
import resource
import smtplib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django

SAMPLE = 2000  # mails of the comparison


class Sink:
    """An SMTP server in a process of its own; after the block, ``message_ids`` is what it got."""

    port: int
    message_ids: Counter[str]

    def __enter__(self) -> Sink:
        command = [sys.executable, "-m", "tests.notifications.smtp"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *exc: object) -> None:
        self.message_ids = Counter(self._process.communicate()[0].split())


@contextmanager
def database() -> Iterator[None]:
    from django.db import connection

    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def fill(count: int) -> None:
    """Makes users and queues a mail for each."""
    from django.contrib.auth import get_user_model

    from tests.notifications.workers import welcome

    users = get_user_model()._default_manager
    for start in range(0, count, 1000):
        numbers = range(start, min(start + 1000, count))
        welcome(users.bulk_create(users.model(email=f"c{n}@example.com", first_name="Ada") for n in numbers))


def bare_rate() -> float:
    """Mails a second by smtplib alone."""
    from django_shopcore.notifications.channels import EmailChannel
    from django_shopcore.notifications.kinds import kind_named
    from django_shopcore.notifications.models import OutboxMessage
    from django_shopcore.notifications.preferences import Wishes
    from django_shopcore.notifications.rendering import Delivery

    channel, kind = EmailChannel(), kind_named("welcome")
    assert kind
    rows = OutboxMessage.objects.select_related("user")[:SAMPLE]
    mails = [channel.message(Delivery.of_row(kind, row, {}, Wishes())) for row in rows]
    made = [(mail.to, mail.message().as_bytes().replace(b"\n", b"\r\n")) for mail in mails]
    with Sink() as sink, smtplib.SMTP("127.0.0.1", sink.port) as connection:
        start = time.perf_counter()
        for to, content in made:
            connection.sendmail("shop@example.com", to, content)
        return len(made) / (time.perf_counter() - start)


def resident(process: subprocess.Popen[str]) -> float | None:
    """MiB of memory of ``process``; ``None`` once it has ended, or where there is no /proc."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return None
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(sizes[0]) / 1024 if sizes else None


def processor_time() -> float:
    """Seconds that the children which have ended spent."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def watch(running: list[subprocess.Popen[str]], messages: int) -> list[list[float]]:
    """Waits for the end; the memory of each worker after 1, 25 and 50 % and at last."""
    from django_shopcore.notifications.models import OutboxMessage

    marks = [messages // 100, messages // 4, messages // 2, messages]
    sizes: list[list[float]] = [[] for _ in running]
    while any(process.poll() is None for process in running):
        now = [resident(process) for process in running]
        sent = OutboxMessage.objects.filter(state=OutboxMessage.State.SENT).count()
        for seen, size in zip(sizes, now, strict=True):
            if size is None:
                continue
            if len(seen) == len(marks):
                seen[-1] = size
            elif sent >= marks[len(seen)] or len(seen) == len(marks) - 1:
                seen.append(size)
        time.sleep(0.25)
    return sizes


def deliver(workers: int, folder: str) -> dict[str, Any]:
    from django.db.models import Max, Min

    from django_shopcore.notifications.models import OutboxMessage
    from tests.notifications.workers import end, mail_settings, start

    messages = OutboxMessage.objects.count()
    begin, used = time.perf_counter(), processor_time()
    with Sink() as sink:
        running = [start("--once", folder=folder, settings=mail_settings(sink.port)) for _ in range(workers)]
        sizes = watch(running, messages)
        wall = time.perf_counter() - begin
        outputs = [end(process) for process in running]
        of_workers = processor_time()
    of_sink = processor_time() - of_workers
    if failed := [output for process, output in zip(running, outputs, strict=True) if process.returncode]:
        raise SystemExit("\n".join(failed))
    span = OutboxMessage.objects.aggregate(first=Min("finished_at"), last=Max("finished_at"))
    wanted = {f"<{uuid.hex}@shop.example>" for uuid in OutboxMessage.objects.values_list("message_uuid", flat=True)}
    return {
        "rate": messages / (span["last"] - span["first"]).total_seconds(),
        "rate_with_start": messages / wall,
        "lost": len(wanted - set(sink.message_ids)),
        "doubled": sum(times - 1 for times in sink.message_ids.values()),
        "memory": sizes,
        "milliseconds": [1000 * seconds / messages for seconds in (of_workers - used, of_sink)],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.projects.full", "SHOPCORE_TEST_DB": "postgres"}
    django.setup()
    with database(), tempfile.TemporaryDirectory() as folder:
        fill(options.messages)
        bare = bare_rate()
        result = deliver(options.workers, folder)
    print(f"{options.messages} messages, {options.workers} workers, {os.cpu_count()} cores")
    print(
        f"delivered:         {result['rate']:.0f}/s ({result['rate_with_start']:.0f}/s with the start of the workers)"
    )
    print(f"bare smtplib:      {bare:.0f}/s from one process (ratio {result['rate'] / bare:.2f})")
    print("processor:         {:.2f} ms a message in the workers, {:.2f} in the server".format(*result["milliseconds"]))
    print(f"lost, doubled:     {result['lost']}, {result['doubled']}")
    for number, sizes in enumerate(result["memory"], 1):
        print(f"worker {number}, MiB:     " + " -> ".join(f"{size:.1f}" for size in sizes) + " (1, 25, 50, 100 %)")
    return 1 if result["lost"] or result["doubled"] else 0


if __name__ == "__main__":
    sys.exit(main())
