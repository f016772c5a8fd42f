"""Scripts that Redis runs in one step and one round trip, with little around them in Python."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

from django.core.cache.backends.base import BaseCache


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
