"""Writes of what people want to get. Each has a transaction of its own."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import router
from django.db.models import QuerySet
from django.utils import timezone

from django_shopcore.core.locking import lock_rows
from django_shopcore.core.users import fresh_users
from django_shopcore.core.writes import atomic_write

from .conf import app_settings
from .digests import CHUNK, DIGESTS
from .kinds import kind_named
from .models import DigestEntry, Notification, OptOut, Preferences
from .preferences import DIGEST_CHANNEL, OFF, Wishes, chosen_in
from .unsubscribing import Link, read_token


@contextmanager
def changing_preferences(user_key: Any) -> Iterator[Preferences | None]:
    """The preferences of a user, to be changed inside of the block, one block at a time.

    At its end they are saved, and what waits for a digest follows them. ``None`` when there is no such user
    (any more).
    """
    with atomic_write(Preferences):
        # The user's row is the lock: it is there also before the first choice.
        users = lock_rows(fresh_users().filter(pk=user_key))
        row = _row_of(users[0]) if users else None
        before = _content(row)
        yield row
        if row is not None and _content(row) != before:
            row.save()
            _move_entries(row)


def _row_of(user: Any) -> Preferences:
    rows = Preferences.objects.using(router.db_for_write(Preferences))
    return rows.filter(pk=user.pk).first() or Preferences(user=user)


def _content(row: Preferences | None) -> tuple[Any, ...]:
    return (row.kinds, row.time_zone, row.language) if row else ()


def merge_choices(row: Preferences, choices: dict[str, dict[str, Any]]) -> None:
    """Sets ``choices``, switches by kind, on an unsaved ``row``, beside those that are there."""
    chosen = chosen_in(row)
    changed = {name: {**chosen.get(name, {}), **switches} for name, switches in choices.items() if switches}
    row.kinds = {**chosen, **changed}


def _move_entries(row: Preferences) -> None:
    """Puts what waits into the digest where it belongs now, and drops what is wanted in no mail.

    With the digest off and mail on it stays in the digest it waits for: it never had a mail of its own. What
    is due already goes out as it was to.
    """
    wishes, now = Wishes(row), timezone.now()
    unwanted: list[Any] = []
    moved: dict[str, list[Any]] = {}
    for entry in lock_rows(DigestEntry.objects.filter(user_id=row.pk)):
        kind = kind_named(entry.kind)
        if kind is None:  # its feature has been uninstalled
            continue
        frequency = wishes.digest(kind)
        if frequency == OFF and not wishes.switched_on(kind, DIGEST_CHANNEL):
            unwanted.append(entry.pk)
            continue
        frequency = entry.frequency if frequency == OFF else frequency
        if entry.due_at > now:
            moved.setdefault(frequency, []).append(entry.pk)
    _entries().filter(pk__in=unwanted).delete()
    for frequency, keys in moved.items():
        _entries().filter(pk__in=keys).update(frequency=frequency, due_at=wishes.next_digest(frequency, now))


def _entries() -> QuerySet[DigestEntry]:
    return DigestEntry.objects.using(router.db_for_write(DigestEntry))


def unsubscribe(token: str) -> Link:
    """Turns off the mails that the link with ``token`` came with; doing it again is fine.

    Returns what the token says. Raises ``BadSignature`` for one that is not ours, or of mails that cannot be
    turned off.
    """
    link = read_token(token)
    if link.address:
        with atomic_write(OptOut):
            opt_out = OptOut(address=link.address.lower(), kind=link.kind_name)
            OptOut.objects.bulk_create([opt_out], ignore_conflicts=True)
        return link
    if link.user_key is None:  # the site has another user model now
        return link
    frequency = next((key for key, digest in DIGESTS.items() if digest.name == link.kind_name), None)
    with changing_preferences(link.user_key) as row:
        if row is not None and frequency is not None:
            _leave_digest(row, frequency)
        elif row is not None:
            merge_choices(row, {link.kind_name: _no_mail(chosen_in(row).get(link.kind_name, {}))})
    return link


def _leave_digest(row: Preferences, frequency: str) -> None:
    """No more of that digest, and no single mails in its place."""
    merge_choices(
        row,
        {name: _no_mail(chosen) for name, chosen in chosen_in(row).items() if chosen.get("digest") == frequency},
    )
    waiting = lock_rows(DigestEntry.objects.filter(user_id=row.pk, frequency=frequency))
    _entries().filter(pk__in=[entry.pk for entry in waiting]).delete()


def _no_mail(chosen: dict[str, Any]) -> dict[str, Any]:
    return {DIGEST_CHANNEL: False} | ({"digest": OFF} if chosen.get("digest", OFF) != OFF else {})


def prune_inbox() -> int:
    """Deletes notifications older than ``SHOPCORE_NOTIFICATIONS_INBOX_RETENTION``; returns how many."""
    if not app_settings.INBOX_RETENTION:
        return 0
    rows = Notification.objects.using(router.db_for_write(Notification))
    before = timezone.now() - datetime.timedelta(days=app_settings.INBOX_RETENTION)
    deleted = 0
    while True:
        # By key, the oldest come first: no index on the time is needed to find that there are none.
        first = rows.order_by("pk").values_list("pk", "created_at")[:CHUNK]
        keys = [pk for pk, created_at in first if created_at < before]
        if not keys:
            return deleted
        deleted += rows.filter(pk__in=keys).delete()[0]
