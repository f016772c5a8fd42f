"""What accounts announce."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_shopcore.notifications import Message, NotificationKind, register

from . import signals


def _welcome(*, user: Any, **event: Any) -> Iterable[Message]:
    return [Message(user=user, key=str(user.pk))]


register(NotificationKind(name="welcome", title=_("Welcome"), event=signals.user_registered, messages=_welcome))
