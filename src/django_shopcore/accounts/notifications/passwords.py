"""A forgotten and a new password."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_shopcore.notifications import Message, NotificationKind, Skip, register

from .. import link_tokens, signals
from ..conf import app_settings
from .messages import EMAIL_ONLY, link, sample_link, the_user, to_present_address


def _password_reset(*, email: str, **event: Any) -> Iterable[Message]:
    return [Message(address=email)]


def _reset_link(row: Any) -> Mapping[str, Any]:
    user = row.user = the_user(row.address)
    if not user.has_usable_password():
        raise Skip("The account signs in without a password.")
    token = link_tokens.password_reset.make_token(user)
    return link(row, "password_reset", app_settings.PASSWORD_RESET_PATH, token, app_settings.PASSWORD_RESET_TIMEOUT)


register(
    NotificationKind(
        name="password_reset",
        title=_("New password"),
        event=signals.password_reset_requested,
        messages=_password_reset,
        channels=EMAIL_ONLY,
        security=True,
        prepare=_reset_link,
        sample=sample_link("/reset-password/", 3600),
    )
)


def _password_changed(*, user: Any, **event: Any) -> Iterable[Message]:
    return [to_present_address(user)]


register(
    NotificationKind(
        name="password_changed",
        title=_("Your password was changed"),
        event=signals.user_password_changed,
        messages=_password_changed,
        security=True,
    )
)
