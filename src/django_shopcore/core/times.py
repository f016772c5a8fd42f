"""Times in UTC."""

from __future__ import annotations

import datetime

from django.utils import timezone


def utc(value: datetime.datetime) -> datetime.datetime:
    """``value`` as an aware time in UTC; a naive one (``USE_TZ = False``) is in the host's time zone."""
    if timezone.is_naive(value):
        value = timezone.make_aware(value, timezone.get_default_timezone())
    return value.astimezone(datetime.timezone.utc)
