"""Refusals with the codes that clients see."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed

from django_shopcore.core.errors import Conflict, InvalidInput, field_error

FIELDS = {"totp": "code", "recovery_code": "recovery_code", "passkey": "passkey"}


class WrongFactor(Exception):  # noqa: N818 - an answer, not a fault
    """A second factor that does not prove anything. ``method`` says which was tried."""

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method


def wrong_at_login() -> AuthenticationFailed:
    return AuthenticationFailed(_("The second factor is wrong."), code="invalid_second_factor")


def challenge_over() -> AuthenticationFailed:
    """One answer for a challenge that was used, is too old, has failed too often or never was one."""
    return AuthenticationFailed(_("Sign in with the password again."), code="challenge_invalid")


def wrong_factor(method: str) -> InvalidInput:
    """The same for somebody who is signed in: an error of the field."""
    return InvalidInput([field_error(FIELDS[method], "invalid_second_factor", _("The second factor is wrong."))])


def factor_missing() -> InvalidInput:
    text = _("Prove your second factor: send a code, a recovery code or a passkey.")
    return InvalidInput([field_error("", "second_factor_required", text)])


def wrong_code() -> InvalidInput:
    text = _("The code is wrong, or nothing waits for it. Begin again if this goes on.")
    return InvalidInput([field_error("code", "invalid_code", text)])


def unusable_passkey() -> InvalidInput:
    text = _("The passkey was not accepted. Ask for new options and try again.")
    return InvalidInput([field_error("passkey", "invalid_passkey", text)])


def no_factor() -> Conflict:
    return Conflict(_("There is no second factor of this kind."), code="no_second_factor")


def too_many_passkeys() -> Conflict:
    return Conflict(_("There are as many passkeys as an account may have."), code="too_many_passkeys")


def no_passkeys_here() -> Conflict:
    return Conflict(_("This site has no address for passkeys."), code="passkeys_unavailable")
