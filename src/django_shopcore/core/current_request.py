"""The request that is being answered, for what is called too deep to be handed it: who acted, and from where.

Views of ours set it, whatever the site's middleware is; for other views, such as those of the Django admin,
``CurrentRequestMiddleware`` does. Each thread and each task has its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from django.http import HttpRequest

T = TypeVar("T")

_current: ContextVar[HttpRequest | None] = ContextVar("shopcore_request", default=None)


def current_request() -> HttpRequest | None:
    """Django's request; ``None`` outside of one, as in a command or a worker."""
    return _current.get()


def during(request: HttpRequest, call: Callable[[], T]) -> T:
    """What ``call()`` returns or raises; until then ``request`` is the current one."""
    token = _current.set(request)
    try:
        return call()
    finally:
        _current.reset(token)


class CurrentRequestMiddleware:
    """Makes the request known to ``current_request`` for every view of the site."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return during(request, lambda: self.get_response(request))
