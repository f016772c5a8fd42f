"""Finding and making users by their e-mail address, whatever the site's user model is.

All that is asked of it is an e-mail field; what else it lacks is blank, false or null to a client.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet

from django_shopcore.core.adapters import admin_adapter
from django_shopcore.core.users import column, email_column, fresh_users, user_model

from .abstract_models import AbstractUser
from .addresses import normalise_email

CREATED = ("created_at", "date_joined")
VERIFIED = "email_verified"
ROLE = "shopcore_is_admin"  # an annotation


def all_users() -> QuerySet[Any]:
    """All users; where the role is no column, each with ``ROLE``, so that a list asks the adapter once."""
    users: QuerySet[Any] = user_model()._default_manager.all()
    if admin_adapter().column() is not None:
        return users
    admins = users.filter(admin_adapter().admins(), pk=OuterRef("pk"))
    annotated: QuerySet[Any] = users.annotate(**{ROLE: Exists(admins)})
    return annotated


def users_with_email(email: str) -> list[Any]:
    """The users with this address in any case; more than one where the host's model allows it."""
    wanted, name = normalise_email(email), email_column()
    if issubclass(user_model(), AbstractUser):
        return list(fresh_users().filter(email=wanted))
    # Databases fold the case of other letters than Python does: what is the same address is said here.
    found = fresh_users().filter(**{f"{name}__iexact": wanted})
    return [user for user in found if normalise_email(getattr(user, name)) == wanted]


def the_active_one(users: Iterable[Any]) -> Any:
    """The active one of ``users`` who share an address; ``None`` where there is none, or more than one."""
    active = [user for user in users if user.is_active]
    return active[0] if len(active) == 1 else None


def is_unverified(user: Any) -> bool:
    """Whether the owner has still to prove that the address is theirs; never where the model cannot say."""
    return column(VERIFIED) is not None and not getattr(user, VERIFIED)


def new_user(*, email: str, first_name: str = "", last_name: str = "") -> Any:
    """An unsaved user without a password. ``email`` is normalised."""
    user = sketch(email=email, first_name=first_name, last_name=last_name)
    if email_column() != user.USERNAME_FIELD:
        setattr(user, user.USERNAME_FIELD, _username_for(email))
    return user


def sketch(*, email: str, first_name: str = "", last_name: str = "") -> Any:
    """A user to check a password against, made without a look at the database; it has no user name yet."""
    user = user_model()()
    setattr(user, email_column(), email)
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
