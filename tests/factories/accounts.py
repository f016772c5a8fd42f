"""Users of whatever model the project at hand has: the library's own factories, and the role wherever it is kept."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from django_shopcore import testing
from django_shopcore.testing import PASSWORD, UserFactory

__all__ = ["PASSWORD", "AdminFactory", "UserFactory", "demote", "has_role", "promote"]

HAS_ROLE_COLUMN = settings.AUTH_USER_MODEL != "members.Member"


class AdminFactory(testing.AdminFactory):
    """Somebody with the role admin."""

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        if HAS_ROLE_COLUMN:
            return super()._create(model_class, *args, **kwargs)
        user = super()._create(model_class, *args, **kwargs | {"admin": False})
        for shop in ("one", "two"):  # twice, to find whoever counts rows instead of people
            user.ownerships.create(shop=shop)
        return user


def has_role(user: Any) -> bool:
    """Whether ``user`` has the role admin, read from where the site keeps it."""
    return bool(user.is_staff) if HAS_ROLE_COLUMN else bool(user.ownerships.exists())


def promote(user: Any) -> None:
    """Gives ``user`` the role admin, as the site would."""
    if HAS_ROLE_COLUMN:
        user.is_staff = True
        user.save()
    else:
        user.ownerships.create(shop="one")


def demote(user: Any) -> None:
    """Takes the role admin from ``user``, as the site would."""
    if HAS_ROLE_COLUMN:
        user.is_staff = False
        user.save()
    else:
        user.ownerships.all().delete()
