"""Replicas for a site's own models: each client sees what it has written, whatever the replica has seen.

A replica may answer when it has replayed the primary's log up to a position that the shared cache holds for all, of
some seconds ago at most. A client that has written reads the primary until that position has been renewed, and so
is behind its write. A cache that comes back empty has forgotten who wrote, and gets a new position at once.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from . import leases, replicas
from .client import client_address
from .conf import core_settings

logger = logging.getLogger(__name__)

POSITION = "shopcore:replica:position"
# Seconds: how old the position gets, and for how long a client is known to have written, which has to be longer.
RENEWED, KEPT = 5, 7
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class Client:
    """Who makes a request: its address and its credentials."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.wrote = request.method not in SAFE
        self._chosen: str | None = None
        self._has_chosen = False

    def replica(self) -> str | None:
        """The replica that may answer now, if there is one."""
        if self.wrote or leases.in_transaction():
            return None
        if not self._has_chosen:
            self._has_chosen, self._chosen = True, self._choose()
        return self._chosen

    def _choose(self) -> str | None:
        alias = replicas.choose(Client)
        position = self._position() if alias is not None else None
        if alias is None or position is None:
            return None
        replayed = replicas.ask_replica(alias, Client, _replayed)
        if replayed is None:
            return None
        replicas.note(alias, Client, replayed >= position)
        return alias if replayed >= position else None

    def _position(self) -> int | None:
        """How far a replica must be for this client; ``None`` where that is not known, or too far."""
        cache, keys = leases.readable_cache(), self.keys()
        if cache is None or not keys:
            return None
        try:
            found = cache.get_many([POSITION, *keys])
            position: int | None = found.pop(POSITION, None)
            if found:
                return None
            if position is None:
                started, position = time.monotonic(), _written()
                # It is behind what was committed when it was asked for, and not when it is kept.
                cache.add(POSITION, position, timeout=max(0, RENEWED - int(time.monotonic() - started)))
            return position
        except DatabaseError:
            raise
        except Exception:  # noqa: BLE001 - each cache client has errors of its own
            return None

    def keys(self) -> list[str]:
        request = self.request
        session = getattr(getattr(request, "session", None), "session_key", None)
        parts = {
            "address": client_address(request),
            "credentials": request.META.get("HTTP_AUTHORIZATION"),
            "session": session or request.COOKIES.get(settings.SESSION_COOKIE_NAME),
        }
        return [_key(f"{name} {part}") for name, part in parts.items() if part]

    def remember(self) -> None:
        """After a request that wrote, before it answers."""
        cache = leases.shared_cache()
        if cache is None:
            return
        keys, cache = self.keys(), cache.insistent()
        try:
            cache.set_many(dict.fromkeys(keys, 1), timeout=KEPT)
            # Asked again: a cache may swallow its errors.
            if len(cache.get_many(keys)) == len(keys):
                return
        except Exception as error:  # noqa: BLE001 - each cache client has errors of its own
            logger.info("That a client has written could not be remembered (%s).", type(error).__name__)
        _wait_for_replicas(_written())


class ReplicaMiddleware:
    """Lets ``ReplicaRouter`` know who asks; it belongs behind the one for sessions, and before all that reads."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not (core_settings.REPLICAS and core_settings.REPLICA_MODELS):
            return self.get_response(request)
        client = Client(request)
        token = replicas.current_client.set(client)
        try:
            response = self.get_response(request)
        finally:
            replicas.current_client.reset(token)
        if client.wrote:
            client.remember()
        return response


def _key(text: str) -> str:
    return f"shopcore:replica:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _written() -> int:
    """How far the primary's log reaches."""
    return _value(DEFAULT_DB_ALIAS, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")


def _replayed(alias: str) -> int:
    """How far a replica has replayed it. A server that is none has replayed nothing."""
    return _value(alias, "SELECT coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)")


def _value(alias: str, sql: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


def _wait_for_replicas(position: int) -> None:
    """Returns when all replicas have replayed ``position``, or when the one for all has been renewed anyway."""
    give_up = time.monotonic() + KEPT
    waiting = list(core_settings.REPLICAS)
    while waiting and time.monotonic() < give_up:
        waiting = [alias for alias in waiting if (replicas.ask_replica(alias, Client, _replayed) or 0) < position]
        if waiting:
            time.sleep(0.05)
