"""Moves of outbox messages from state to state. Each is one conditional statement, so workers need no other lock.

A worker claims messages for the time of a lease; what it does with one later holds only while the lease is
its own. A message whose worker was killed is free again when the lease is over, or as soon as another worker
on the same machine sees that the process is gone.
"""

from __future__ import annotations

import datetime
import os
import random
import socket
import sys
import uuid
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connections, router, transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone

from .conf import app_settings
from .models import OutboxMessage
from .recipients import one_line

State = OutboxMessage.State

SOON = 30.0  # seconds between two tries at most, while the trouble is young
REFUSED_GIVE_UP = datetime.timedelta(minutes=15)
OFTEN = 3  # tries, after which a message may be given up and stands behind others
MAX_ERROR = 2000


def claim(channel: str, *, limit: int) -> list[Any]:
    """Takes up to ``limit`` due messages of ``channel``; no other worker gets them before the lease is over."""
    now = timezone.now()
    lease = f"{machine()}:{os.getpid()}:{uuid.uuid4().hex}"
    taken = {
        "lease": lease,
        "attempts": F("attempts") + 1,
        "available_at": now + datetime.timedelta(seconds=app_settings.LEASE),
    }
    due = OutboxMessage.objects.fresh().due(now).filter(channel=channel)
    if connections[due.db].features.has_select_for_update_skip_locked:
        with transaction.atomic(using=due.db):
            keys = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
            if not keys:
                return []
            due.filter(pk__in=keys).order_by().update(**taken)
    elif not due.filter(pk__in=due.values("pk")[:limit]).order_by().update(**taken):
        return []
    mine = OutboxMessage.objects.using(due.db).filter(lease=lease).select_related("user")
    # Last and shuffled: a message that ends its worker each time must not stand in front of the same others.
    return sorted(mine, key=lambda row: ((row.attempts > OFTEN) * random.random(), row.pk))  # noqa: S311


def finish(message: OutboxMessage, state: str, note: str = "") -> bool:
    """Ends a claimed message; false when the lease has gone to another worker."""
    return _update_held(message, state=state, finished_at=timezone.now(), last_error=one_line(note)[:MAX_ERROR])


def retry_later(message: OutboxMessage, error: str, *, refused: bool) -> bool:
    """Frees a claimed message for another try, or gives it up when it is too old and was tried often enough.

    ``refused``: the other side said for good that it will not have it, so it is given up much sooner.
    Returns false when the lease has gone to another worker.
    """
    now = timezone.now()
    age = now - message.queued_at
    limit = REFUSED_GIVE_UP if refused else datetime.timedelta(hours=app_settings.GIVE_UP_AFTER)
    if age > limit and message.attempts > OFTEN:
        return finish(message, State.DEAD, error)
    delay = datetime.timedelta(seconds=retry_delay(message.attempts, age.total_seconds()))
    return _update_held(message, available_at=now + delay, last_error=one_line(error)[:MAX_ERROR])


def retry_delay(attempts: int, age: float) -> float:
    """Seconds until the next try: doubling from two, up to half a minute or a fortieth of the age.

    So whatever was down for minutes has its messages within a minute of its return, and what is down for a
    day is not asked twice a minute. The jitter spreads messages that failed together.
    """
    return min(2.0 ** min(attempts, 20), max(SOON, age / 40)) * random.uniform(0.5, 1)  # noqa: S311


def release(messages: Collection[OutboxMessage]) -> None:
    """Gives claimed messages back untried."""
    for lease in {message.lease for message in messages}:
        held = _held(lease, pk__in=[message.pk for message in messages])
        held.update(lease="", available_at=timezone.now(), attempts=F("attempts") - 1)


def _held(lease: str, **which: Any) -> QuerySet[Any]:
    """Those of a claim that are still its worker's."""
    return OutboxMessage.objects.fresh().filter(lease=lease, state=State.PENDING, **which)


def _update_held(message: OutboxMessage, **changes: Any) -> bool:
    return bool(_held(message.lease, pk=message.pk).update(lease="", **changes))


def send_again(messages: QuerySet[Any]) -> int:
    """Puts given up, skipped or delayed messages at the head of the queue; returns how many.

    A delivered message is not sent twice, one in a worker's hands is left there.
    """
    now = timezone.now()
    stopped = Q(state__in=[State.DEAD, State.SKIPPED]) | Q(state=State.PENDING, lease="")
    return messages.filter(stopped).update(
        state=State.PENDING, lease="", attempts=0, available_at=now, queued_at=now, finished_at=None
    )


@cache
def machine() -> str:
    """Names the set of processes that can see each other's numbers; ``""`` where that cannot be told.

    Containers share a kernel but not process numbers, so their namespace is part of it.
    """
    if not sys.platform.startswith("linux"):
        return ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()[:40]}/{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def free_orphans() -> int:
    """Frees what workers on this machine held when they died; returns how many messages that were."""
    if not machine():
        return 0
    held = OutboxMessage.objects.fresh().held()
    leases = held.filter(lease__startswith=f"{machine()}:").order_by().values_list("lease", flat=True).distinct()
    orphaned = [lease for lease in leases if not _is_alive(int(lease.rsplit(":", 2)[1]))]
    return held.filter(lease__in=orphaned).update(lease="", available_at=timezone.now()) if orphaned else 0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    with suppress(OSError, IndexError):
        # A killed process whose parent has not asked for its end yet still has its number.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def lag() -> float:
    """Seconds for which the longest waiting message has been undelivered; 0 with none waiting."""
    oldest = OutboxMessage.objects.fresh().pending().aggregate(oldest=Min("queued_at"))["oldest"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def prune() -> int:
    """Deletes messages that are done with for longer than the settings say; returns how many.

    Messages for channels that are no longer configured are given up on the way.
    """
    from .channels import channel_names

    now = timezone.now()
    rows = OutboxMessage.objects.fresh()
    too_old = now - datetime.timedelta(hours=app_settings.GIVE_UP_AFTER)
    stranded = rows.pending().exclude(channel__in=channel_names()).filter(queued_at__lt=too_old)
    stranded.update(state=State.DEAD, finished_at=now, lease="", last_error="No such channel is configured.")
    kept = {(State.SENT, State.SKIPPED): app_settings.OUTBOX_RETENTION, (State.DEAD,): app_settings.DEAD_RETENTION}
    return sum(_delete_in_chunks(states, now - datetime.timedelta(days=days)) for states, days in kept.items())


CHUNK = 900  # older versions of SQLite take no more than 999 parameters


def _delete_in_chunks(states: Iterable[str], before: datetime.datetime) -> int:
    rows = OutboxMessage.objects.using(router.db_for_write(OutboxMessage))
    old = rows.filter(state__in=states, finished_at__lt=before).order_by()
    deleted = 0
    while keys := list(old.values_list("pk", flat=True)[:CHUNK]):
        deleted += rows.filter(pk__in=keys).delete()[0]
    return deleted
