"""Turning mails off by a link, without a sign-in (RFC 8058)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.urls import NoReverseMatch, reverse

from django_shopcore.core.adapters import Link as MailLink
from django_shopcore.core.adapters import link_adapter
from django_shopcore.core.keys import parse_key
from django_shopcore.core.links import site_url
from django_shopcore.core.users import user_model

from .conf import app_settings
from .kinds import NotificationKind, kind_named

SALT = "django_shopcore.notifications.unsubscribe"
ROUTE = "shopcore:notification-unsubscribe"


@dataclass(frozen=True)
class Link:
    """What a token says: the name of a kind, and a user's key as text, or an address without an account."""

    kind_name: str
    user: str = ""
    address: str = ""

    @property
    def kind(self) -> NotificationKind | None:
        """``None`` when its feature has been uninstalled."""
        return kind_named(self.kind_name)

    @property
    def user_key(self) -> Any:
        return parse_key(user_model(), self.user) if self.user else None


def unsubscribe_url(kind: NotificationKind, user: Any, address: str, language: str) -> str:
    """The link for one recipient and kind; ``""`` in a site that has no such route."""
    base = app_settings.UNSUBSCRIBE_URL
    if not base:
        try:
            base = f"{site_url()}{reverse(ROUTE)}"
        except NoReverseMatch:
            return ""
    query = {"token": make_token(kind.name, user, address)}
    return link_adapter().url(MailLink("unsubscribe", base, query, user, address, language))


def make_token(kind: str, user: Any, address: str) -> str:
    recipient = {"u": str(user.pk)} if user is not None else {"a": address}
    return signing.dumps({"k": kind, **recipient}, salt=SALT)


def read_token(token: str) -> Link:
    """Raises ``BadSignature`` for a token that is not ours, or of mails that cannot be turned off."""
    content = signing.loads(token, salt=SALT)
    link = Link(content["k"], content.get("u", ""), content.get("a", ""))
    if link.kind is not None and link.kind.security:
        raise signing.BadSignature("Security mail cannot be turned off.")
    return link
