"""What a recipient wants to get, how, and in which language and time zone."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import router
from django.utils import translation

from .conf import app_settings
from .kinds import NotificationKind
from .models import DigestEntry, Preferences

if TYPE_CHECKING:
    from .channels import Channel

OFF = "off"
DIGEST_CHANNEL = "email"  # what a digest replaces


@dataclass(frozen=True)
class Wishes:
    """The preferences of one recipient, the defaults filled in; ``row`` is ``None`` without stored ones."""

    row: Preferences | None = None

    def wants(self, kind: NotificationKind, channel: Channel) -> bool:
        """Whether the recipient wants single messages of ``kind`` on ``channel``."""
        if kind.security and channel.name == DIGEST_CHANNEL:
            return True
        return bool(self._of(kind).get(channel.name, True)) and not (
            channel.name == DIGEST_CHANNEL and self.digest(kind) != OFF
        )

    def switched_on(self, kind: NotificationKind, channel: Channel) -> bool:
        """The recipient's own switch, whatever the digest."""
        return bool(self._of(kind).get(channel.name, True))

    def digest(self, kind: NotificationKind) -> str:
        """``off``, ``daily`` or ``weekly``."""
        chosen = str(self._of(kind).get("digest", OFF))
        return chosen if chosen in DigestEntry.Frequency.values and not kind.security else OFF

    def _of(self, kind: NotificationKind) -> dict[str, Any]:
        chosen = self.row.kinds.get(kind.name, {}) if self.row else {}
        return chosen if isinstance(chosen, dict) else {}

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
        the first of the two.
        """
        local = after.astimezone(self.time_zone)
        day = local.date()
        while True:
            hour = datetime.time(app_settings.DIGEST_HOUR % 24)
            moment = datetime.datetime.combine(day, hour, self.time_zone).astimezone(datetime.timezone.utc)
            is_day = frequency == DigestEntry.Frequency.DAILY or day.weekday() == app_settings.DIGEST_WEEKDAY % 7
            if is_day and moment > after:
                return moment
            day += datetime.timedelta(days=1)


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
