"""Registering where an address has to be confirmed before there is an account."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Any

from django.db import models, router
from django.utils import timezone

from django_shopcore.core.limits import count_request
from django_shopcore.core.locking import lock_rows
from django_shopcore.core.users import column, email_of, user_model
from django_shopcore.core.writes import atomic_write

from . import limits, link_tokens, services, signals
from .conf import app_settings
from .exceptions import address_taken, invalid_link
from .models import PendingRegistration
from .users import VERIFIED, new_user, users_with_email

LATEST_MAIL = datetime.timedelta(days=7)


def request(sketch: Any) -> None:
    """Keeps what ``sketch``, an unsaved user with a password, asks for, and sends ``registration_requested``.

    It does the same whether or not the address is taken. An address that has had its share of mails gets no
    more: the link of an earlier one still works.
    """
    pending = PendingRegistration(
        email=email_of(sketch),
        password=sketch.password,
        first_name=getattr(sketch, "first_name", ""),
        last_name=getattr(sketch, "last_name", ""),
    )
    with atomic_write(PendingRegistration):
        pending.save(force_insert=True)
        usage = count_request(limits.REGISTRATION_MAIL, f"mail:{pending.email}")
        if usage is None or not usage.exceeded:
            signals.registration_requested.send(sender=user_model(), registration=pending)


def confirm(*, uid: str, token: str) -> None:
    """Makes the account that a link is for; sends ``user_registered`` and ``user_email_verified``.

    Raises ``InvalidInput``, also when the address has been taken meanwhile.
    """
    found = find(link_tokens.key_in(PendingRegistration, uid))
    if found is None:
        raise invalid_link()
    with atomic_write(PendingRegistration):
        # Those of the address are locked together: one of them becomes the account, and all go.
        rows = lock_rows(_pending().filter(email=found.email))
        pending = next((row for row in rows if row.pk == found.pk), None)
        if not link_tokens.registration.check_token(pending, token):
            raise invalid_link()
        _check_free(found.email)
        user = services.register(_account_of(found), recheck=lambda: _check_free(found.email))
        _pending().filter(email=found.email).delete()
        if column(VERIFIED):
            signals.user_email_verified.send(sender=type(user), user=user)


def _account_of(pending: PendingRegistration) -> Any:
    user = new_user(email=pending.email, first_name=pending.first_name, last_name=pending.last_name)
    user.password = pending.password
    if column(VERIFIED):
        setattr(user, VERIFIED, True)
    return user


def _check_free(email: str) -> None:
    if users_with_email(email):
        raise address_taken()


def latest_of(email: str) -> PendingRegistration | None:
    """The last registration of an address that may still be confirmed."""
    since = timezone.now() - datetime.timedelta(seconds=app_settings.EMAIL_LINK_TIMEOUT)
    return _pending().filter(email=email, created_at__gt=since).order_by("-created_at").first()


def find(key: Any) -> PendingRegistration | None:
    return _pending().filter(pk=key).first()


def pending_of(addresses: Collection[str]) -> models.QuerySet[PendingRegistration]:
    """The registrations of any of these normalised addresses."""
    return _pending().filter(email__in=addresses)


def forget(addresses: Collection[str]) -> int:
    """Deletes the registrations of these addresses; returns how many."""
    return int(pending_of(addresses).delete()[0])


def _pending() -> models.QuerySet[PendingRegistration]:
    """All, from the database that is written to."""
    return PendingRegistration.objects.using(router.db_for_write(PendingRegistration))


def prune() -> int:
    """Deletes registrations whose links have all expired; returns how many.

    The link is made when the mail goes out, which may be late, and may be sent again as late as it lives.
    """
    lifetime = datetime.timedelta(seconds=app_settings.EMAIL_LINK_TIMEOUT)
    before = timezone.now() - 2 * lifetime - LATEST_MAIL
    return int(_pending().filter(created_at__lt=before).delete()[0])
