"""Faults that a soak must find, put into the site by ``--trouble``: the negative control of its verdicts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

# The first four are below; limits: there are none; replay: it ends no session; rows: no clean-up comes in time;
# mail: the mail server loses some that it has taken.
TROUBLES = ("error", "silence", "leak", "stale", "limits", "replay", "rows", "mail")
EVERY = 25
LEAKED = 800_000  # bytes for each request: a busy machine answers few of them
STALE_FOR = 3.0  # seconds


class TroubleMiddleware:
    """``error``: a 500 now and then. ``silence``: a 503 that does not say when to come again. ``leak``: memory.
    ``stale``: an answer of some seconds ago.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.count = itertools.count(1)
        self.leaked: list[bytearray] = []
        self.kept: dict[str, tuple[float, HttpResponseBase]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        troubles = settings.SOAK_TROUBLES
        if "leak" in troubles:
            self.leaked.append(bytearray(b"x" * LEAKED))
        turn = next(self.count) % EVERY
        if "error" in troubles and turn == 0:
            return HttpResponse("no", status=500)
        if "silence" in troubles and turn == 1:
            return HttpResponse("no", status=503)
        if "stale" in troubles and request.method == "GET" and "/products/" in request.path:
            return self._older(request)
        return self.get_response(request)

    def _older(self, request: HttpRequest) -> HttpResponseBase:
        key = request.get_full_path() + request.headers.get("Authorization", "")
        since, response = self.kept.get(key, (0.0, None))
        if response is None or time.monotonic() - since > STALE_FOR:
            response = self.get_response(request)
            if not response.streaming:
                self.kept[key] = time.monotonic(), response
        return response


class Lossy(list):  # type: ignore[type-arg]
    """What a mail server has taken, but for each fifth mail."""

    taken = 0

    def extend(self, mails: Iterable[Any]) -> None:
        for mail in mails:
            self.taken += 1
            if self.taken % 5:
                self.append(mail)
