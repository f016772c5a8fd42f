"""Who may call what: every view of ours declares a policy for each of its actions, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from django.db.models import Q

from .adapters import admin_adapter
from .users import column, fresh_users


class Refusal(NamedTuple):
    """Why somebody with the role admin has no rights of an admin now."""

    detail: str
    code: str


# Called with each request whose user is known, by features as their apps get ready: they may withhold the role.
guards: list[Callable[[Any], None]] = []

WITHHELD = "_shopcore_withheld"  # an attribute of the request's user; no row of the database has it


def is_admin(user: Any) -> bool:
    """Whether ``user`` is an active account with the role admin, which ``SHOPCORE_ADMIN_ADAPTER`` knows of.

    The user of a request is none as long as a guard withholds the role.
    """
    return is_signed_in(user) and admin_adapter().is_admin(user) and _withheld(user) is None


def withhold_role(user: Any, why: Callable[[], Refusal | None]) -> None:
    """Makes the role of ``user``, as this instance, depend on ``why``: it is asked once, if the role matters."""
    setattr(user, WITHHELD, cache(why))


def _withheld(user: Any) -> Refusal | None:
    why = getattr(user, WITHHELD, None)
    return None if why is None else why()


def refusal_of(user: Any) -> Refusal | None:
    """Why the role of ``user`` is withheld; ``None`` for somebody who does not have it, or has it undoubted."""
    return _withheld(user) if is_signed_in(user) and admin_adapter().is_admin(user) else None


def active_admins() -> Q:
    """The condition on the user model for those of whom ``is_admin`` is true. It finds nobody twice."""
    asked = admin_adapter()
    condition = asked.admins() & (Q(is_active=True) if column("is_active") else Q())
    if asked.column() is not None:
        return condition
    return Q(pk__in=fresh_users().filter(condition).values("pk"))  # it may look into tables with several rows a user


def is_signed_in(user: Any) -> bool:
    """Whether ``user`` is an active account; ``None`` and anonymous users are not."""
    return user is not None and bool(user.is_authenticated) and bool(user.is_active)


@dataclass(frozen=True)
class Policy:
    """A named rule about the caller. ``allows(user)`` gets the request's user, which may be ``None``."""

    name: str
    allows: Callable[[Any], bool]


ANYONE = Policy("anyone", lambda user: True)
SIGNED_IN = Policy("signed_in", is_signed_in)
ADMIN = Policy("admin", is_admin)

Rules = Mapping[str, Policy]


def policy_for(rules: Rules | None, action: str | None) -> Policy | None:
    """The policy a view declares for ``action``: a viewset's action or a lower-case method."""
    return (rules or {}).get(action or "")
