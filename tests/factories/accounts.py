"""Users of the site's model: ours, Django's or another."""

from __future__ import annotations

from typing import Any

import factory
from django.conf import settings
from factory.django import DjangoModelFactory

PASSWORD = "correct horse battery staple"


class UserFactory(DjangoModelFactory[Any]):
    """A customer with ``PASSWORD``, unless it is given another ``password``."""

    class Meta:
        # A label: factory-boy finds the model when the first row is made.
        model = settings.AUTH_USER_MODEL

    email = factory.Sequence(lambda number: f"customer{number}@example.com")
    first_name = "Ada"
    last_name = "Lovelace"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        password = kwargs.pop("password", PASSWORD)
        if model_class.USERNAME_FIELD not in kwargs:
            kwargs[model_class.USERNAME_FIELD] = f"name of {kwargs['email']}"
        columns = {field.name for field in model_class._meta.concrete_fields}
        for name in {"first_name", "last_name"} - columns:
            kwargs.pop(name, None)
        user = model_class(*args, **kwargs)
        user.set_password(password)
        user.save()
        return user


class AdminFactory(UserFactory):
    """Somebody with the role admin."""

    email = factory.Sequence(lambda number: f"admin{number}@example.com")
    is_staff = True
