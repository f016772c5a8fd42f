"""Daily and weekly digests: one mail for what was collected since the last."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from django_shopcore.core.locking import lock_rows

from .channels import inbox_line
from .kinds import Message, NotificationKind, kind_named, register
from .models import DigestEntry, OutboxMessage
from .posting import post
from .preferences import Wishes, wishes_of
from .rendering import Delivery

MAX_SHOWN = 100
Frequency = DigestEntry.Frequency


def post_due() -> int:
    """Posts a digest for every user whose hour has come; returns how many.

    What was collected is deleted in the transaction that posts it, so each entry is told once, also when a
    worker dies in between or several do this at once. A worker that was down at the hour makes up for it.
    """
    alias = router.db_for_write(DigestEntry)
    due = DigestEntry.objects.using(alias).filter(due_at__lte=timezone.now())
    pairs = list(due.order_by("user_id", "frequency").values_list("user_id", "frequency").distinct())
    return sum(_post_one(alias, user_id, frequency) for user_id, frequency in pairs)


def _post_one(alias: str, user_id: Any, frequency: str) -> bool:
    with transaction.atomic(using=alias):
        rows = DigestEntry.objects.filter(user_id=user_id, frequency=frequency, due_at__lte=timezone.now())
        entries = lock_rows(rows)
        if not entries:
            return False
        user = get_user_model()._default_manager.using(alias).get(pk=user_id)
        data = {"count": len(entries), "entries": [_as_data(entry) for entry in entries[:MAX_SHOWN]]}
        latest = max(entry.due_at for entry in entries).astimezone(datetime.timezone.utc)
        post(DIGESTS[frequency], [Message(user=user, data=data, key=latest.isoformat())])
        DigestEntry.objects.using(alias).filter(pk__in=[entry.pk for entry in entries]).delete()
    return True


def _as_data(entry: DigestEntry) -> dict[str, Any]:
    return {"kind": entry.kind, "data": entry.data, "created_at": entry.created_at.isoformat()}


def with_lines(message: OutboxMessage) -> dict[str, Any]:
    """The entries as lines in the recipient's language; ``more`` is how many are not listed."""
    wishes = wishes_of([message.user]).get(message.user_id, Wishes())
    entries = message.data.get("entries", [])
    lines = [line for entry in entries if (line := _line(entry, message.user, wishes))]
    return {"lines": lines, "more": message.data.get("count", 0) - len(entries)}


def _line(entry: Mapping[str, Any], user: Any, wishes: Wishes) -> dict[str, Any] | None:
    kind = kind_named(entry["kind"])
    if kind is None:  # its feature has been uninstalled
        return None
    text = inbox_line(Delivery(kind, user, data=entry["data"], wishes=wishes))
    return {"text": text, "created_at": parse_datetime(entry["created_at"])}


SAMPLE = {
    "count": 2,
    "more": 0,
    "lines": [
        {
            "text": "New product: Walnut desk",
            "created_at": datetime.datetime(2026, 1, 31, 9, 15, tzinfo=datetime.timezone.utc),
        },
        {
            "text": "Product deleted: Oak chair",
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
            prepare=with_lines,
            sample=SAMPLE,
        )
    )


DIGESTS = {
    str(Frequency.DAILY): _digest("daily", _("Daily digest")),
    str(Frequency.WEEKLY): _digest("weekly", _("Weekly digest")),
}
