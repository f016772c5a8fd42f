"""Databases that are away: how their errors tell it, and what is done about it."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError

from .execution import close_connections

logger = logging.getLogger(__name__)

# What PostgreSQL says of a write when it has become a replica, and when it has ended a transaction that did nothing
# (https://www.postgresql.org/docs/current/errcodes-appendix.html). psycopg counts them among its own faults.
READ_ONLY, IDLE = "25006", "25P03"


def is_outage(exc: Exception) -> bool:
    """Whether ``exc`` says that a database cannot do now what it could at other times."""
    if isinstance(exc, InternalError):
        return _sqlstate(exc) in (READ_ONLY, IDLE)
    return isinstance(exc, (OperationalError, InterfaceError))


def _sqlstate(exc: BaseException) -> str | None:
    return getattr(exc.__cause__, "sqlstate", None)


def report(request: Any, exc: Exception) -> None:
    """Logs what has kept ``request`` from being answered, and leaves a database that takes no writes any longer."""
    # Of one that did not answer at all its circuit breaker has logged what there is to know.
    is_silence = getattr(exc.__cause__, "is_silence", False)
    logger.error("%s %s: %s", request.method, request.path, exc, exc_info=None if is_silence else exc)
    if _sqlstate(exc) == READ_ONLY:
        close_connections()
