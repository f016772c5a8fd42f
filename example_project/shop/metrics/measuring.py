"""The metrics that a process counts itself, and where it counts them."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from django_shopcore.core.limits import Limit
from django_shopcore.core.signals import rate_limited

from .. import errors, health
from . import scraping

disable_created_metrics()
registry = CollectorRegistry()

# Raise FORMAT in config.metrics with every change of a name, a label or a bucket.
REQUESTS = Counter(
    "shop_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=registry
)
SECONDS = Histogram(
    "shop_http_request_seconds",
    "Time from a request to its response.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
QUERIES = Histogram(
    "shop_http_request_queries",
    "Database queries of a request.",
    ["method", "route"],
    buckets=(0, 1, 2, 4, 8, 16, 32, 64),
    registry=registry,
)
QUERY_SECONDS = Counter(
    "shop_http_request_query_seconds", "Time of a request's queries.", ["method", "route"], registry=registry
)
CACHE_READS = Counter("shop_cache_reads", "Keys asked of the cache.", ["result"], registry=registry)
RATE_LIMITED = Counter("shop_rate_limited_requests", "Requests refused by a limit.", ["limit"], registry=registry)

for result in ("hit", "miss"):
    CACHE_READS.labels(result)

# A client can make up methods and paths; neither may become a label.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


@dataclass
class Tally:
    """The database queries of one request."""

    queries: int = 0
    seconds: float = 0.0


_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


class tallied:  # noqa: N801
    """A context manager that counts the queries of what it holds around."""

    def __enter__(self) -> Tally:
        tally = Tally()
        self._token = _tally.set(tally)
        return tally

    def __exit__(self, *exc_info: object) -> None:
        _tally.reset(self._token)


class MetricsMiddleware:
    """Counts and times requests. The first of all, so that it sees what the others answer too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begin = time.perf_counter()
        with tallied() as tally:
            response = self.get_response(request)
        seconds = time.perf_counter() - begin
        count(request.method, route_of(request), response.status_code, seconds, tally)
        return response


def count(method: str | None, route: str, status: int, seconds: float, tally: Tally | None = None) -> None:
    """Counts a request that was answered after so many seconds; without a tally it had no queries."""
    method = method if method in METHODS else OTHER
    requests, lasted, asked, waited = _series(method, route, status)
    requests.inc()
    lasted.observe(seconds)
    asked.observe(tally.queries if tally else 0)
    if tally and tally.queries:
        waited.inc(tally.seconds)


@functools.lru_cache(maxsize=1024)
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram, Histogram, Counter]:
    """The series of a request; finding them by their labels takes longer than counting."""
    labels = (method, route)
    return (
        REQUESTS.labels(*labels, status),
        SECONDS.labels(*labels),
        QUERIES.labels(*labels),
        QUERY_SECONDS.labels(*labels),
    )


def route_of(request: HttpRequest) -> str:
    """The pattern that the path matched, such as ``/api/v1/products/<pk>/``; ``other`` for any other path."""
    if health.is_probe(request) or scraping.is_scrape(request):
        return request.path
    match = request.resolver_match
    if match is None or match.func is errors.unknown_path:
        return OTHER
    return f"/{match.route}"


@receiver(connection_created, dispatch_uid="shop.metrics")
def measure_queries(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    tally = _tally.get()
    if tally is None:
        return execute(sql, params, many, context)
    begin = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        tally.queries += 1
        tally.seconds += time.perf_counter() - begin


@receiver(rate_limited, dispatch_uid="shop.metrics")
def count_refusal(limit: Limit, **kwargs: Any) -> None:
    RATE_LIMITED.labels(limit.name).inc()
