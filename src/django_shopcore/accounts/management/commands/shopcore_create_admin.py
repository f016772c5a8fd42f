from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from django_shopcore.accounts import passwords
from django_shopcore.accounts.addresses import normalise_email, validate_address
from django_shopcore.accounts.users import VERIFIED, new_user, users_with_email
from django_shopcore.core.adapters import admin_adapter
from django_shopcore.core.conf import CoreSettings
from django_shopcore.core.errors import Conflict
from django_shopcore.core.users import column, user_model
from django_shopcore.core.writes import atomic_write

PASSWORD_VARIABLE = "DJANGO_SUPERUSER_PASSWORD"  # noqa: S105 - a name


class Command(BaseCommand):
    help = (
        "Makes an admin, or makes an existing user one, without questions. An existing user keeps the password "
        "unless another one is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--password", help=f"Better in the environment as {PASSWORD_VARIABLE}, where other users cannot see it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        email = normalise_email(options["email"])
        password = options["password"] or os.environ.get(PASSWORD_VARIABLE) or None
        try:
            validate_address(options["email"].strip())
        except ValidationError as exc:
            raise CommandError(f"--email {options['email']!r}: {' '.join(exc.messages)}") from None
        found = users_with_email(email)
        if len(found) > 1:
            raise CommandError(f"{len(found)} users have the address {email}.")
        if not found and password is None:
            raise CommandError(f"A new admin needs a password: --password or {PASSWORD_VARIABLE}.")
        user = found[0] if found else new_user(email=email)
        self._set_password(user, password)
        self._promote(user)
        try:
            with atomic_write(user_model()):
                user.save()
        except Conflict as exc:
            raise CommandError(str(exc.detail)) from exc
        self.stdout.write(f"{email} {'is now' if found else 'was made'} an admin.")

    def _set_password(self, user: Any, password: str | None) -> None:
        # The same password again is not hashed anew: that would end the user's sessions.
        if password is None or (not user._state.adding and passwords.check_password(user, password)):
            return
        try:
            passwords.validate(password, user)
        except ValidationError as exc:
            raise CommandError(f"The password is not good enough: {' '.join(exc.messages)}") from None
        passwords.set_password(user, password)

    def _promote(self, user: Any) -> None:
        admin = admin_adapter().column()
        if admin is None:
            path, model = CoreSettings.ADMIN_ADAPTER.value(), user_model()._meta.label
            raise CommandError(f"{path} knows of no column of {model} that makes somebody an admin.")
        for name in (admin, "is_staff", "is_superuser", "is_active", VERIFIED):
            if column(name):
                setattr(user, name, True)
