"""Probes. ``/healthz/live``: the process answers. ``/healthz/ready``: what it depends on answers too."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.core.cache import cache
from django.db import Error, connection
from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

LIVE = "/healthz/live"
READY = "/healthz/ready"
MAX_OUTBOX_LAG = 300  # seconds


def is_probe(request: HttpRequest) -> bool:
    return request.path in (LIVE, READY)


def answer(request: HttpRequest) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    body = _readiness() if request.path == READY else {"status": "ok"}
    status = 200 if body["status"] == "ok" else 503
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def _readiness() -> dict[str, Any]:
    checks = {name: _state(name, check) for name, check in CHECKS.items()}
    body: dict[str, Any] = {"status": "ok" if set(checks.values()) == {"ok"} else "failing", "checks": checks}
    if apps.is_installed("django_shopcore.notifications"):
        # It does not make the process unready: taking that out of rotation would not deliver anything sooner.
        lag = _outbox_lag() if checks["database"] == "ok" else None
        checks["outbox"] = "unknown" if lag is None else "lagging" if lag > MAX_OUTBOX_LAG else "ok"
        body["outbox_lag_seconds"] = lag
    return body


def _outbox_lag() -> float | None:
    """Seconds for which the longest waiting message waits; ``None`` where that cannot be told."""
    from django_shopcore.notifications import outbox

    try:
        return round(outbox.lag(), 1)
    except Error:
        logger.exception("The lag of the outbox is unknown.")
        return None


def _state(name: str, check: Callable[[], None]) -> str:
    """``ok`` or ``failing``. The reason goes to the log only: it may name hosts and users."""
    try:
        check()
    except Exception:
        logger.exception("The %s check failed.", name)
        return "failing"
    return "ok"


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def _check_cache() -> None:
    key, value = f"healthz:{secrets.token_hex(8)}", secrets.token_hex(8)
    cache.set(key, value, timeout=10)
    if cache.get(key) != value:
        raise RuntimeError("The cache does not return what was stored.")


CHECKS = {"database": _check_database, "cache": _check_cache}
