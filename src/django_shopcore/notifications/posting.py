"""From an event to rows: the outbox, the inbox and what waits for a digest, in the transaction of the event."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

from django.db import router, transaction
from django.utils import timezone

from .channels import Channel, configured_channels
from .conf import app_settings
from .kinds import Message, NotificationKind
from .models import DigestEntry, OutboxMessage
from .preferences import DIGEST_CHANNEL, OFF, Wishes, wishes_of
from .rendering import Delivery
from .signals import outbox_filled

MAX_KEY = 300


def post(kind: NotificationKind, messages: Iterable[Message]) -> None:
    """Writes ``messages`` for the channels that take ``kind`` and that their recipients want.

    Call it in the transaction of what it tells about. A constant number of queries, whatever the number of
    messages.
    """
    messages = list(messages)
    channels = channels_for(kind) if messages else []
    if not channels:
        return
    wishes = wishes_of(message.user for message in messages if message.user is not None)
    rows: list[OutboxMessage] = []
    at_once: dict[str, list[Delivery]] = {}
    entries: list[DigestEntry] = []
    for message in messages:
        own = wishes[message.user.pk] if message.user is not None else Wishes()
        for channel in channels:
            if not _is_for(channel, message):
                continue
            if own.wants(kind, channel):
                if channel.deferred:
                    rows.append(_row(kind, channel, message))
                else:
                    at_once.setdefault(channel.name, []).append(Delivery.of_message(kind, message, own))
            elif channel.name == DIGEST_CHANNEL and own.digest(kind) != OFF:
                entries.append(_entry(kind, message, own))
    with transaction.atomic(using=router.db_for_write(OutboxMessage), savepoint=False):
        for channel in channels:
            if channel.name in at_once:
                channel.store(at_once[channel.name])
        DigestEntry.objects.bulk_create(entries)
        if rows:
            OutboxMessage.objects.bulk_create(rows, ignore_conflicts=True)
            outbox_filled.send(sender=OutboxMessage, kind=kind)


def _is_for(channel: Channel, message: Message) -> bool:
    narrowed = message.channels is not None and channel.name not in message.channels
    return not narrowed and (message.user is not None or channel.takes_addresses)


def channels_for(kind: NotificationKind) -> list[Channel]:
    """The configured channels that take ``kind``, less what ``SHOPCORE_NOTIFICATIONS_DISABLED`` names."""
    disabled = set(app_settings.DISABLED)
    if kind.name in disabled:
        return []
    taking = [channel for channel in configured_channels() if channel.takes(kind)]
    return [channel for channel in taking if f"{kind.name}:{channel.name}" not in disabled]


def _row(kind: NotificationKind, channel: Channel, message: Message) -> OutboxMessage:
    recipient = message.address or (message.user.pk if message.user is not None else "")
    return OutboxMessage(
        dedupe_key=_dedupe_key(kind.name, message.key or uuid.uuid4().hex, channel.name, str(recipient)),
        kind=kind.name,
        channel=channel.name,
        user=message.user,
        address=message.address,
        data=dict(message.data),
    )


def _dedupe_key(*parts: str) -> str:
    key = ":".join(parts)
    if len(key) <= MAX_KEY:
        return key
    # Cut off only, the keys of two messages might be one, and a message lost.
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: MAX_KEY - len(digest) - 1]}:{digest}"


def _entry(kind: NotificationKind, message: Message, wishes: Wishes) -> DigestEntry:
    frequency = wishes.digest(kind)
    return DigestEntry(
        user=message.user,
        kind=kind.name,
        data=dict(message.data),
        frequency=frequency,
        due_at=wishes.next_digest(frequency, timezone.now()),
    )
