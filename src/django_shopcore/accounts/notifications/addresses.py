"""Another address for an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_shopcore.core.users import email_of
from django_shopcore.notifications import Message, NotificationKind, Skip, register

from .. import link_tokens, signals
from ..conf import app_settings
from ..users import users_with_email
from .messages import EMAIL_ONLY, link, sample_link, to_present_address


def _address_change_requested(*, user: Any, new_email: str, **event: Any) -> Iterable[Message]:
    return [to_present_address(user, data={"new_email": new_email})]


register(
    NotificationKind(
        name="address_change_requested",
        title=_("Your address is to be changed"),
        event=signals.email_change_requested,
        messages=_address_change_requested,
        channels=EMAIL_ONLY,
        security=True,
        sample={"new_email": "ada@example.org"},
    )
)


def _confirm_new_address(*, user: Any, new_email: str, **event: Any) -> Iterable[Message]:
    wish = link_tokens.email_change_wish.make_token(user)
    return [Message(user=user, address=new_email, data={"wish": wish})]


def _change_link(row: Any) -> Mapping[str, Any]:
    if not link_tokens.email_change_wish.check_token(row.user, row.data["wish"]):
        raise Skip("The password or the address has changed since.")
    if any(user.pk != row.user.pk for user in users_with_email(row.address)):
        raise Skip("The address is another account's.")
    token = link_tokens.make_email_change_token(row.user, row.address)
    return link(row, "email_change", app_settings.EMAIL_CHANGE_PATH, token, app_settings.EMAIL_LINK_TIMEOUT)


register(
    NotificationKind(
        name="confirm_new_address",
        title=_("Confirm your new address"),
        event=signals.email_change_requested,
        messages=_confirm_new_address,
        channels=EMAIL_ONLY,
        security=True,
        prepare=_change_link,
        sample=sample_link("/confirm-email/", 259_200),
    )
)


def _address_changed(*, user: Any, old_email: str, **event: Any) -> Iterable[Message]:
    data = {"old_email": old_email, "new_email": email_of(user)}
    return [
        to_present_address(user, data=data),
        Message(user=user, address=old_email, data=data, channels=EMAIL_ONLY),
    ]


register(
    NotificationKind(
        name="address_changed",
        title=_("Your address was changed"),
        event=signals.user_email_changed,
        messages=_address_changed,
        security=True,
        sample={"old_email": "ada@example.com", "new_email": "ada@example.org"},
    )
)
