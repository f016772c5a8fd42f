"""Who may call what: every view of ours declares a policy for each of its actions, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from .adapters import admin_adapter
from .users import column, fresh_users


def is_admin(user: Any) -> bool:
    """Whether ``user`` is an active account with the role admin, which ``SHOPCORE_ADMIN_ADAPTER`` knows of."""
    return is_signed_in(user) and admin_adapter().is_admin(user)


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
