"""Work that is due now and then, such as pruning: features declare it, ``shopcore_tick`` and the worker do it.

    periodic.register("accounts.prune_sessions", every=timedelta(hours=1), run=services.prune_sessions)

However many processes ask, each piece of work is done once in its period: the one whose conditional UPDATE
moves the row on does it.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import router
from django.db.models import Q, QuerySet
from django.utils import timezone

from .models import PeriodicRun

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PeriodicTask:
    """``run`` is called without arguments once every ``every``; what it returns is logged.

    It must bear being cut off (the process may be killed) and being called again while an earlier call of
    more than ``every`` still runs.
    """

    name: str
    every: datetime.timedelta
    run: Callable[[], object]


_tasks: dict[str, PeriodicTask] = {}


def register(name: str, *, every: datetime.timedelta, run: Callable[[], object]) -> None:
    """Declares work, usually in an app's ``ready()``. ``name`` starts with the app's: ``accounts.prune``."""
    _tasks[name] = PeriodicTask(name, every, run)


def tasks() -> list[PeriodicTask]:
    return [_tasks[name] for name in sorted(_tasks)]


def run_due() -> dict[str, bool]:
    """Does what is due and not taken by another process; returns by name whether it went well.

    What raises is logged and tried again after its period; the rest is done all the same.
    """
    rows = PeriodicRun.objects.using(router.db_for_write(PeriodicRun))
    known = dict(rows.values_list("name", "next_at"))
    return {task.name: _run(task) for task in tasks() if _claim(task, rows, known.get(task.name))}


def _claim(task: PeriodicTask, rows: QuerySet[PeriodicRun], next_at: datetime.datetime | None) -> bool:
    """Whether ``task``, known to be due at ``next_at``, is for this process to do now."""
    now = timezone.now()
    after = now + task.every
    if next_at is None:
        return rows.get_or_create(name=task.name, defaults={"next_at": after})[1]
    # Further ahead than a period is what a clock wrote that was wrong, or an earlier version with a longer
    # period; the second period is for the clocks of several machines, which differ a little.
    too_far = after + task.every
    if now < next_at <= too_far:
        return False
    due = Q(next_at__lte=now) | Q(next_at__gt=too_far)
    return bool(rows.filter(due, name=task.name).update(next_at=after))


def _run(task: PeriodicTask) -> bool:
    try:
        result = task.run()
    except Exception:
        logger.exception("The periodic task %s failed.", task.name)
        return False
    # Most of them mostly find nothing to do.
    logger.log(logging.INFO if result else logging.DEBUG, "The periodic task %s is done: %s", task.name, result)
    return True
