"""The WSGI application of a site whose catalogue is read a lot."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core import wsgi
from django.utils.module_loading import import_string


def get_wsgi_application(answered: str | None = None, adds: Collection[str] = (), around: str | None = None) -> Any:
    """Django's WSGI application behind ``EarlyReads``.

    ``answered`` is the dotted path of a function that does for each ``EarlyRead`` what the middleware listed before
    ``OpenReadsMiddleware`` would do for it, and returns headers for the answer; ``adds`` are the names of these.
    ``around`` is that of a function which returns a context manager for the making of an answer.
    """
    application = wsgi.get_wsgi_application()
    from .early_reads import EarlyReads  # needs the apps

    hooks = [import_string(path) if path else None for path in (answered, around)]
    return EarlyReads(application, hooks[0], adds, hooks[1])
