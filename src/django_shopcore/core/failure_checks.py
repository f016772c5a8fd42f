"""System checks: servers that may fail without taking requests with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.cache import caches
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from . import limits
from .conf import cache_settings, core_settings

AppConfigs = Sequence[AppConfig] | None


@register(Tags.caches, deploy=True)
def check_time_outs(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """W011: a cache that all processes share has no time-out: one that hangs takes the site with it."""
    aliases = sorted({core_settings.RATE_LIMIT_CACHE, cache_settings.CACHE_ALIAS})
    return [
        Warning(
            f"Nothing ends a wait for the cache {alias!r}.",
            hint='Set time-outs in its OPTIONS, for Redis {"socket_timeout": 0.1, "socket_connect_timeout": 0.1}.',
            id="shopcore.W011",
        )
        for alias in aliases
        if lacks_time_outs(alias)
    ]


def lacks_time_outs(alias: str) -> bool:
    """Whether the cache is one on a network, and its settings name no time-out."""
    if limits.shared_cache(alias) is None:
        return False
    configured = settings.CACHES[alias]
    backend = type(caches[alias])
    word = "socket_timeout" if any("redis" in kind.__module__ for kind in backend.__mro__) else "timeout"
    return not any(word in name.lower() for name in _named(configured))


def _named(configured: Mapping[str, Any]) -> Iterator[str]:
    """The names of options that have a value, however deep, and in addresses."""
    locations = configured.get("LOCATION") or ""
    for location in [locations] if isinstance(locations, str) else locations:
        yield from (name for name, _value in parse_qsl(urlsplit(str(location)).query))
    yield from _names_in(configured.get("OPTIONS") or {})


def _names_in(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _names_in(value)
        elif value:
            yield str(name)


@register(Tags.compatibility, deploy=True)  # those tagged as of databases run with few commands only
def check_engines(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """W012: nothing ends a request's wait for a PostgreSQL that has stopped."""
    unguarded = [alias for alias in connections if waits_for_ever(alias)]
    return [
        Warning(
            f"Nothing ends a request's wait for the database {alias!r} when it has stopped.",
            hint='Name "django_shopcore.core.postgresql" as its ENGINE, which is Django\'s besides.',
            id="shopcore.W012",
        )
        for alias in unguarded
    ]


def waits_for_ever(alias: str) -> bool:
    """Whether the database is a PostgreSQL whose silence no request notices."""
    connection: Any = connections[alias]
    if connection.vendor != "postgresql" or alias in core_settings.REPLICAS:
        return False  # of replicas SHOPCORE_REPLICA_TIMEOUT takes care
    from .postgresql.base import DatabaseWrapper

    return not isinstance(connection, DatabaseWrapper)
