from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_shopcore.accounts.users import users_with_email
from django_shopcore.mfa import services


class Command(BaseCommand):
    help = (
        "Removes every second factor of a user who has lost the device and the recovery codes, and ends all sessions. "
        "Make sure that it is really that person who asks."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        found = users_with_email(options["email"])
        if len(found) != 1:
            raise CommandError(f"{len(found) or 'No'} users have the address {options['email']}.")
        if services.reset(found[0]):
            self.stdout.write(f"{options['email']} signs in by the password alone now.")
        else:
            self.stdout.write(f"{options['email']} has no second factor.")
