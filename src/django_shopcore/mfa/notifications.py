"""What the owner of an account hears of its second factor. Security mail: it cannot be turned off.

The only place here that knows of ``django_shopcore.notifications``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_shopcore.accounts.notifications.messages import to_present_address
from django_shopcore.notifications import Message, NotificationKind, register

from . import signals


def _of_method(*, user: Any, method: str, **event: Any) -> Iterable[Message]:
    return [to_present_address(user, data={"method": method})]


def _removed(*, user: Any, method: str, last: bool, **event: Any) -> Iterable[Message]:
    return [to_present_address(user, data={"method": method, "last": last})]


def _reset(*, user: Any, **event: Any) -> Iterable[Message]:
    return [to_present_address(user)]


def _recovery_code(*, user: Any, left: int, **event: Any) -> Iterable[Message]:
    return [to_present_address(user, data={"left": left})]


register(
    NotificationKind(
        name="second_factor_added",
        title=_("A second factor was added"),
        event=signals.factor_added,
        messages=_of_method,
        security=True,
        sample={"method": "totp"},
    )
)
register(
    NotificationKind(
        name="second_factor_removed",
        title=_("A second factor was removed"),
        event=signals.factor_removed,
        messages=_removed,
        security=True,
        sample={"method": "totp", "last": True},
    )
)
register(
    NotificationKind(
        name="second_factor_reset",
        title=_("Your second factor was reset"),
        event=signals.factors_reset,
        messages=_reset,
        security=True,
    )
)
register(
    NotificationKind(
        name="recovery_code_used",
        title=_("A recovery code was used"),
        event=signals.recovery_code_used,
        messages=_recovery_code,
        security=True,
        sample={"left": 9},
    )
)
register(
    NotificationKind(
        name="recovery_codes_made",
        title=_("New recovery codes"),
        event=signals.recovery_codes_made,
        messages=_reset,
        security=True,
    )
)
