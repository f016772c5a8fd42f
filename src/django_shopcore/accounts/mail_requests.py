"""Wishes for a mail with a link. None looks whether there is such an account: that is for the worker to find out."""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from django_shopcore.core.limits import first_in
from django_shopcore.core.users import user_model
from django_shopcore.core.writes import atomic_write

from . import signals
from .conf import app_settings
from .services import check_password


def request_password_reset(email: str) -> None:
    """Sends ``password_reset_requested``, unless somebody has just asked for the same."""
    _ask(signals.password_reset_requested, "password_reset", email, email=email)


def request_verification(email: str) -> None:
    """Sends ``email_verification_requested``, unless somebody has just asked for the same."""
    _ask(signals.email_verification_requested, "email_verification", email, email=email)


def request_email_change(user: Any, *, password: str, new_email: str) -> None:
    """Sends ``email_change_requested``, unless somebody has just asked for the same.

    Raises ``InvalidInput`` on ``password`` when that is wrong.
    """
    check_password(user, password, "password")
    _ask(signals.email_change_requested, "email_change", new_email, user=user, new_email=new_email)


def _ask(signal: Signal, purpose: str, address: str, /, **event: Any) -> None:
    with atomic_write(user_model()):
        if first_in(f"accounts:{purpose}:{address}", app_settings.MAIL_COOLDOWN):
            signal.send(sender=user_model(), **event)
