"""Who may call what: every view of ours declares a policy for each of its actions, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


def is_admin(user: Any) -> bool:
    """Whether ``user`` has the role admin: active, and ``is_admin`` (or, without such a field, ``is_staff``)."""
    if not is_signed_in(user):
        return False
    return bool(getattr(user, "is_admin", getattr(user, "is_staff", False)))


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
