"""Probes. ``/healthz/live``: the process answers. ``/healthz/ready``: what it depends on answers too."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

LIVE = "/healthz/live"
READY = "/healthz/ready"


def is_probe(request: HttpRequest) -> bool:
    return request.path in (LIVE, READY)


def answer(request: HttpRequest) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    checks = {name: _state(name, check) for name, check in CHECKS.items()} if request.path == READY else {}
    failing = any(state != "ok" for state in checks.values())
    body = {"status": "failing" if failing else "ok", **({"checks": checks} if checks else {})}
    return JsonResponse(body, status=503 if failing else 200, headers={"Cache-Control": "no-store"})


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
