"""The delivery as a task of Django's task framework, where there is one; ``waking`` enqueues it.

A task's worker finds it by its name here. The module is not called ``tasks``, which Celery would import.
"""

from __future__ import annotations

from .conf import app_settings
from .waking import task_framework
from .worker import drain


@task_framework().task(backend=app_settings.TASK_BACKEND, queue_name=app_settings.TASK_QUEUE)
def deliver_outbox() -> None:
    """Delivers what is due."""
    drain()
