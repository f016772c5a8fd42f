"""The links in mails: which account they are for, and a token that proves who got the mail.

Nothing is stored. A token is a digest of what the link changes, so it works once, and a new password or a new
address makes every older link of an account useless. Signing in does not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import models
from django.utils.crypto import constant_time_compare
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_decode, urlsafe_base64_encode

from django_shopcore.core.conf import Setting
from django_shopcore.core.keys import parse_key
from django_shopcore.core.users import email_of

from .conf import AccountsSettings


class LinkTokens(PasswordResetTokenGenerator):
    """Django's tokens with a purpose, a timeout and a state of their own.

    ``state`` returns what the token stands for besides the key and the password; when that changes, the
    token is void.
    """

    def __init__(self, purpose: str, timeout: Setting[int], state: Callable[[Any], Any]) -> None:
        super().__init__()
        self.key_salt = f"django_shopcore.accounts.{purpose}"
        self.timeout = timeout
        self.state = state

    def make_token(self, user: Any) -> str:
        """A token for ``user``, or for whatever else has a ``pk`` and a ``password``."""
        return super().make_token(user)

    def check_token(self, user: Any, token: str | None) -> bool:
        """Whether ``token`` was made for ``user`` as it is now, no longer ago than the timeout."""
        if user is None or not token:
            return False
        try:
            made_at = base36_to_int(token.partition("-")[0])
        except ValueError:
            return False
        if self._num_seconds(self._now()) - made_at > self.timeout.value():
            return False
        return any(
            constant_time_compare(self._make_token_with_timestamp(user, made_at, secret), token)
            for secret in (self.secret, *self.secret_fallbacks)
        )

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return repr((str(user.pk), user.password, self.state(user), timestamp))

    def _now(self) -> datetime:
        # Django's is local: links would lose an hour of their life when clocks change.
        return datetime.now(timezone.utc).replace(tzinfo=None)


password_reset = LinkTokens("password_reset", AccountsSettings.PASSWORD_RESET_TIMEOUT, email_of)
email_verification = LinkTokens(
    "email_verification",
    AccountsSettings.EMAIL_LINK_TIMEOUT,
    lambda user: (email_of(user), bool(user.email_verified)),
)
registration = LinkTokens("registration", AccountsSettings.EMAIL_LINK_TIMEOUT, lambda pending: pending.email)
# Not a link: kept with the wish for another address, so that a new password revokes it before the mail is out.
email_change_wish = LinkTokens("email_change_wish", AccountsSettings.EMAIL_LINK_TIMEOUT, email_of)

SEPARATOR = "~"  # in no base64 and in no token of Django's


def _email_change(new_email: str) -> LinkTokens:
    return LinkTokens("email_change", AccountsSettings.EMAIL_LINK_TIMEOUT, lambda user: (email_of(user), new_email))


def make_email_change_token(user: Any, new_email: str) -> str:
    """A token that carries the new address, so that nothing has to be stored."""
    return f"{encode(new_email)}{SEPARATOR}{_email_change(new_email).make_token(user)}"


def new_email_in(user: Any, token: str) -> str | None:
    """The new address in a token of ``make_email_change_token``; ``None`` when it is not valid for ``user``."""
    encoded, _, rest = token.partition(SEPARATOR)
    new_email = decode(encoded)
    return new_email if new_email and _email_change(new_email).check_token(user, rest) else None


def encode(value: Any) -> str:
    """A key or a text as part of a link."""
    return urlsafe_base64_encode(force_bytes(value))


def decode(text: str) -> str | None:
    try:
        return urlsafe_base64_decode(text).decode()
    except ValueError:
        return None


def key_in(model: type[models.Model], uid: str) -> Any:
    """The key of ``model`` that a link names; ``None`` when it names none."""
    return parse_key(model, decode(uid))
