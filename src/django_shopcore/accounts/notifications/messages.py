"""What the kinds have in common."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils.functional import lazy
from django.utils.timesince import timesince

from django_shopcore.core.links import site_link
from django_shopcore.core.users import email_of
from django_shopcore.notifications import Message, Skip

from .. import link_tokens
from ..users import users_with_email

EMAIL_ONLY = ("email",)
SOME_DAY = datetime.datetime(2026, 1, 1)


def the_user(address: str) -> Any:
    """The one active user with ``address``; raises ``Skip``."""
    found = users_with_email(address)
    if len(found) != 1 or not found[0].is_active:
        raise Skip("There is no active account with this address, or more than one account.")
    return found[0]


def to_present_address(user: Any, **values: Any) -> Message:
    """News of an account's security go where the owner is now, wherever a thief may have moved the account."""
    return Message(user=user, address=email_of(user), **values)


def link(path: str, key: Any, token: str, seconds: int) -> dict[str, Any]:
    """What a mail with a link says: ``link`` and ``expires_in``."""
    return {"link": site_link(path, uid=link_tokens.encode(key), token=token), "expires_in": in_words(seconds)}


def in_words(seconds: int) -> Any:
    """A length of time as a text, in the language that it is rendered in."""
    return lazy(timesince, str)(SOME_DAY, SOME_DAY + datetime.timedelta(seconds=seconds))


def sample_link(path: str, seconds: int) -> dict[str, Any]:
    return {
        "link": f"https://shop.example{path}?uid=NWYwYzFmMGU&token=d4yvr5-0f8c9b2e6a1d4c7f",
        "expires_in": in_words(seconds),
    }
