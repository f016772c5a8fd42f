"""Users of whatever model the project at hand has, by their role."""

from __future__ import annotations

from typing import Any

from django_shopcore import testing
from django_shopcore.testing import PASSWORD

__all__ = ["PASSWORD", "make_user"]


def make_user(*, admin: bool = False, active: bool = True) -> Any:
    """A saved user with ``PASSWORD``."""
    return testing.make_user(admin=admin, is_active=active)
