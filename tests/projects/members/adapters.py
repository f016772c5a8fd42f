from typing import Any

from django.db.models import Q

from django_shopcore.core.adapters import AdminAdapter


class OwnersAreAdmins(AdminAdapter):
    """The people who own a shop run it. An owner of two shops has two rows."""

    def is_admin(self, user: Any) -> bool:
        return bool(user.ownerships.exists())

    def admins(self) -> Q:
        return Q(ownerships__isnull=False)
