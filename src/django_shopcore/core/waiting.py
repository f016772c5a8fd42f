"""How long a request has waited for servers that are slow to answer."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.core.signals import request_finished, request_started

# Where a request's environment says that its waiting is counted already.
BEGUN = "shopcore.waiting"


class Waiting:
    """``for_cache``: the seconds that a request has waited for the shared cache so far."""

    __slots__ = ("for_cache",)

    def __init__(self) -> None:
        self.for_cache = 0.0


_current: ContextVar[Waiting | None] = ContextVar("shopcore_waiting", default=None)

# Of the request that this thread is answering; None outside of requests, such as in commands.
current_waiting = _current.get


def begin(environ: dict[str, Any] | None = None) -> None:
    """A request begins. With ``environ`` it is not Django's yet, which is not to begin it anew."""
    _current.set(Waiting())
    if environ is not None:
        environ[BEGUN] = True


def _begin(environ: dict[str, Any] | None = None, **kwargs: Any) -> None:
    if environ is None or BEGUN not in environ:
        begin()


def _end(**kwargs: Any) -> None:
    _current.set(None)


request_started.connect(_begin, dispatch_uid="shopcore_core.waiting.begin")
request_finished.connect(_end, dispatch_uid="shopcore_core.waiting.end")
