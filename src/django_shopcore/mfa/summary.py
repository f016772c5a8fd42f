"""What an account has of second factors, for its owner."""

from __future__ import annotations

from typing import Any

from django_shopcore.core.adapters import admin_adapter

from . import recovery
from .conf import app_settings
from .models import Passkey, TotpDevice


def of(user: Any) -> dict[str, Any]:
    """The members of the answer to ``GET auth/mfa/``."""
    totp = TotpDevice.objects.fresh().active().filter(user=user).first()
    passkeys = list(Passkey.objects.fresh().filter(user=user).order_by("created_at", "pk"))
    return {
        "enabled": totp is not None or bool(passkeys),
        "required": app_settings.REQUIRED_FOR_ADMINS and admin_adapter().is_admin(user),
        "totp": totp,
        "passkeys": passkeys,
        "recovery_codes_left": recovery.codes_left(user),
    }
