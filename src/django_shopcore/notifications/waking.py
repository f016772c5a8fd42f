"""Waking the delivery by Django's task framework, in sites that have a backend which works elsewhere.

It only makes delivery start sooner: what is tried again later, and what a lost task leaves, is for the worker.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import django
from django.apps import apps
from django.db import router, transaction

from .conf import app_settings
from .models import OutboxMessage

framework: Any = None
if django.VERSION >= (6, 0):
    framework = import_module("django.tasks")
elif apps.is_installed("django_tasks"):
    framework = import_module("django_tasks")  # the backport

# They work inside of the request, or not at all.
IN_PLACE = ("ImmediateBackend", "DummyBackend")


def deliver_outbox() -> None:
    """Delivers what is due."""
    from .worker import drain

    drain()


deliver_task = framework.task(deliver_outbox) if framework else None


def wake_after_commit() -> None:
    """Enqueues a delivery once the present transaction has committed; its failure is logged, no more."""
    alias = app_settings.TASK_BACKEND
    if deliver_task is None or not alias or not _works_elsewhere(alias):
        return
    transaction.on_commit(
        deliver_task.using(backend=alias).enqueue, using=router.db_for_write(OutboxMessage), robust=True
    )


def _works_elsewhere(alias: str) -> bool:
    try:
        backend = framework.task_backends[alias]
    except Exception:  # noqa: BLE001 - no such alias, or its class does not import: checks say so
        return False
    return not any(base.__name__ in IN_PLACE for base in type(backend).__mro__)
