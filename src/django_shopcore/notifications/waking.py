"""Waking the delivery by Django's task framework, in sites that have a backend which works elsewhere.

It only makes delivery start sooner: what is tried again later, and what a lost task leaves, is for the worker.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import django
from django.apps import apps
from django.db import router, transaction

from django_shopcore.core.breakers import breaker_of

from .conf import app_settings
from .models import OutboxMessage
from .signals import outbox_filled

# Seconds that a queue which has failed is left alone: each try may cost a request the time-outs of its client.
REST = 10.0
# They work inside of the request, or not at all.
IN_PLACE = ("ImmediateBackend", "DummyBackend")


def task_framework() -> Any:
    """Django's own; before Django 6.0 its backport, or ``None`` where that is not installed."""
    if django.VERSION >= (6, 0):
        return import_module("django.tasks")
    return import_module("django_tasks") if apps.is_installed("django_tasks") else None


def wake_after_commit(**event: Any) -> None:
    """Enqueues a delivery once the present transaction has committed; its failure is logged, no more."""
    if not app_settings.TASK_BACKEND or task_framework() is None:
        return
    alias = router.db_for_write(OutboxMessage)
    if all(hook[1] is not enqueue for hook in transaction.get_connection(alias).run_on_commit):
        transaction.on_commit(enqueue, using=alias, robust=True)


def enqueue() -> None:
    """Enqueues a delivery, where the backend works elsewhere."""
    framework, alias = task_framework(), app_settings.TASK_BACKEND
    if alias not in framework.task_backends.settings or _works_in_place(framework.task_backends[alias]):
        return
    from .delivery_task import deliver_outbox

    breaker = breaker_of("task backend", alias, "its worker finds messages a little later", REST)
    if not breaker.allows():
        return
    try:
        deliver_outbox.using(backend=alias, queue_name=app_settings.TASK_QUEUE).enqueue()
    except Exception as error:
        breaker.failed(error)
        raise
    breaker.succeeded()


def _works_in_place(backend: Any) -> bool:
    return any(base.__name__ in IN_PLACE for base in type(backend).__mro__)


outbox_filled.connect(wake_after_commit, dispatch_uid="shopcore_notifications.wake_after_commit")
