"""People with accounts. Their number is fixed, and so are their addresses: whoever leaves comes again."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from tests.notifications.smtp import SmtpServer

from .client import Client, Interrupted
from .ledger import BY_LINK
from .pace import MAIL_WITHIN

# What a customer knows of the account: that there is none, the password, or, after a request without an answer, nothing.
NONE, UNKNOWN = "", "?"
LINK = re.compile(r"http://\S+/reset-password/\?\S+")


class Customer:
    def __init__(self, address: str) -> None:
        self.address = address
        self.password = NONE
        self.generation = 0
        self.welcomes = 0

    def new_password(self) -> str:
        self.generation += 1
        return f"a quite long secret {self.generation}"


class Mailbox:
    """What has arrived, by recipient; the server's own list is read once, as it grows."""

    def __init__(self, server: SmtpServer) -> None:
        self._server, self._read, self._lock = server, 0, threading.Lock()
        self._mails: dict[str, list[tuple[float, str, str]]] = {}

    def to(self, address: str) -> list[tuple[float, str, str]]:
        """Moment, subject and plain text of each."""
        with self._lock:
            while self._read < len(self._server.received):
                received = self._server.received[self._read]
                mail = received.mail
                text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
                content = text.get_payload(decode=True)
                assert isinstance(content, bytes)
                entry = (time.monotonic(), str(mail["Subject"]), content.decode())
                self._mails.setdefault(received.to, []).append(entry)
                self._read += 1
            return list(self._mails.get(address, []))

    def welcomes(self, address: str) -> int:
        return sum("Welcome" in subject for _, subject, _ in self.to(address))

    def link(self, address: str, since: float) -> dict[str, str] | None:
        """``uid`` and ``token`` of the newest link to a new password."""
        for moment, _, text in reversed(self.to(address)):
            if moment >= since and (found := LINK.search(text)):
                return {name: values[0] for name, values in parse_qs(urlsplit(found[0]).query).items()}
        return None


class Journeys:
    """What a customer does in one go: an account is had, a session opened, used and left."""

    def __init__(self, client: Client, mailbox: Mailbox, over: threading.Event) -> None:
        self.client, self.mailbox, self.over = client, mailbox, over
        self.access = self.refresh = ""

    def run(self, customers: list[Customer]) -> None:
        while not self.over.is_set():
            for customer in self.client.chance.sample(customers, len(customers)):
                self.client.move()
                try:
                    self._have_account(customer)
                    self._visit(customer)
                except Interrupted:
                    self.pause()
                if self.over.is_set():
                    return

    def pause(self) -> None:
        self.over.wait(self.client.chance.uniform(0.2, 1.2))

    def _have_account(self, customer: Customer) -> None:
        if customer.password not in (NONE, UNKNOWN):
            return
        wanted, was = customer.new_password(), customer.password
        body = {"email": customer.address, "password": wanted, "first_name": "Ada", "last_name": "L"}
        customer.password = UNKNOWN
        answer = self.client.call("POST", "auth/register/", body, expect=(201,) if was == NONE else (201, 400))
        if answer.status == 201:
            customer.password = wanted
            customer.welcomes += 1
            self.client.ledger.welcome(customer.address)
        else:
            self._reset(customer)

    def _reset(self, customer: Customer) -> None:
        """A new password by the link in a mail."""
        since = time.monotonic()
        self.client.call("POST", "auth/password/reset/", {"email": customer.address}, expect=(202,))
        while (link := self.mailbox.link(customer.address, since)) is None:
            if self.over.wait(0.5) or time.monotonic() > since + MAIL_WITHIN:
                return  # whether mails come in time is judged by all of them
        wanted, customer.password = customer.new_password(), UNKNOWN
        path = "auth/password/reset/confirm/"
        self.client.call("POST", path, {**link, "new_password": wanted}, expect=(204,))
        customer.password = wanted
        self.client.ledger.count(BY_LINK)
        # The link works once.
        self.client.call("POST", path, {**link, "new_password": wanted}, expect=(400,))

    def _visit(self, customer: Customer) -> None:
        if customer.password in (NONE, UNKNOWN):
            return
        chance = self.client.chance
        self._sign_in(customer)
        acts: list[Callable[[Customer], None]] = [self._look, self._look, self._write, self._refresh, self._replay]
        for act in chance.sample(acts, chance.randint(1, 4)):
            act(customer)
            self.pause()
        ends: list[Callable[[Customer], None]] = [self._log_out, self._log_out_everywhere, self._reset]
        ends += [self._change_password, self._delete, lambda customer: None]
        chance.choice(ends)(customer)

    def _sign_in(self, customer: Customer) -> None:
        self.client.ledger.sign_ins.append(self.client.ledger.now())
        body = {"email": customer.address, "password": customer.password}
        tokens = self.client.call("POST", "auth/login/", body).json
        self.access, self.refresh = tokens["access"], tokens["refresh"]

    def _look(self, customer: Customer) -> None:
        for path in ("auth/me/", "auth/sessions/", "notifications/", "notifications/unseen-count/", "products/"):
            self.client.call("GET", path, token=self.access)

    def _write(self, customer: Customer) -> None:
        self.client.call("PATCH", "auth/me/", {"first_name": f"Ada {customer.generation}"}, token=self.access)
        self.client.call("PATCH", "notifications/preferences/", {"language": "en"}, token=self.access)
        self.client.call("POST", "notifications/mark-all-seen/", {}, token=self.access)
        self.client.call("GET", "users/", token=self.access, expect=(403,))

    def _refresh(self, customer: Customer) -> None:
        tokens = self.client.call("POST", "auth/refresh/", {"refresh": self.refresh}).json
        self.access, self.refresh = tokens["access"], tokens["refresh"]

    def _replay(self, customer: Customer) -> None:
        """A spent token is refused; so soon after its use the session goes on."""
        spent = self.refresh
        self._refresh(customer)
        self.client.call("POST", "auth/refresh/", {"refresh": spent}, expect=(401,))

    def _log_out(self, customer: Customer) -> None:
        self.client.call("POST", "auth/logout/", {}, token=self.access, expect=(204,))
        self.client.call("GET", "auth/me/", token=self.access, expect=(401,))
        self.client.call("POST", "auth/refresh/", {"refresh": self.refresh}, expect=(401,))

    def _log_out_everywhere(self, customer: Customer) -> None:
        self.client.call("POST", "auth/logout-all/", {}, token=self.access, expect=(204,))
        self.client.call("GET", "auth/me/", token=self.access, expect=(401,))

    def _change_password(self, customer: Customer) -> None:
        was, wanted = customer.password, customer.new_password()
        customer.password = UNKNOWN
        body = {"current_password": was, "new_password": wanted}
        self.client.call("POST", "auth/password/change/", body, token=self.access, expect=(204,))
        customer.password = wanted
        self.client.call("GET", "auth/me/", token=self.access)

    def _delete(self, customer: Customer) -> None:
        if self.mailbox.welcomes(customer.address) < customer.welcomes:
            return  # with the account goes what has not been sent to it yet
        was, customer.password = customer.password, UNKNOWN
        self.client.call("POST", "auth/me/delete/", {"password": was}, token=self.access, expect=(204,))
        customer.password = NONE
        self.client.call("GET", "auth/me/", token=self.access, expect=(401,))
