from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_shopcore.mfa import encryption
from django_shopcore.mfa.models import TotpDevice


class Command(BaseCommand):
    help = (
        "Encrypts the secrets of authenticator apps with the present SECRET_KEY. Run it after a change of the key, "
        "before the old one leaves SECRET_KEY_FALLBACKS."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        renewed = lost = 0
        for device in TotpDevice.objects.fresh().active().select_related("user").iterator():
            if encryption.decrypt(device.user, device.secret) is None:
                lost += 1
                continue
            secret = encryption.renewed(device.secret)
            if secret != device.secret:
                renewed += TotpDevice.objects.fresh().filter(pk=device.pk, secret=device.secret).update(secret=secret)
        self.stdout.write(f"{renewed} encrypted anew.")
        if lost:
            raise CommandError(f"{lost} cannot be decrypted: their key is gone. Those users need shopcore_mfa_reset.")
