"""``shopcore_doctor`` finds out whether mail could leave, without sending any."""

from __future__ import annotations

import io
import smtplib
import threading
import time
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import CommandError, call_command

from django_shopcore.core.doctor import NOTE, OK, WRONG
from tests.core.doctors import advice, findings, report
from tests.notifications.smtp import DROP, HANG, SmtpServer

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

PASSWORD = "hunter2-and-more"
SMTP = "django.core.mail.backends.smtp.EmailBackend"


class Provider(BaseEmailBackend):
    """As of a provider whose interface is spoken over HTTP."""


class Broken(BaseEmailBackend):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError(f"the key {PASSWORD} is wrong")


def mail_by(settings: Any, backend: str, **options: Any) -> None:
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
        return
    settings.EMAIL_BACKEND = backend
    names = {"host": "HOST", "port": "PORT", "username": "HOST_USER", "password": "HOST_PASSWORD", "timeout": "TIMEOUT"}
    for name, value in options.items():
        setattr(settings, f"EMAIL_{names[name]}", value)


@pytest.fixture
def server(settings: Any) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        mail_by(settings, SMTP, host="127.0.0.1", port=server.port)
        yield server


def test_a_server_that_answers_is_fine_and_gets_no_mail(server: SmtpServer) -> None:
    assert findings("Mail") == [(OK, f"127.0.0.1:{server.port} answers")]
    assert (server.met["connect"], server.met["mail"], server.received) == (1, 0, [])


def test_a_server_that_refuses_connections_is_wrong(server: SmtpServer) -> None:
    server.refuse()
    [(level, said)] = findings("Mail")
    assert level == WRONG
    assert said.startswith(f"127.0.0.1:{server.port} cannot be used (ConnectionRefusedError")
    assert "Mails wait in the outbox meanwhile." in advice("Mail", "mail")[0]
    assert report()[0] == 1


@pytest.mark.parametrize("reaction", [DROP, "554 go away"])
def test_a_server_that_wants_nothing_of_us_is_wrong(server: SmtpServer, reaction: str) -> None:
    server.at["connect"] = reaction
    [(level, said)] = findings("Mail")
    assert (level, said.startswith(f"127.0.0.1:{server.port} cannot be used (SMTP")) == (WRONG, True)


@pytest.mark.parametrize(("timeout", "patience"), [(None, 0.3), (600, 0.3), (0.2, 4)])
def test_a_server_that_is_silent_costs_seconds_whatever_the_sites_time_out(
    server: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch, timeout: float | None, patience: float
) -> None:
    monkeypatch.setattr("django_shopcore.notifications.doctor.PATIENCE", patience)
    mail_by(settings, SMTP, host="127.0.0.1", port=server.port, timeout=timeout)
    server.at["connect"] = HANG
    begin = time.monotonic()
    assert findings("Mail") == [(WRONG, f"127.0.0.1:{server.port} does not answer")]
    while any(thread.name == "shopcore-doctor" for thread in threading.enumerate()):
        assert time.monotonic() - begin < 5, "somebody is still waiting"
        time.sleep(0.05)


def test_a_host_that_does_not_exist_is_wrong(settings: Any) -> None:
    mail_by(settings, SMTP, host="mail.invalid", port=25)
    [(level, said)] = findings("Mail")
    assert (level, said.partition(" (")[0]) == (WRONG, "mail.invalid:25 cannot be used")


class Talkative(smtplib.SMTP):
    """A server that repeats what it refuses."""

    def login(self, user: str, password: str, **options: Any) -> Any:
        raise smtplib.SMTPAuthenticationError(535, f"{user} has not the password {password}".encode())


def test_a_refused_password_is_wrong_and_never_printed(
    server: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_by(settings, SMTP, host="127.0.0.1", port=server.port, username="ada", password=PASSWORD)
    monkeypatch.setattr(smtplib, "SMTP", Talkative)
    output, errors = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError):
        call_command("shopcore_doctor", stdout=output, stderr=errors)
    assert f"127.0.0.1:{server.port} refuses the user name or the password (535)" in " ".join(output.getvalue().split())
    assert PASSWORD not in output.getvalue() + errors.getvalue() + str(report())


def test_a_password_in_the_clear_is_noted_unless_the_server_is_on_this_machine(
    server: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtplib.SMTP, "login", lambda *args, **options: (235, b"welcome"))
    mail_by(settings, SMTP, host="127.0.0.1", port=server.port, username="ada", password=PASSWORD)
    assert findings("Mail") == [(OK, f"127.0.0.1:{server.port} answers and lets us in")]
    monkeypatch.setattr("django_shopcore.notifications.doctor.HERE", ())
    assert findings("Mail", "encryption") == [(NOTE, "the password travels in the clear")]
    assert PASSWORD not in str(report())


@pytest.mark.parametrize(
    ("backend", "level", "said"),
    [
        ("django.core.mail.backends.locmem.EmailBackend", NOTE, "kept in memory: nobody gets any"),
        ("django.core.mail.backends.console.EmailBackend", NOTE, "written to the console: nobody gets any"),
        ("django.core.mail.backends.dummy.EmailBackend", NOTE, "thrown away: nobody gets any"),
        (f"{__name__}.Provider", OK, f"sent by {__name__}.Provider, which only a mail would try"),
        (f"{__name__}.Broken", WRONG, "cannot be set up (ValueError)"),
        ("nowhere.Backend", WRONG, "cannot be set up"),
    ],
)
def test_other_ways_than_a_server_are_told(settings: Any, backend: str, level: str, said: str) -> None:
    mail_by(settings, backend)
    [(found, words)] = findings("Mail")
    assert (found, words.startswith(said)) == (level, True)
    assert PASSWORD not in str(report())


def test_a_site_without_mail_has_nothing_to_reach(settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_CHANNELS = ["django_shopcore.notifications.channels.InAppChannel"]
    assert findings("Mail") == [(OK, "no channel sends any")]
