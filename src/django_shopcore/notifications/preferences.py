"""What a recipient wants to get, how, and in which language and time zone."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import router
from django.utils import timezone, translation

from .conf import app_settings
from .kinds import NotificationKind
from .models import DigestEntry, Preferences

if TYPE_CHECKING:
    from .channels import Channel

OFF = "off"
DIGEST_CHANNEL = "email"  # what a digest replaces


def offered_digests() -> list[str]:
    """The digests that ``SHOPCORE_NOTIFICATIONS_DISABLED`` does not name."""
    disabled = set(app_settings.DISABLED)
    return [
        name
        for name in DigestEntry.Frequency.values
        if not disabled & {f"{name}_digest", f"{name}_digest:{DIGEST_CHANNEL}"}
    ]


@dataclass(frozen=True)
class Wishes:
    """The preferences of one recipient, the defaults filled in; ``row`` is ``None`` without stored ones."""

    row: Preferences | None = None

    def wants(self, kind: NotificationKind, channel: Channel) -> bool:
        """Whether the recipient wants single messages of ``kind`` on ``channel``."""
        collected = channel.name == DIGEST_CHANNEL and self.digest(kind) != OFF
        return self.switched_on(kind, channel.name) and not collected

    def switched_on(self, kind: NotificationKind, channel: str) -> bool:
        """The recipient's own switch for the channel of this name, whatever the digest; security mail has none."""
        if kind.security and channel == DIGEST_CHANNEL:
            return True
        return bool(self._of(kind).get(channel, True))

    def digest(self, kind: NotificationKind) -> str:
        """``off``, ``daily`` or ``weekly``; ``off`` also for one that the site has disabled since."""
        chosen = str(self._of(kind).get("digest", OFF))
        return chosen if chosen in offered_digests() and kind.may_wait else OFF

    def _of(self, kind: NotificationKind) -> dict[str, Any]:
        return chosen_in(self.row).get(kind.name, {}) if self.row else {}

    @property
    def language(self) -> str:
        chosen = self.row.language if self.row else ""
        return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE

    @property
    def time_zone(self) -> zoneinfo.ZoneInfo:
        """The chosen time zone; the site's where none was chosen, or the chosen one has ceased to exist."""
        for name in (self.row.time_zone if self.row else "", settings.TIME_ZONE):
            try:
                return zoneinfo.ZoneInfo(name)
            except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError):
                continue
        return zoneinfo.ZoneInfo("UTC")

    def next_digest(self, frequency: str, after: datetime.datetime) -> datetime.datetime:
        """The first digest hour later than ``after``, by the recipient's clock.

        On a day whose clock skips that hour it is the moment of the skip's end, on a day that has it twice
        the first of the two. Where ``USE_TZ`` is off, both times are in the site's time zone.
        """
        if timezone.is_naive(after):
            aware = timezone.make_aware(after, timezone.get_default_timezone())
            return timezone.make_naive(self.next_digest(frequency, aware), timezone.get_default_timezone())
        day = after.astimezone(self.time_zone).date()
        hour = datetime.time(app_settings.DIGEST_HOUR % 24)
        while True:
            moment = datetime.datetime.combine(day, hour, self.time_zone).astimezone(datetime.timezone.utc)
            is_day = frequency == DigestEntry.Frequency.DAILY or day.weekday() == app_settings.DIGEST_WEEKDAY % 7
            if is_day and moment > after:
                return moment
            day += datetime.timedelta(days=1)


def chosen_in(row: Preferences) -> dict[str, dict[str, Any]]:
    """What ``row`` holds by kind, less what is no choice: an admin may have typed anything there."""
    kinds = row.kinds if isinstance(row.kinds, dict) else {}
    return {name: chosen for name, chosen in kinds.items() if isinstance(chosen, dict)}


def wishes_of(users: Iterable[Any]) -> dict[Any, Wishes]:
    """By user key, in one query; without ``users`` in none."""
    keys = {user.pk for user in users}
    if not keys:
        return {}
    rows = Preferences.objects.using(router.db_for_write(Preferences)).in_bulk(keys)
    return {key: Wishes(rows.get(key)) for key in keys}


def remember_language(user: Any) -> None:
    """Keeps the language of the present request for ``user``, when it is not the site's own."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    if language != settings.LANGUAGE_CODE and language in dict(settings.LANGUAGES):
        Preferences.objects.get_or_create(user=user, defaults={"language": language})
