"""A new account, and the way there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_shopcore.core.users import column, email_of
from django_shopcore.notifications import Audience, Message, NotificationKind, Skip, register
from django_shopcore.notifications.preferences import remember_language
from django_shopcore.notifications.recipients import admin_messages

from .. import link_tokens, signals
from .. import registration as registrations
from ..conf import NONE, app_settings
from ..models import PendingRegistration
from ..users import VERIFIED, is_unverified, users_with_email
from .messages import EMAIL_ONLY, link, sample_link, the_user


def _greet(sender: Any, *, user: Any, **event: Any) -> None:
    remember_language(user)


signals.user_registered.connect(_greet, dispatch_uid="shopcore_accounts.remember_language")


def _welcome(*, user: Any, **event: Any) -> Iterable[Message]:
    return [Message(user=user, key=str(user.pk))]


register(NotificationKind(name="welcome", title=_("Welcome"), event=signals.user_registered, messages=_welcome))


def _new_registration(*, user: Any, **event: Any) -> Iterable[Message]:
    return admin_messages({"email": email_of(user), "user_id": str(user.pk)}, key=str(user.pk))


register(
    NotificationKind(
        name="new_registration",
        title=_("New registration"),
        event=signals.user_registered,
        messages=_new_registration,
        audience=Audience.ADMINS,
        sample={"email": "ada@example.com", "user_id": "5f0c1f0e-7a0b-4d7e-9f4c-0d6f3c1b2a90"},
    )
)


def _of_pending(pending: PendingRegistration) -> Message:
    key = str(pending.pk)
    return Message(address=pending.email, data={"registration": key}, key=key)


def _verify_address(
    *, user: Any = None, email: str = "", registration: PendingRegistration | None = None, **event: Any
) -> Iterable[Message]:
    if app_settings.EMAIL_VERIFICATION == NONE or column(VERIFIED) is None:
        return []
    if registration is not None:
        return [_of_pending(registration)]
    if user is not None:
        return [Message(user=user, key=str(user.pk))] if is_unverified(user) else []
    return [Message(address=email)]


def _verification_link(row: Any) -> Mapping[str, Any]:
    key, token = _of_registration(row) if "registration" in row.data else _of_account(row)
    page, seconds = app_settings.EMAIL_VERIFY_PATH, app_settings.EMAIL_LINK_TIMEOUT
    return link(row, "email_verification", page, token, seconds, key)


def _of_registration(row: Any) -> tuple[Any, str]:
    pending = registrations.find(row.data["registration"])
    if pending is None or users_with_email(row.address):
        raise Skip("There is an account with this address already.")
    return pending.pk, link_tokens.registration.make_token(pending)


def _of_account(row: Any) -> tuple[Any, str]:
    """Of the account with the address, otherwise of its latest registration that waits."""
    address = row.address or email_of(row.user)
    if not users_with_email(address) and (pending := registrations.latest_of(address)):
        return pending.pk, link_tokens.registration.make_token(pending)
    row.user = the_user(address)
    if not is_unverified(row.user):
        raise Skip("The address is verified.")
    return row.user.pk, link_tokens.email_verification.make_token(row.user)


register(
    NotificationKind(
        name="verify_address",
        title=_("Confirm your address"),
        event=[signals.user_registered, signals.registration_requested, signals.email_verification_requested],
        messages=_verify_address,
        channels=EMAIL_ONLY,
        security=True,
        prepare=_verification_link,
        sample=sample_link("/verify-email/", 259_200),
    )
)


def _account_exists(*, registration: PendingRegistration, **event: Any) -> Iterable[Message]:
    return [_of_pending(registration)]


def _owner_of_taken_address(row: Any) -> Mapping[str, Any]:
    if registrations.find(row.data["registration"]) is None:
        raise Skip("The registration has become the account.")
    row.user = the_user(row.address)
    return {}


# Written with every registration that waits, and delivered to those whose address is taken: see the other.
register(
    NotificationKind(
        name="account_exists",
        title=_("You have an account already"),
        event=signals.registration_requested,
        messages=_account_exists,
        channels=EMAIL_ONLY,
        security=True,
        prepare=_owner_of_taken_address,
    )
)
