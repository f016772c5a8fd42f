"""A client of the soaked site that writes down what it is answered."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from .ledger import DROPPED, SLOW, Failure, Ledger

API = "/api/v1/"
PATIENCE = 20.0  # seconds
KEYS = re.compile(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=/)")
_numbers = itertools.count(1)


class Interrupted(Exception):  # noqa: N818 - no error: the soak expects it
    """The request got no answer, or not the one that was due; it is written down, the journey is over."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    request_id: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Sends requests to one of ``ports`` at random, from an address of its own behind a proxy."""

    def __init__(self, ledger: Ledger, ports: Collection[int], chance: random.Random, *, keeps: bool = False) -> None:
        """``keeps``: whether connections are used again; for reads only, since those may be sent twice."""
        self.ledger, self.ports, self.chance, self.keeps = ledger, sorted(ports), chance, keeps
        self._connection: http.client.HTTPConnection | None = None
        self.move()

    def move(self) -> None:
        """Goes to another address, so that no limit is met."""
        self.address = f"198.18.{self.chance.randrange(256)}.{self.chance.randrange(1, 255)}"
        self._close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expect: Collection[int] = (200,),
        token: str = "",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """The answer, if its status is one of ``expect``; raises ``Interrupted`` for any other and for none."""
        name = f"soak-{next(_numbers)}"
        sent = {"X-Request-ID": name, "X-Forwarded-For": self.address, "User-Agent": "soak", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            raw, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        target = path if path.startswith("/") else f"{API}{path}"
        route = f"{method} {KEYS.sub('/{id}', target.partition('?')[0]).removeprefix(API)}"
        begin, clock = self.ledger.now(), time.perf_counter()
        try:
            status, found, content = self._send(method, target, raw, sent)
        except (OSError, http.client.HTTPException) as error:
            kind = SLOW if isinstance(error, TimeoutError) else DROPPED
            self._fail(Failure(kind, begin, self.ledger.now(), f"{route} ({type(error).__name__})", name))
        self.ledger.note(route, str(status), time.perf_counter() - clock)
        answer = Answer(status, found, content, name)
        if status not in expect:
            text, hint = content[:300].decode(errors="replace"), bool(found.get("Retry-After"))
            self._fail(Failure(str(status), begin, self.ledger.now(), route, name, hint, text))
        return answer

    def _fail(self, failure: Failure) -> Any:
        if failure.kind in (SLOW, DROPPED):
            self.ledger.note(failure.request.partition(" (")[0], failure.kind, failure.end - failure.begin)
        self.ledger.failures.append(failure)
        raise Interrupted(failure)

    def _send(self, method: str, target: str, raw: bytes | None, headers: dict[str, str]) -> Any:
        again = self.keeps and self._connection is not None
        try:
            return self._send_once(method, target, raw, headers)
        except (ConnectionError, http.client.BadStatusLine):
            # A server may close a connection that was idle just when a request is on its way.
            if not again:
                raise
            return self._send_once(method, target, raw, headers)

    def _send_once(self, method: str, target: str, raw: bytes | None, headers: dict[str, str]) -> Any:
        if self._connection is None:
            self._connection = self._made()
        try:
            self._connection.request(method, target, raw, headers)
            with self._connection.getresponse() as response:
                found = response.status, response.headers, response.read()
        except BaseException:
            self._close()
            raise
        if not self.keeps:
            self._close()
        return found

    def connect(self) -> None:
        """Opens the connection of the next request, which is under way sooner then."""
        self._close()
        self._connection = self._made()
        with contextlib.suppress(OSError):  # then the request fails likewise
            self._connection.connect()

    def _made(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.chance.choice(self.ports), timeout=PATIENCE)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
