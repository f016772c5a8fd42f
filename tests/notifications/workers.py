"""Workers in processes of their own, on the database of the test, and messages for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import django
from django.db import connection

from django_shopcore.notifications.channels import EmailChannel
from django_shopcore.notifications.kinds import Message, kind_named
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.rendering import Delivery

ROOT = Path(__file__).resolve().parents[2]
DIES = "SHOPCORE_TEST_WORKER_DIES"


def mail_settings(port: int, *, timeout: float | None = 5) -> dict[str, Any]:
    """Django's settings for mail by SMTP to ``port`` of this machine."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION >= (6, 1):
        options = {"host": "127.0.0.1", "port": port, "timeout": timeout}
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": backend, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": port, "EMAIL_TIMEOUT": timeout}


def start(
    *arguments: str, folder: Path | str, dies: str = "", settings: dict[str, Any] | None = None
) -> subprocess.Popen[str]:
    """``manage.py shopcore_deliver`` with ``arguments``, on the test's database.

    ``folder`` takes what it leaves behind when it is killed. ``dies`` is a point of ``MortalEmailChannel``.
    """
    settings = {"DATABASES": {"default": connection.settings_dict}, **(settings or {})}
    if dies:
        settings["SHOPCORE_NOTIFICATIONS_CHANNELS"] = [f"{__name__}.MortalEmailChannel"]
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.notifications.worker_site",
        "SHOPCORE_TEST_PROJECT": os.environ["DJANGO_SETTINGS_MODULE"],
        "SHOPCORE_TEST_SETTINGS": json.dumps(settings),
        "TMPDIR": str(folder),
        DIES: dies,
    }
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "django", "shopcore_deliver", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(worker: subprocess.Popen[str], timeout: float = 60) -> str:
    """What a worker printed until its end, which is waited for."""
    try:
        return worker.communicate(timeout=timeout)[0]
    finally:
        worker.kill()
        worker.wait()


def welcome(users: Iterable[Any]) -> list[OutboxMessage]:
    """Queues the mail that welcomes each of ``users``."""
    kind = kind_named("welcome")
    assert kind
    known = set(OutboxMessage.objects.values_list("pk", flat=True))
    post(kind, [Message(user=user, channels=("email",)) for user in users])
    return list(OutboxMessage.objects.exclude(pk__in=known))


class MortalEmailChannel(EmailChannel):
    """Kills its process: once messages are ``claimed``; with one sent and ``unmarked``; with one ``marked``."""

    sent = 0

    def open(self) -> None:
        self._dies("claimed")
        super().open()

    def send(self, delivery: Delivery) -> None:
        if self.sent:
            self._dies("marked")
        super().send(delivery)
        self.sent += 1
        self._dies("unmarked")

    def _dies(self, point: str) -> None:
        if os.environ[DIES] == point:
            os.kill(os.getpid(), signal.SIGKILL)
