"""Redis behind Django's cache: connections that keep to a time, and scripts with little around them in Python."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Sequence
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

# Seconds of the first wait for bytes; the next ones are twice as long each, as long as there is time left. A wait that
# brings bytes and seems to take long mostly does so since this process is busy, which is not the server's account.
SLICE = 0.005
# More bytes than that may take a while to be sent.
LARGE = 16 * 1024


class Script:
    """A script in Lua, sent as a whole only to a server that has not seen it (EVALSHA, https://redis.io/commands)."""

    def __init__(self, text: str) -> None:
        self.text = text
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._command = _bulk("EVALSHA") + _bulk(digest)

    def run(self, client: Any, keys: Sequence[str], arguments: Sequence[int]) -> Any:
        """What the script returns. Raises the errors of redis-py.

        The client's own ways, which repeat commands and report on them, come in where the plain one fails.
        """
        from redis.exceptions import ConnectionError as Lost
        from redis.exceptions import NoScriptError

        rest = b"".join([_bulk(value) for value in (len(keys), *keys, *arguments)])
        command = b"*%d\r\n%b%b" % (3 + len(keys) + len(arguments), self._command, rest)
        try:
            connection = client.connection_pool.get_connection()
            try:
                connection.send_packed_command([command])
                return connection.read_response()
            finally:
                client.connection_pool.release(connection)
        except (Lost, NoScriptError):
            return client.eval(self.text, len(keys), *keys, *arguments)


def _bulk(value: object) -> bytes:
    """A bulk string (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    content = str(value).encode()
    return b"$%d\r\n%b\r\n" % (len(content), content)


def redis_client(cache: BaseCache | None) -> Any:
    """The client of Django's Redis cache, for what its interface has no single command for; otherwise ``None``."""
    inner = getattr(cache, "_cache", None)
    return inner.get_client(None, write=True) if isinstance(inner, _redis_class()) else None


@functools.cache
def _redis_class() -> Any:
    from django.core.cache.backends.redis import RedisCacheClient

    return RedisCacheClient


class Clock:
    """How many seconds are ``left`` to wait for Redis."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 0.0


def bounded_copy(alias: str, clock: Clock) -> BaseCache:
    """A cache as ``caches[alias]``, which is Django's for Redis, that waits only as long as ``clock`` says.

    The site's own keeps its time-outs, which may be none.
    """
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Lost
    from redis.retry import Retry

    cache: Any = caches.create_connection(alias)
    # Once more, at once: that covers a connection that a restart of Redis has left dead in the pool.
    cache._cache._pool_options["retry"] = Retry(NoBackoff(), 1, supported_errors=(Lost,))
    pool = cache._cache._get_connection_pool(write=True)
    kind: Any = type("BoundedConnection", (_Bounded, pool.connection_class), {"shopcore_clock": clock})
    pool.connection_class = kind
    return cache  # type: ignore[no-any-return]


class _Bounded:
    """Mixed into a connection class of redis-py."""

    shopcore_clock: Clock

    def _connect(self: Any) -> Any:
        clock = self.shopcore_clock
        self.socket_connect_timeout = self.socket_timeout = max(clock.left, SLICE)
        begin = time.monotonic()
        try:
            found = _BoundedSocket(super()._connect(), clock)  # type: ignore[misc]
        except OSError:
            clock.left -= time.monotonic() - begin
            raise
        self.socket_timeout = SLICE
        return found


class _BoundedSocket:
    """A socket that waits for bytes only as long as a clock says, however slowly they come in."""

    def __init__(self, inner: Any, clock: Clock) -> None:
        self._inner, self._clock = inner, clock
        inner.settimeout(SLICE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def settimeout(self, seconds: float | None) -> None:
        self._inner.settimeout(0 if seconds == 0 else SLICE)

    def recv(self, *arguments: Any) -> Any:
        return self._wait_for(self._inner.recv, arguments)

    def recv_into(self, *arguments: Any) -> Any:
        return self._wait_for(self._inner.recv_into, arguments)

    def _wait_for(self, receive: Any, arguments: Any) -> Any:
        clock, wait = self._clock, SLICE
        try:
            while clock.left > 0:
                begin, most = time.monotonic(), 2 * SLICE
                try:
                    return receive(*arguments)
                except TimeoutError:
                    most = wait
                finally:
                    clock.left -= min(time.monotonic() - begin, most)
                wait *= 2
                self._inner.settimeout(max(min(wait, clock.left), SLICE))
            raise TimeoutError("The time for Redis is up.")
        finally:
            if wait > SLICE:
                self._inner.settimeout(SLICE)

    def sendall(self, data: Any) -> None:
        if len(data) < LARGE:
            self._inner.sendall(data)
            return
        self._inner.settimeout(max(self._clock.left, SLICE))
        try:
            self._inner.sendall(data)
        except TimeoutError:
            self._clock.left = 0.0
            raise
        self._inner.settimeout(SLICE)
