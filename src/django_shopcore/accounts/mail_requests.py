"""Wishes for a mail with a link. None looks whether there is such an account: that is for the worker to find out."""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from django_shopcore.core.limits import count_request, first_in, lift
from django_shopcore.core.users import email_of, user_model
from django_shopcore.core.writes import atomic_write

from . import limits, signals
from .addresses import normalise_email
from .conf import app_settings
from .services import check_password


def request_password_reset(email: str) -> None:
    """Sends ``password_reset_requested``, unless that has just been asked for, or too often."""
    _ask_for_link(signals.password_reset_requested, "password_reset", email)


def request_verification(email: str) -> None:
    """Sends ``email_verification_requested``, unless that has just been asked for, or too often."""
    _ask_for_link(signals.email_verification_requested, "email_verification", email)


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


def _ask_for_link(signal: Signal, purpose: str, address: str) -> None:
    """Whoever has asked, the link goes to the owner of the address: one who gets no more has one that works."""
    with atomic_write(user_model()):
        if first_in(f"accounts:{purpose}:{address}", app_settings.MAIL_COOLDOWN):
            usage = count_request(limits.ADDRESS_MAIL, f"{purpose}:{address}")
            if usage is None or not usage.exceeded:
                signal.send(sender=user_model(), email=address)


def allow_resets(user: Any, **kwargs: Any) -> None:
    """Forgets how often a reset was asked for: a new password has made the links useless."""
    lift(limits.ADDRESS_MAIL, f"password_reset:{normalise_email(email_of(user))}")
