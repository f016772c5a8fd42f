"""Mail backends of the tests, and how a site names one."""

from __future__ import annotations

from typing import Any, ClassVar

import django
from django.core.mail.backends import locmem, smtp


def use_backend(settings: Any, name: str, **options: Any) -> None:
    """Makes the site send by the class ``name`` of this module; ``options`` are those of Django's SMTP backend."""
    path = f"{__name__}.{name}"
    if django.VERSION >= (6, 1):
        needed = {"host": "127.0.0.1"} if issubclass(globals()[name], smtp.EmailBackend) else {}
        settings.MAILERS = {"default": {"BACKEND": path, "OPTIONS": needed | options}}
        return
    settings.EMAIL_BACKEND = path
    for option, value in options.items():
        setattr(settings, f"EMAIL_{option.upper()}", value)


class Troubled(locmem.EmailBackend):
    """Puts mails into ``mail.outbox`` and then raises what a test has put into ``troubles``, one for each mail."""

    troubles: ClassVar[list[Exception]] = []

    def send_messages(self, messages: Any) -> int:
        sent = super().send_messages(messages)
        if self.troubles:
            raise self.troubles.pop(0)
        return sent


class Unreachable(locmem.EmailBackend):
    def open(self) -> bool | None:
        raise ConnectionRefusedError("nobody listens")


class Unconnected(smtp.EmailBackend):
    """Django's SMTP, without a server; remembers the time-outs."""

    timeouts: ClassVar[list[Any]] = []

    def open(self) -> bool | None:
        self.timeouts.append(self.timeout)
        return True

    def send_messages(self, messages: Any) -> int:
        return len(messages)
