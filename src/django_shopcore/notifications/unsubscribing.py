"""Turning mails off by a link, without a sign-in (RFC 8058)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.urls import NoReverseMatch, reverse

from django_shopcore.core.links import site_url

from .conf import app_settings
from .kinds import NotificationKind

SALT = "django_shopcore.notifications.unsubscribe"
ROUTE = "shopcore:notification-unsubscribe"


def unsubscribe_url(kind: NotificationKind, user: Any, address: str) -> str:
    """The link for one recipient and kind; ``""`` in a site that has no such route."""
    base = app_settings.UNSUBSCRIBE_URL
    if not base:
        try:
            base = f"{site_url()}{reverse(ROUTE)}"
        except NoReverseMatch:
            return ""
    return f"{base}?{urlencode({'token': make_token(kind.name, user, address)})}"


def make_token(kind: str, user: Any, address: str) -> str:
    recipient = {"u": str(user.pk)} if user is not None else {"a": address}
    return signing.dumps({"k": kind, **recipient}, salt=SALT)


def read_token(token: str) -> dict[str, str]:
    """``k``, the kind, with ``u``, a user's key, or ``a``, an address. Raises ``BadSignature``."""
    content: dict[str, str] = signing.loads(token, salt=SALT)
    return content
