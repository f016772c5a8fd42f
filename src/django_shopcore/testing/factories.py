"""Users by factory-boy, of the site's model."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from ._factory_boy import DjangoModelFactory, factory
from .users import make_user, new_address, new_user


class UserFactory(DjangoModelFactory[Any]):
    """A customer with ``PASSWORD``, unless it is given another ``password``."""

    class Meta:
        model = settings.AUTH_USER_MODEL

    email = factory.LazyFunction(lambda: new_address("customer"))
    first_name = "Ada"
    last_name = "Lovelace"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return make_user(**kwargs)

    @classmethod
    def _build(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return new_user(**kwargs)


class AdminFactory(UserFactory):
    """Somebody with the role admin."""

    email = factory.LazyFunction(lambda: new_address("admin"))
    admin = True
