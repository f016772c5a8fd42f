"""Refusals with the codes that clients see."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed

from django_shopcore.core.errors import Conflict, InvalidInput, field_error

from .conf import EMAIL, app_settings


def invalid_token() -> AuthenticationFailed:
    return AuthenticationFailed(_("The token is not valid."), code="token_invalid")


def session_ended() -> AuthenticationFailed:
    return AuthenticationFailed(_("The session has ended. Sign in again."), code="session_ended")


def token_spent() -> AuthenticationFailed:
    return AuthenticationFailed(_("The refresh token was used a moment ago."), code="token_spent")


def token_reused() -> AuthenticationFailed:
    return AuthenticationFailed(
        _("The refresh token was used before. Its session has been ended."), code="token_reused"
    )


def invalid_credentials() -> AuthenticationFailed:
    if app_settings.LOGIN_BY == EMAIL:
        text = _("The e-mail address or the password is wrong.")
    else:
        text = _("The name or the password is wrong.")
    return AuthenticationFailed(text, code="invalid_credentials")


def wrong_password(field: str) -> InvalidInput:
    return InvalidInput([field_error(field, "invalid_password", _("The password is wrong."))])


def invalid_link() -> InvalidInput:
    """One answer for a link that was used, is too old, was made stale or never was one."""
    return InvalidInput([field_error("token", "invalid_link", _("The link is not valid any more. Ask for a new one."))])


def address_taken() -> InvalidInput:
    return InvalidInput([field_error("token", "address_taken", _("There is an account with this address already."))])


def role_not_changeable() -> InvalidInput:
    text = _("This site decides elsewhere who is an admin.")
    return InvalidInput([field_error("is_admin", "not_changeable", text)])


def last_admin() -> Conflict:
    return Conflict(_("This is the last active admin."), code="last_admin")
