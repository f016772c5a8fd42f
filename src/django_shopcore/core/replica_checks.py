from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections, router

from . import leases
from .conf import core_settings
from .replicas import ReplicaRouter, is_ours

MIDDLEWARE = "django_shopcore.core.replica_clients.ReplicaMiddleware"


@register(Tags.compatibility)
def check_replicas(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E005: a replica that is none. E006: a model that is not for them. W005, W006: a part of the set-up is missing."""
    replicas, models = core_settings.REPLICAS, core_settings.REPLICA_MODELS
    if not all(isinstance(value, (list, tuple)) for value in (replicas, models)):
        return []  # E001
    own = "Name models or apps of the site's own; ours are read from replicas by SHOPCORE_REPLICAS alone."
    messages: list[CheckMessage] = [
        *(Error(f"SHOPCORE_REPLICAS: {problem}.", hint=hint, id="shopcore.E005") for problem, hint in _wrong_aliases()),
        *(Error(f"SHOPCORE_REPLICA_MODELS: {problem}.", hint=own, id="shopcore.E006") for problem in _wrong_models()),
    ]
    if replicas and not any(isinstance(found, ReplicaRouter) for found in router.routers):
        hint = "Add django_shopcore.core.replicas.ReplicaRouter to DATABASE_ROUTERS."
        messages.append(Warning("Nothing keeps writes away from SHOPCORE_REPLICAS.", hint=hint, id="shopcore.W005"))
    if replicas and models and (MIDDLEWARE not in settings.MIDDLEWARE or leases.shared_cache() is None):
        hint = f"They take {MIDDLEWARE} in MIDDLEWARE, and a cache that all processes share."
        messages.append(Warning("No replica is read for SHOPCORE_REPLICA_MODELS.", hint=hint, id="shopcore.W006"))
    return messages


def _wrong_aliases() -> Iterator[tuple[str, str]]:
    for alias in core_settings.REPLICAS:
        if alias not in settings.DATABASES:
            yield f"there is no database {alias!r}", "Name aliases of DATABASES."
        elif alias == DEFAULT_DB_ALIAS:
            yield "the database that is written to is no replica", "Name the others only."
        elif connections[alias].vendor != connections[DEFAULT_DB_ALIAS].vendor:
            yield f"{alias!r} is another kind of database than the default", "A replica is of the same kind."


def _wrong_models() -> Iterator[str]:
    models = {name: model for model in apps.get_models() for name in (model._meta.label_lower, model._meta.app_label)}
    for name in core_settings.REPLICA_MODELS:
        if name.lower() not in models:
            yield f"there is no model or app {name!r}"
        elif is_ours(models[name.lower()]):
            yield f"{name!r} is not for replicas, or is read from them anyway"
