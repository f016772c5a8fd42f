"""Promises that are looked at beside the load: no stale read, exactly N of a limit, one living refresh token."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from .admins import Admin
from .client import PATIENCE, Client, Interrupted
from .ledger import AFTER_WRITE, AT_ONCE, REPLAYED, Burst
from .verdicts import FRESH, REFRESH

QUOTA = 20  # SHOPCORE_ACCOUNTS_CONFIRM_RATE's default
MORE = 8
PARALLEL = 4


class Staleness:
    """Writes versions of one product, and looks for each through other connections to other processes."""

    SLUG = "soak-version"

    def __init__(self, admin: Admin, readers: list[Client], lifetime: float) -> None:
        """``lifetime``: that of an access token, in seconds."""
        self.admin, self.readers, self.lifetime = admin, readers, lifetime
        self.version, self._signed_in = 0, float("-inf")

    def run(self) -> None:
        while not self.admin.over.wait(1):
            try:
                if time.monotonic() - self._signed_in > self.lifetime / 2:
                    self.admin.client.move()
                    self.admin.sign_in()
                    self._signed_in = time.monotonic()
                self._check()
            except Interrupted:
                continue

    def _check(self) -> None:
        found = self.admin.find(self.SLUG)
        if found is None:
            body = {"name": "0", "slug": self.SLUG, "price": "1.00", "category": 1}
            found = self.admin.client.call("POST", "products/", body, token=self.admin.token, expect=(201,)).json
        detail, listed = f"products/{found['id']}/", f"products/?slug={self.SLUG}"
        reader = self.readers[self.version % len(self.readers)]
        tags = {path: reader.call("GET", path).headers["ETag"] for path in (detail, listed)}
        self.version += 1
        self.admin.client.call("PATCH", detail, {"name": str(self.version)}, token=self.admin.token)
        # From here on nobody may see an older one.
        for reader in self.readers:
            for path in (detail, listed):
                self._look(reader, path, {})
                self._look(reader, path, {"If-None-Match": tags[path]})

    def _look(self, reader: Client, path: str, headers: dict[str, str]) -> None:
        try:
            answer = reader.call("GET", path, headers=headers, expect=(200, 304))
        except Interrupted:
            return
        reader.ledger.count(AFTER_WRITE)
        rows = [] if answer.status == 304 else answer.json.get("results", [answer.json])
        seen = int(rows[0]["name"]) if rows else -1
        if seen < self.version:
            shown = f"version {seen}" if rows else f"none ({answer.status})"
            what = f"{path} showed {shown} after version {self.version} had been written"
            reader.ledger.breaks(FRESH, what, answer.request_id)


def at_once(clients: list[Client], send: object) -> list[str]:
    """What each client got from ``send``: a status, or ``none`` for no answer."""

    together = threading.Barrier(len(clients))

    def one(client: Client) -> str:
        client.connect()
        together.wait(PATIENCE)
        try:
            return str(send(client))  # type: ignore[operator]
        except Interrupted:
            return "none"

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(one, clients))


def spend_limits(clients: list[Client], over: threading.Event, every: float) -> None:
    """Now and then more uses of links than a limit admits, from one address and at once."""
    body = {"uid": "MQ", "token": "x-y", "new_password": "a quite long secret"}

    def send(client: Client) -> int:
        path = "auth/password/reset/confirm/"
        return client.call("POST", path, body, expect=(400, 429)).status

    while not over.wait(every):
        clients[0].move()
        for client in clients:
            client.address = clients[0].address
        ledger, begin = clients[0].ledger, clients[0].ledger.now()
        asked = QUOTA + MORE
        found = [status for _ in range(asked // len(clients)) for status in at_once(clients, send)]
        admitted, refused = found.count("400"), found.count("429")
        ledger.bursts.append(Burst(begin, ledger.now(), asked, QUOTA, admitted, refused))


def race_refreshes(clients: list[Client], admin: Admin, over: threading.Event, leeway: float) -> None:
    """One refresh token used several times at once, and again when that is no accident any more."""
    while not over.wait(3):
        try:
            _race(clients, admin, over, leeway)
        except Interrupted:
            continue


def _race(clients: list[Client], admin: Admin, over: threading.Event, leeway: float) -> None:
    ledger = admin.client.ledger
    for client in (*clients, admin.client):
        client.move()
    ledger.sign_ins.append(ledger.now())
    body = {"email": admin.address, "password": admin.password}
    token = admin.client.call("POST", "auth/login/", body).json["refresh"]
    children: list[str] = []

    def refresh(client: Client, raw: str = token) -> int:
        answer = client.call("POST", "auth/refresh/", {"refresh": raw}, expect=(200, 401))
        if answer.status == 200:
            children.append(answer.json["refresh"])
        return answer.status

    found = at_once(clients, refresh)
    ledger.count(AT_ONCE)
    if found.count("200") > 1:
        ledger.breaks(REFRESH, f"{len(clients)} uses at once of one refresh token: {found}")
    if found.count("none") or over.wait(leeway + 1):
        return
    # Spent for so long, it was stolen: its session is over, and with it every child.
    living = [raw for raw in (token, *children) if refresh(admin.client, raw) == 200]
    ledger.count(REPLAYED)
    if living:
        ledger.breaks(REFRESH, f"{len(living)} refresh tokens live on after a replay")
