"""Users of the site's model: ours, Django's or another."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured

from django_shopcore.core.users import ADMIN, column, email_column, user_model

PASSWORD = "correct horse battery staple"  # noqa: S105 - of users that live as long as a test

_numbers = count()


def make_user(*, admin: bool = False, password: str | None = PASSWORD, **columns: Any) -> Any:
    """A saved user of the site's model.

    ``admin``: with the role admin. ``password``: None for one that cannot be used. ``columns``: further columns of the
    model; ``email`` is its e-mail field, whatever that is called. Columns that the model does not have are left out
    where they are ours (``first_name``, ``last_name``). Raises ``ImproperlyConfigured`` for an admin of a model
    without such a role.
    """
    user = new_user(admin=admin, password=password, **columns)
    user.save()
    return user


def new_user(*, admin: bool = False, password: str | None = PASSWORD, **columns: Any) -> Any:
    """The same, not saved."""
    model = user_model()
    email = columns.pop("email", None) or new_address("admin" if admin else "customer")
    values = {**_names(columns), **columns}
    if admin:
        values = {**_role(), **values}
    if _has_field(email_column()):
        values.setdefault(email_column(), email)
    values.setdefault(model.USERNAME_FIELD, email)
    user = model(**values)
    user.set_password(password)
    return user


def new_address(role: str) -> str:
    """An address that no other user of these tests has."""
    return f"{role}{next(_numbers)}@example.com"


def _names(columns: dict[str, Any]) -> dict[str, str]:
    given = {"first_name": "Ada", "last_name": "Lovelace"}
    wanted = {name: columns.pop(name, default) for name, default in given.items()}
    return {name: value for name, value in wanted.items() if column(name)}


def _role() -> dict[str, bool]:
    # A model may have both: one is the role in the API, the other opens the Django admin.
    role = {name: True for name in ADMIN if column(name)}
    if not role:
        raise ImproperlyConfigured(
            f"AUTH_USER_MODEL has no column {' or '.join(ADMIN)}: make an admin of yours, and give it to as_user()."
        )
    return role


def _has_field(name: str) -> bool:
    try:
        user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
