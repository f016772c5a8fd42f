"""What the kinds have in common."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils.functional import lazy
from django.utils.timesince import timesince

from django_shopcore.core.adapters import Link, link_adapter
from django_shopcore.core.links import site_link
from django_shopcore.core.users import email_of
from django_shopcore.notifications import Message, Skip
from django_shopcore.notifications.preferences import Wishes, wishes_of

from .. import link_tokens
from ..users import the_active_one, users_with_email

EMAIL_ONLY = ("email",)
SOME_DAY = datetime.datetime(2026, 1, 1)


def the_user(address: str) -> Any:
    """The one active user with ``address``; raises ``Skip``."""
    found = the_active_one(users_with_email(address))
    if found is None:
        raise Skip("There is no active account with this address, or more than one.")
    return found


def to_present_address(user: Any, **values: Any) -> Message:
    """News of an account's security go where the owner is now, wherever a thief may have moved the account."""
    return Message(user=user, address=email_of(user), **values)


def link(row: Any, purpose: str, path: str, token: str, seconds: int, key: Any = None) -> dict[str, Any]:
    """What the mail ``row`` says: ``link``, to the front end's page at ``path``, and ``expires_in``.

    ``key`` is what the link is about if not ``row.user``.
    """
    user = row.user
    uid = link_tokens.encode(user.pk if key is None else key)
    wishes = wishes_of([user])[user.pk] if user is not None else Wishes()
    found = Link(
        purpose=purpose,
        page=site_link(path),
        query={"uid": uid, "token": token},
        user=user,
        address=row.address or email_of(user),
        language=wishes.language,
    )
    return {"link": link_adapter().url(found), "expires_in": in_words(seconds)}


def in_words(seconds: int) -> Any:
    """A length of time as a text, in the language that it is rendered in."""
    return lazy(timesince, str)(SOME_DAY, SOME_DAY + datetime.timedelta(seconds=seconds))


def sample_link(path: str, seconds: int) -> dict[str, Any]:
    return {
        "link": f"https://shop.example{path}?uid=NWYwYzFmMGU&token=d4yvr5-0f8c9b2e6a1d4c7f",
        "expires_in": in_words(seconds),
    }
