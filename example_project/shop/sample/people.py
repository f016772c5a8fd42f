"""The demo's two accounts. Their passwords are in this public file, so they are for ``DEBUG`` only."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth import get_user_model


class Person(NamedTuple):
    email: str
    password: str


ADMIN = Person("admin@example.com", "shopcore-demo-2026")
CUSTOMER = Person("customer@example.com", "just-looking-2026")


def create_people() -> None:
    """Makes the accounts that are missing; one that is there stays as it is."""
    manager = get_user_model()._default_manager
    present = set(manager.filter(email__in=[ADMIN.email, CUSTOMER.email]).values_list("email", flat=True))
    for person, create in ((ADMIN, manager.create_superuser), (CUSTOMER, manager.create_user)):
        if person.email not in present:
            create(email=person.email, password=person.password, email_verified=True)
