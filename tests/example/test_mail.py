"""The site's mail on its way to a server: by SMTP from the first registration on, and by Mailgun's API."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiosmtpd.controller import Controller

from tests.example.site import PRODUCTION, Site, free_port

pytestmark = pytest.mark.projects("full")


class Mailbox:
    """What an SMTP server took in."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.url = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail: Any = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(mail)
        return "250 OK"

    def to(self, address: str) -> dict[str, EmailMessage]:
        return {str(mail["Subject"]): mail for mail in self.mails if mail["To"] == address}


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    mailbox.url = f"smtp://127.0.0.1:{controller.port}"
    yield mailbox
    controller.stop()


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(mail: EmailMessage, page: str) -> dict[str, str]:
    """What the link to ``page`` in the mail has in its query."""
    [link] = re.findall(rf"https?://\S+/{page}/\?\S+", text_of(mail))
    assert link.startswith(PRODUCTION["SITE_URL"])
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


@pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")
def test_a_registration_is_followed_by_mails_whose_links_work(fresh_site: Site, mailbox: Mailbox) -> None:
    variables = {**PRODUCTION, "EMAIL_URL": mailbox.url, "ADMIN_EMAILS": "The Boss <boss@example.com>"}
    assert fresh_site.manage("migrate", "-v0", variables=variables).returncode == 0
    gunicorn = (sys.executable, "-m", "gunicorn", "--chdir", str(fresh_site.folder), "--no-control-socket")
    port = free_port()
    ada = {"email": "ada@example.com", "password": "correct horse battery", "first_name": "Ada"}

    def deliver() -> str:
        done = fresh_site.manage("shopcore_deliver", "--once", variables=variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    command = (*gunicorn, "--bind", f"127.0.0.1:{port}", "shop.wsgi")
    with fresh_site.serve(*command, variables=variables, port=port) as server:
        assert server.post("/api/v1/auth/register/", ada).status == 201
        assert mailbox.mails == []
        assert " 0 to be tried again" in deliver()
        assert server.get("/healthz/ready").json["outbox_lag_seconds"] == 0

        [welcome] = [mail for subject, mail in mailbox.to("ada@example.com").items() if "Welcome" in subject]
        assert text_of(welcome).startswith("Hello Ada,")
        assert "List-Unsubscribe" in welcome
        [alert] = mailbox.to("boss@example.com").values()
        assert "ada@example.com" in text_of(alert)
        [verify] = [mail for mail in mailbox.to("ada@example.com").values() if "verify-email" in text_of(mail)]
        assert server.post("/api/v1/auth/email/verify/", link_in(verify, "verify-email")).status == 204

        mailbox.mails.clear()
        assert server.post("/api/v1/auth/password/reset/", {"email": "Ada@example.com"}).status == 202
        deliver()
        [reset] = mailbox.to("ada@example.com").values()
        new = {**link_in(reset, "reset-password"), "new_password": "a password quite new"}
        assert server.post("/api/v1/auth/password/reset/confirm/", new).status < 300
        assert server.post("/api/v1/auth/password/reset/confirm/", new).status == 400
        credentials = {"email": "ada@example.com", "password": new["new_password"]}
        assert server.post("/api/v1/auth/login/", credentials).status == 200


class Mailgun(BaseHTTPRequestHandler):
    requests: list[tuple[str, str, str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.requests.append((self.path, self.headers["Authorization"], body))
        answer = json.dumps({"id": "<1@example.com>", "message": "Queued. Thank you."}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def mailgun() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Mailgun)
    Mailgun.requests = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


BY_MAILGUN = """
import django; django.setup()
from django.conf import settings
settings.ANYMAIL["MAILGUN_API_URL"] = "http://127.0.0.1:{port}/v3"
from django.core.management import call_command
call_command("check", deploy=True, fail_level="WARNING")
call_command("migrate", verbosity=0)
from django.test import Client
register = {{"email": "ada@example.com", "password": "correct horse battery"}}
assert Client().post("/api/v1/auth/register/", register, content_type="application/json").status_code == 201
from django_shopcore.notifications.models import OutboxMessage
OutboxMessage.objects.exclude(kind="welcome").delete()
call_command("shopcore_deliver", "--once")
"""


def test_mail_goes_through_mailguns_api(fresh_site: Site, mailgun: HTTPServer) -> None:
    variables = {**PRODUCTION, "EMAIL_URL": "mailgun://a%2Fkey@mg.example.com", "ALLOWED_HOSTS": "testserver"}

    done = fresh_site.python(BY_MAILGUN.format(port=mailgun.server_port), variables)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n1 sent, 0 skipped, 0 to be tried again\n")
    [(path, authorization, body)] = Mailgun.requests
    assert path == "/v3/mg.example.com/messages"
    assert authorization == "Basic YXBpOmEva2V5"  # api:a/key
    form = {name: values[0] for name, values in parse_qs(body).items()}
    assert (form["to"], form["subject"]) == ("ada@example.com", "Welcome to Shop")
    assert "Your account is ready" in form["text"]
    assert form["html"].lstrip().startswith("<!doctype html>")
    assert re.fullmatch(r"<[0-9a-f]{32}@localhost>", form["h:Message-Id"])
    assert form["h:List-Unsubscribe"].startswith("<http://localhost:8000/")


@pytest.mark.parametrize(
    ("scheme", "api"),
    [("mailgun", "https://api.mailgun.net/v3"), ("mailgun+eu", "https://api.eu.mailgun.net/v3")],
)
def test_mailgun_is_asked_in_its_region_and_not_for_ever(site: Site, scheme: str, api: str) -> None:
    variables = {**PRODUCTION, "EMAIL_URL": f"{scheme}://key@mg.example.com"}

    found = site.evaluate("[settings.ANYMAIL, settings.INSTALLED_APPS[-1]]", variables)

    assert found == [
        {
            "MAILGUN_API_KEY": "key",
            "MAILGUN_API_URL": api,
            "MAILGUN_SENDER_DOMAIN": "mg.example.com",
            "REQUESTS_TIMEOUT": 10,
        },
        "anymail",
    ]
    assert "anymail" not in site.evaluate("settings.INSTALLED_APPS", PRODUCTION)


def test_mails_are_written_into_a_folder(fresh_site: Site) -> None:
    folder = fresh_site.folder / "my mails"
    variables = {**PRODUCTION, "EMAIL_URL": f"file://{folder.as_posix().replace(' ', '%20')}"}
    code = "import django; django.setup(); from django.core.mail import send_mail\n"
    code += "send_mail('Hello', 'Text', None, ['ada@example.com'])"

    done = fresh_site.python(code, variables)

    assert done.returncode == 0, done.stderr
    [file] = folder.iterdir()
    assert "Subject: Hello" in file.read_text()
