"""What every request goes through before Django's own middleware."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path
from django.utils.functional import SimpleLazyObject

from django_shopcore.catalog.early_reads import EarlyRead

from . import health
from .logs import request_id
from .metrics import measuring, scraping

GetResponse = Callable[[HttpRequest], HttpResponseBase]

logger = logging.getLogger("shop.request")

# What a client may name its request: nothing that could forge a log line or a header.
CLIENTS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A path that is its own escaped form.
PLAIN = re.compile(r"[A-Za-z0-9/._-]*")
# Where the environment has the id that a request was given before it was Django's.
OWN_ID = "shop.request_id"

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def _policy(**directives: str) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in {**CONTENT_SECURITY_POLICY, **directives}.items())


POLICY = _policy()
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")
)


class RequestMiddleware:
    """Gives the request an id, which its answer and its log lines carry, and logs it when it is answered."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = _name_of(request.META)
        token = request_id.set(name)
        request.id = name  # type: ignore[attr-defined] # for the audit log
        try:
            begin = time.perf_counter()
            response = self.get_response(request)
            self._log(request, response, time.perf_counter() - begin)
            response["X-Request-ID"] = name
            if request.method == "HEAD" and isinstance(response, HttpResponse):
                response.content = b""  # gunicorn drops it too, but complains
            return response
        finally:
            request_id.reset(token)

    def _log(self, request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
        status = response.status_code
        quiet = (health.is_probe(request) or scraping.is_scrape(request)) and status == 200
        level = logging.DEBUG if quiet else logging.INFO if status < 500 else logging.ERROR
        _log(request.method, request.path, status, seconds, _user_id(request), level)


def _user_id(request: HttpRequest) -> str | None:
    """Who was signed in, if the request found out: looking it up here would cost a query."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


class around(measuring.tallied):  # noqa: N801
    """Holds while a read is answered before ``MetricsMiddleware`` and ``RequestMiddleware``, and does their part."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._name = environ[OWN_ID] = _name_of(environ)

    def __enter__(self) -> measuring.Tally:
        self._named = request_id.set(self._name)
        return super().__enter__()

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        request_id.reset(self._named)


def answered(read: EarlyRead) -> dict[str, str]:
    """Does what these do when a read was answered before them."""
    measuring.count("GET", f"/{read.route}", read.status, read.seconds, read.made)
    name = _name_of(read.environ)
    token = request_id.set(name)
    try:
        _log("GET", read.path, read.status, read.seconds, None, logging.INFO)
    finally:
        request_id.reset(token)
    return {"X-Request-ID": name}


def _name_of(environ: Mapping[str, Any]) -> str:
    own: str | None = environ.get(OWN_ID)
    if own is not None:
        return own
    name: str = environ.get("HTTP_X_REQUEST_ID", "")
    # No secret: it only has to differ from others.
    return name if CLIENTS_ID.fullmatch(name) else f"{random.getrandbits(128):032x}"


def _log(method: str | None, path: str, status: int, seconds: float, user: str | None, level: int) -> None:
    # The path without its query, which may hold what somebody searched for, or a token sent by mistake.
    fields = {
        "method": method,
        "path": path if PLAIN.fullmatch(path) else escape_uri_path(path),
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "user": user,
    }
    logger.log(level, "%(method)s %(path)s %(status)s in %(duration_ms)s ms", fields, extra={"http": fields})


class HeadersMiddleware:
    """Content-Security-Policy and Permissions-Policy; Django 5.2 has no middleware for either.

    A view that needs more sets ``response.csp = {directive: sources}``.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # Django's debugging pages have their styles and scripts inside.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            more = getattr(response, "csp", None)
            response.headers.setdefault("Content-Security-Policy", _policy(**more) if more else POLICY)
        return response


class HealthMiddleware:
    """Answers probes and scrapes before the host name is looked at: they call a machine, not the site by its name."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if scraping.is_scrape(request):
            return scraping.answer(request)
        return health.answer(request) if health.is_probe(request) else self.get_response(request)
