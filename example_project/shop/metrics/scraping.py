"""``/metrics``: who may read it, and what it says."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import Error
from django.db.models import Case, Count, Min, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

PATH = "/metrics"
# What proxies add to a request.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")


def is_scrape(request: HttpRequest) -> bool:
    return request.path == PATH


def answer(request: HttpRequest) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if settings.METRICS_TOKEN:
        if not _has_token(request):
            return _refusal(401, "Send METRICS_TOKEN as a bearer token.", {"WWW-Authenticate": "Bearer"})
    elif not _is_neighbour(request):
        return _refusal(403, "Without METRICS_TOKEN only private networks may read this, and not through a proxy.")
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(Everything()), content_type=content_type, headers={"Cache-Control": "no-store"})


def _refusal(status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, headers=headers, content_type="text/plain; charset=utf-8")


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())


def _is_neighbour(request: HttpRequest) -> bool:
    """Whether the caller itself is on this machine or a private network.

    A proxy is too, and calls for anybody: what bears its marks is refused, whether the proxy is trusted or not.
    """
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_private and not any(name in request.headers for name in FORWARDED)


class Everything(Collector):
    """What the processes counted, and the outbox as it is now."""

    def collect(self) -> Iterator[Metric]:
        from .measuring import registry

        if settings.METRICS_FOLDER:
            from . import files

            yield from files.collect(settings.METRICS_FOLDER)
        else:
            yield from registry.collect()
        if apps.is_installed("django_shopcore.notifications"):
            try:
                yield from _outbox()
            except Error:
                # The rest is worth having all the more while the database is away.
                logger.exception("The metrics of the outbox are unknown.")


def _outbox() -> Iterator[Metric]:
    """By one query, which reads the undelivered messages only, however many were delivered."""
    from django_shopcore.notifications.models import OutboxMessage

    state = OutboxMessage.State
    name = Case(
        When(state=state.DEAD, then=Value("dead")), When(attempts=0, then=Value("new")), default=Value("retried")
    )

    def told(state: str) -> QuerySet[Any, Any]:
        rows = OutboxMessage.objects.fresh().filter(state=state).order_by()
        return rows.values(name=name).annotate(count=Count("pk"), since=Min("queued_at"))

    # With OR instead SQLite would not use the indexes of the two states.
    found = {row["name"]: row for row in told(state.PENDING).union(told(state.DEAD), all=True)}

    messages = GaugeMetricFamily("shop_outbox_messages", "Messages that are not delivered.", labels=["state"])
    lag = GaugeMetricFamily("shop_outbox_lag_seconds", "Age of the longest waiting message.", labels=["state"])
    now = timezone.now()
    for waiting in ("new", "retried"):
        row = found.get(waiting)
        lag.add_metric([waiting], max(0.0, (now - row["since"]).total_seconds()) if row else 0.0)
    for any_state in ("new", "retried", "dead"):
        messages.add_metric([any_state], found[any_state]["count"] if any_state in found else 0)
    yield from (messages, lag)
