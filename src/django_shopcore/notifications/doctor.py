"""What ``shopcore_doctor`` looks at in the notifications: whether they leave, and whether mail could."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.core.mail.backends import smtp

from django_shopcore.core import doctor
from django_shopcore.core.doctor import NOTE, OK, WRONG, Finding

from . import outbox
from .channels import EmailChannel, configured_channels, mail_connection

LATE = 300  # seconds
PATIENCE = 10  # seconds, with a mail server
HERE = ("localhost", "127.0.0.1", "::1")
# Django's backends after which nobody gets a mail.
NOWHERE = {
    "console": "written to the console",
    "dummy": "thrown away",
    "filebased": "written to files",
    "locmem": "kept in memory",
}


def register() -> None:
    doctor.register("Notifications", examine_outbox)
    doctor.register("Mail", examine_mail)


def examine_outbox(alias: str) -> Iterator[Finding]:
    lag = outbox.lag()
    if lag > LATE:
        said = f"the oldest message has been waiting for {lag / 60:.0f} minutes"
        yield Finding(WRONG, "outbox", said, "Is shopcore_deliver running? Its log says what fails.")
    else:
        yield Finding(OK, "outbox", "delivers")


def examine_mail(alias: str) -> Iterator[Finding]:
    """Whether mails could leave. Nothing is sent."""
    try:
        by_mail = any(isinstance(channel, EmailChannel) for channel in configured_channels())
        backend = mail_connection() if by_mail else None
    except Exception as error:  # noqa: BLE001 - backends and channels of the site's own
        yield Finding(WRONG, "mail", f"cannot be set up ({type(error).__name__})", "manage.py check says why.")
        return
    if backend is None:
        yield Finding(OK, "mail", "no channel sends any")
    elif isinstance(backend, smtp.EmailBackend):
        yield _server(backend)
        yield from _secrecy(backend)
    elif type(backend).__module__.startswith("django.core.mail.backends."):
        said = NOWHERE.get(type(backend).__module__.rpartition(".")[2], "not sent")
        yield Finding(NOTE, "mail", f"{said}: nobody gets any", "Configure a mail server where visitors come.")
    else:
        path = f"{type(backend).__module__}.{type(backend).__qualname__}"
        yield Finding(OK, "mail", f"sent by {path}, which only a mail would try")


def _server(backend: Any) -> Finding:
    """What a server says to a connection without a mail. Its words are left out: they may repeat the password."""
    where = f"{backend.host}:{backend.port}"
    backend.timeout = min(backend.timeout or PATIENCE, PATIENCE)
    try:
        doctor.within(PATIENCE, lambda: _connect(backend))
    except smtplib.SMTPAuthenticationError as error:
        said = f"{where} refuses the user name or the password ({error.smtp_code})"
        return Finding(WRONG, "mail", said, "Correct them in the settings of mail.")
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        # smtplib calls a silence after the connection was made a disconnection.
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            advice = "Is the port right, and open to this machine? Mails wait in the outbox meanwhile."
            return Finding(WRONG, "mail", f"{where} does not answer", advice)
        advice = "Correct host, port and encryption in the settings of mail. Mails wait in the outbox meanwhile."
        return Finding(WRONG, "mail", f"{where} cannot be used ({_reason(error)})", advice)
    return Finding(OK, "mail", f"{where} answers" + (" and lets us in" if backend.username else ""))


def _connect(backend: Any) -> None:
    try:
        backend.open()
    finally:
        with suppress(OSError, smtplib.SMTPException):
            backend.close()


def _reason(error: Exception) -> str:
    detail = getattr(error, "smtp_code", None) or getattr(error, "strerror", None)
    return f"{type(error).__name__}: {detail}" if detail else type(error).__name__


def _secrecy(backend: Any) -> Iterator[Finding]:
    if backend.username and not (backend.use_tls or backend.use_ssl) and backend.host not in HERE:
        yield Finding(NOTE, "encryption", "the password travels in the clear", "Turn on TLS in the settings of mail.")
