"""Users of whatever model the project at hand has, by their role."""

from __future__ import annotations

from typing import Any

from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory, demote

__all__ = ["PASSWORD", "demote", "make_user"]


def make_user(*, admin: bool = False, active: bool = True, **columns: Any) -> Any:
    """A saved user with ``PASSWORD``."""
    return (AdminFactory if admin else UserFactory).create(is_active=active, **columns)
