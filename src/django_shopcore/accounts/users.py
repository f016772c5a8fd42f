"""The site's user model, read in one way whatever it is: ours, Django's or the host's own.

All that is asked of it is an e-mail field; what else it lacks is blank, false or null to a client.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models, router
from django.db.models import Q

from .abstract_models import AbstractUser
from .addresses import normalise_email

# Names of a column in the order of preference; the first is also the name in the API.
ADMIN = ("is_admin", "is_staff")
CREATED = ("created_at", "date_joined")


def user_model() -> Any:
    return get_user_model()


def email_column() -> str:
    return str(user_model().get_email_field_name())


def column(*names: str) -> str | None:
    """The first of ``names`` that is a column of the user model."""
    concrete = {field.name for field in user_model()._meta.concrete_fields}
    return next((name for name in names if name in concrete), None)


def fresh_users() -> models.QuerySet[Any]:
    """All users, from the database that is written to: a replica may not know the latest yet."""
    queryset: models.QuerySet[Any] = user_model()._default_manager.using(router.db_for_write(user_model()))
    return queryset


def users_with_email(email: str) -> list[Any]:
    """The users with this address in any case; more than one where the host's model allows it."""
    wanted, name = normalise_email(email), email_column()
    if issubclass(user_model(), AbstractUser):
        return list(fresh_users().filter(email=wanted))
    # Databases fold the case of other letters than Python does: what is the same address is said here.
    found = fresh_users().filter(**{f"{name}__iexact": wanted})
    return [user for user in found if normalise_email(getattr(user, name)) == wanted]


def active_admins() -> Q:
    """The condition for active admins; true of nobody where the model has no such column."""
    admin, active = column(*ADMIN), column("is_active")
    if admin is None:
        return Q(pk__in=[])
    return Q(**{admin: True}) & (Q(is_active=True) if active else Q())


def new_user(*, email: str, first_name: str = "", last_name: str = "") -> Any:
    """An unsaved user without a password. ``email`` is normalised."""
    model = user_model()
    user = model()
    setattr(user, email_column(), email)
    if email_column() != model.USERNAME_FIELD:
        setattr(user, model.USERNAME_FIELD, _username_for(email))
    for name, value in (("first_name", first_name), ("last_name", last_name)):
        if column(name):
            setattr(user, name, value)
    return user


def _username_for(email: str) -> str:
    """The address where it can be a user name; otherwise a name that is the same for every try with it.

    So the unique user name is the referee where e-mail addresses are not unique in the database.
    """
    name = user_model().USERNAME_FIELD
    field = user_model()._meta.get_field(name)
    try:
        field.run_validators(email)
        taken = fresh_users().filter(**{name: email}).exists()
    except ValidationError:
        taken = True
    return uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{email}").hex[: field.max_length] if taken else email
