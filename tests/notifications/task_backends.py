"""Backends of Django's task framework, or of its backport, for the tests."""

from __future__ import annotations

from typing import Any, ClassVar

import django

if django.VERSION >= (6, 0):
    from django.tasks import task_backends
    from django.tasks.backends.base import BaseTaskBackend
else:
    from django_tasks import task_backends
    from django_tasks.backends.base import BaseTaskBackend

__all__ = ["Broken", "Recording", "task_backends"]


class Recording(BaseTaskBackend):
    """Works elsewhere, as far as anybody can tell."""

    enqueued: ClassVar[list[Any]] = []

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        self.validate_task(task)
        self.enqueued.append(task)


class Broken(Recording):
    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        raise ConnectionError("the broker is away")
