"""The site's user model, read in one way whatever it is: ours, Django's or the host's own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, router

# Names of a column in the order of preference; the first is also the name in the API.
ADMIN = ("is_admin", "is_staff")


def user_model() -> Any:
    return get_user_model()


def column(*names: str) -> str | None:
    """The first of ``names`` that is a column of the user model."""
    concrete = {field.name for field in user_model()._meta.concrete_fields}
    return next((name for name in names if name in concrete), None)


def email_column() -> str:
    return str(user_model().get_email_field_name())


def email_of(user: Any) -> str:
    """The user's address, or ``""`` where there is none."""
    return str(getattr(user, email_column(), "") or "")


def fresh_users() -> models.QuerySet[Any]:
    """All users, from the database that is written to: a replica may not know the latest yet."""
    queryset: models.QuerySet[Any] = user_model()._default_manager.using(router.db_for_write(user_model()))
    return queryset
