"""Attempts to sign in: how many may fail at an account, and who is spared what strangers do to it.

Failures are counted for the account and the client together, and for the account as a whole. The latter bounds what
many clients can guess; it leaves out those who have signed in to the account before, so that nobody can keep its
owner out. Accounts go by the name that was typed: one that nobody has is counted like any other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from django_shopcore.core.client import client_network
from django_shopcore.core.counting import is_marked, mark, secret_digest
from django_shopcore.core.limits import RateLimited, Usage, enforce, lift, take_back
from django_shopcore.core.users import email_of

from .limits import LOGIN_ACCOUNT, LOGIN_CLIENT_ACCOUNT

KNOWN_FOR = 90 * 86400  # seconds since the last time


def account_key(name: str) -> str:
    """The subject of an account's limits, by an address or a user name.

    What any way of signing in takes for the same name is the same here; that others may be too does no harm.
    """
    return "account:" + unicodedata.normalize("NFKC", name).strip().casefold()


def count(request: Any, name: str) -> list[Usage]:
    """Counts an attempt to sign in as ``name``, before the password is looked at. Raises ``RateLimited``.

    ``core.limits.take_back`` is for the caller to call with the result when the password was right.
    """
    client, account = client_network(request), account_key(name)
    usages = enforce([LOGIN_CLIENT_ACCOUNT], request, _both(client, account))
    if LOGIN_ACCOUNT.rate() is None or is_marked(_known(client, account)):
        return usages
    try:
        return usages + enforce([LOGIN_ACCOUNT], request, account)
    except RateLimited:
        take_back(usages)  # it was no attempt of this client's
        raise


def remember_client(request: Any, user: Any, **kwargs: Any) -> None:
    """Notes that ``user`` has signed in from the client of ``request``; a receiver of ``user_logged_in``."""
    client = client_network(request) if request is not None else ""
    if client and LOGIN_ACCOUNT.rate() is not None:
        for account in _accounts_of(user):
            mark(_known(client, account), KNOWN_FOR)


def forgive(request: Any, user: Any) -> None:
    """Ends the limits of the account of ``user``, who has just proved by mail to own it, for the client at hand."""
    remember_client(request, user)
    for account in _accounts_of(user):
        lift(LOGIN_ACCOUNT, account)
        lift(LOGIN_CLIENT_ACCOUNT, _both(client_network(request), account))


def _accounts_of(user: Any) -> Iterator[str]:
    """By each name that ``user`` may sign in with, in one order for all, since the rows get locked."""
    yield from sorted({account_key(name) for name in (str(user.get_username()), email_of(user)) if name})


def _both(client: str, account: str) -> str:
    return f"{client} {account}"


def _known(client: str, account: str) -> str:
    return f"shopcore:known:{secret_digest(_both(client, account))}"
