"""A sign-in from a device that the account was not used on before."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from django_shopcore.core.times import utc
from django_shopcore.notifications import Message, NotificationKind, register
from django_shopcore.notifications.recipients import one_line

from .. import devices, signals
from ..models import Session
from .messages import to_present_address

MAX_USER_AGENT = 150
# What mail programs turn into a link.
LINK = re.compile(r"\S*(?:://|\w\.[^\W\d_]{2,})\S*")


def _new_sign_in(*, user: Any, session: Session, **event: Any) -> Iterable[Message]:
    if not devices.is_unknown(session):
        return []
    data = {
        "time": utc(session.created_at).isoformat(),
        "ip_address": session.ip_address or "",
        "user_agent": one_line(LINK.sub("", session.user_agent))[:MAX_USER_AGENT],
    }
    return [to_present_address(user, data=data, key=str(session.pk))]


def _when(row: Any) -> Mapping[str, Any]:
    return {"time": parse_datetime(row.data["time"])}


register(
    NotificationKind(
        name="new_sign_in",
        title=_("New sign-in"),
        event=signals.user_signed_in,
        messages=_new_sign_in,
        security=True,
        prepare=_when,
        sample={
            "time": datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc),
            "ip_address": "192.0.2.7",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
        },
    )
)
