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
    alias = router.db_for_write(PeriodicRun)
    now = timezone.now()
    known = dict(PeriodicRun.objects.using(alias).values_list("name", "next_at"))
    due = [task for task in tasks() if task.name not in known or known[task.name] <= now]
    return {task.name: _run(task) for task in due if _claim(task, alias, now, is_new=task.name not in known)}


def _claim(task: PeriodicTask, alias: str, now: datetime.datetime, *, is_new: bool) -> bool:
    rows, next_at = PeriodicRun.objects.using(alias), now + task.every
    if is_new:
        return rows.get_or_create(name=task.name, defaults={"next_at": next_at})[1]
    return bool(rows.filter(name=task.name, next_at__lte=now).update(next_at=next_at))


def _run(task: PeriodicTask) -> bool:
    try:
        result = task.run()
    except Exception:
        logger.exception("The periodic task %s failed.", task.name)
        return False
    logger.info("The periodic task %s is done: %s", task.name, result)
    return True
