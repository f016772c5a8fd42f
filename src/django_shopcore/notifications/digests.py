"""Daily and weekly digests: one mail for what was collected since the last."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from django.db import InterfaceError, OperationalError, router, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from django_shopcore.core.locking import lock_rows

from .kinds import Message, NotificationKind, Skip, kind_named, register
from .models import DigestEntry, OutboxMessage
from .posting import post
from .preferences import DIGEST_CHANNEL, OFF, Wishes, offered_digests, wishes_of
from .rendering import Delivery

logger = logging.getLogger(__name__)

MAX_SHOWN = 100
CHUNK = 900  # older versions of SQLite take no more than 999 parameters
Frequency = DigestEntry.Frequency


def post_due() -> int:
    """Posts a digest for every user whose hour has come; returns how many.

    What was collected is deleted in the transaction that posts it, so each entry is told once, also when a
    worker dies in between or several do this at once. A worker that was down at the hour makes up for it.
    What was collected for a digest that the site has disabled waits until it is offered again.
    """
    alias = router.db_for_write(DigestEntry)
    due = DigestEntry.objects.using(alias).filter(due_at__lte=timezone.now(), frequency__in=offered_digests())
    pairs = list(due.order_by("user_id", "frequency").values_list("user_id", "frequency").distinct())
    return sum(_post_safely(alias, user_id, frequency) for user_id, frequency in pairs)


def _post_safely(alias: str, user_id: Any, frequency: str) -> bool:
    try:
        return _post_one(alias, user_id, frequency)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # one user's trouble is not everybody's; the entries stay, and it is tried again
        logger.exception("The %s digest of the user %s cannot be made.", frequency, user_id)
        return False


def _post_one(alias: str, user_id: Any, frequency: str) -> bool:
    with transaction.atomic(using=alias):
        rows = DigestEntry.objects.filter(user_id=user_id, frequency=frequency, due_at__lte=timezone.now())
        entries = lock_rows(rows)
        wishes = wishes_of(entry.user for entry in entries[:1])
        wanted = [entry for entry in entries if _is_wanted(entry, wishes[user_id])]
        if wanted:
            # Without a key: the lock lets each entry be told once, and one that came late is news of its own.
            data = {"count": len(wanted), "entries": [_as_data(entry) for entry in wanted[:MAX_SHOWN]]}
            post(DIGESTS[frequency], [Message(user=wanted[0].user, data=data)])
        keys = [entry.pk for entry in entries]
        for start in range(0, len(keys), CHUNK):
            rows.using(alias).filter(pk__in=keys[start : start + CHUNK]).delete()
    return bool(wanted)


def _is_wanted(entry: DigestEntry, wishes: Wishes) -> bool:
    """Whether the user has not turned the kind off since it was collected."""
    kind = kind_named(entry.kind)
    return kind is None or wishes.digest(kind) != OFF or wishes.switched_on(kind, DIGEST_CHANNEL)


def _as_data(entry: DigestEntry) -> dict[str, Any]:
    return {"kind": entry.kind, "data": entry.data, "created_at": entry.created_at.isoformat()}


def with_lines(message: OutboxMessage) -> dict[str, Any]:
    """The entries as lines in the recipient's language; ``more`` is how many are not listed."""
    wishes = wishes_of([message.user]).get(message.user_id, Wishes())
    entries = message.data["entries"]
    lines = [line for entry in entries if (line := _line(entry, message.user, wishes))]
    more = message.data["count"] - len(entries)
    if not lines and not more:
        raise Skip("The features that it told about are no longer installed.")
    return {"lines": lines, "more": more, "count": len(lines) + more}


def _line(entry: Mapping[str, Any], user: Any, wishes: Wishes) -> dict[str, Any] | None:
    kind = kind_named(entry["kind"])
    if kind is None:  # its feature has been uninstalled
        return None
    delivery = Delivery(kind, user, data=entry["data"], wishes=wishes)
    return {"text": delivery.line(), "created_at": parse_datetime(entry["created_at"])}


SAMPLE = {
    "count": 2,
    "more": 0,
    "lines": [
        {
            "text": _("New product: Walnut desk"),
            "created_at": datetime.datetime(2026, 1, 31, 9, 15, tzinfo=datetime.timezone.utc),
        },
        {
            "text": _("Product deleted: Oak chair"),
            "created_at": datetime.datetime(2026, 1, 31, 16, 40, tzinfo=datetime.timezone.utc),
        },
    ],
}


def _digest(frequency: str, title: Any) -> NotificationKind:
    return register(
        NotificationKind(
            name=f"{frequency}_digest",
            title=title,
            event=None,
            messages=lambda: (),
            channels=("email",),
            collectable=False,
            prepare=with_lines,
            sample=SAMPLE,
        )
    )


DIGESTS = {
    str(Frequency.DAILY): _digest("daily", _("Daily digest")),
    str(Frequency.WEEKLY): _digest("weekly", _("Weekly digest")),
}
