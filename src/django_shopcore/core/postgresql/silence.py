"""Telling a PostgreSQL that has stopped from one that has a lot to do.

Neither says anything. But a server that works answers a new connection at once, whatever its others are at: whether it
speaks TLS is asked before anything else, and needs no user. Who waits for a statement for a while asks that, again and
again; so no statement is cut that is being worked on, however long it takes.
"""

from __future__ import annotations

import socket
import struct
import time
import weakref
from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import OperationalError

from ..breakers import Breaker
from ..waiting import current_waiting

T = TypeVar("T")

# Seconds of silence after which the server is asked whether it is there, and for which it may think about that.
SILENCE, PATIENCE = 0.5, 0.8
# https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest
SPEAKS_TLS = struct.pack("!ii", 8, 80877103)

# A host, or the folder of a Unix socket, and a port.
Address = tuple[str, str]


class SilentError(OperationalError):
    """The server does not answer. What it had been asked to do may still be done when it goes on."""

    is_silence = True


def answers(address: Address) -> bool:
    """Whether the server there says anything at all."""
    host, port = address
    end = time.monotonic() + PATIENCE
    try:
        with _connected(host, port) as connection:
            connection.settimeout(max(end - time.monotonic(), 0.01))
            connection.sendall(SPEAKS_TLS)
            connection.recv(1)
    except OSError:
        return False
    return True


def _connected(host: str, port: str) -> socket.socket:
    if not host.startswith(("/", "@")):
        return socket.create_connection((host, int(port)), timeout=PATIENCE)
    name = f"{host}/.s.PGSQL.{port}"
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(PATIENCE)
        connection.connect(f"\0{name[1:]}" if name.startswith("@") else name)
    except BaseException:
        connection.close()
        raise
    return connection


def notice(raw: Any, breaker: Breaker) -> None:
    """Has psycopg's connection ``raw`` end a request's wait when the server is silent; once is enough."""
    if getattr(raw, "shopcore_notices", False):
        return
    wait, connection = type(raw).wait, weakref.proxy(raw)

    def wait_for(steps: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        if current_waiting() is not None:
            steps = _not_in_silence(steps, connection, breaker)
        result: T = wait(connection, steps, *args, **kwargs)
        return result

    raw.shopcore_notices, raw.wait = True, wait_for


def _not_in_silence(steps: Generator[Any, Any, T], raw: Any, breaker: Breaker) -> Generator[Any, Any, T]:
    """The ``steps`` of an exchange with the server; closes the connection and raises when nobody is there."""
    # Where another request has just waited in vain, this one does not wait as long.
    ask = time.monotonic() + (0 if breaker.is_open else SILENCE)
    try:
        waiting_for = next(steps)
        while True:
            ready = yield waiting_for
            if not ready and time.monotonic() > ask:
                if not answers((raw.info.host, str(raw.info.port))):
                    error = SilentError("PostgreSQL does not answer.")
                    breaker.failed(error)
                    raw.close()
                    raise error
                ask = time.monotonic() + SILENCE
            waiting_for = steps.send(ready)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
