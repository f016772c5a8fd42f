"""What the second factor holds on a person, for ``core.personal_data``. All of it goes with the user."""

from __future__ import annotations

from typing import Any

from django.db import router

from django_shopcore.core import personal_data
from django_shopcore.core.personal_data import Person

from .models import Challenge, Passkey, RecoveryCode, TotpDevice


def register() -> None:
    models = [model._meta.label for model in (TotpDevice, Passkey, RecoveryCode, Challenge)]
    personal_data.register("second_factors", export=_factors, erase=None, models=models)


def _factors(person: Person) -> dict[str, Any]:
    """Which there are and when they were used; nothing of what proves them."""

    def rows(model: Any, *names: str) -> list[dict[str, Any]]:
        return list(model.objects.using(router.db_for_write(model)).filter(user=person.key).values(*names))

    return {
        "totp": rows(TotpDevice, "enabled_at", "last_used_at"),
        "passkeys": rows(Passkey, "name", "created_at", "last_used_at"),
        "recovery_codes": rows(RecoveryCode, "created_at", "used_at"),
    }
