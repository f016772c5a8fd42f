"""The people who call, with real credentials, and the rows that paths lead to."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from tests.core.routes import Route
from tests.users import PASSWORD, demote, make_user

HAS_CATALOG = apps.is_installed("django_shopcore.catalog")
HAS_ACCOUNTS = apps.is_installed("django_shopcore.accounts")
HAS_AUDIT = apps.is_installed("django_shopcore.audit")
HAS_MFA = apps.is_installed("django_shopcore.mfa")
HAS_NOTIFICATIONS = apps.is_installed("django_shopcore.notifications")


def signed_in(user: Any) -> APIClient:
    """A client with real credentials: a token of ours, or what the host's own sign-in takes."""
    client = APIClient()
    if HAS_ACCOUNTS:
        from tests.accounts.clients import tokens_of

        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens_of(user).access}")
    else:
        pair = base64.b64encode(f"{user.get_username()}:{PASSWORD}".encode()).decode()
        client.credentials(HTTP_AUTHORIZATION=f"Basic {pair}")
    return client


def deactivated(user: Any) -> APIClient:
    client = signed_in(user)
    user.is_active = False
    user.save()
    return client


def demoted(user: Any) -> APIClient:
    client = signed_in(user)
    demote(user)
    return client


def superuser(user: Any) -> APIClient:
    """Somebody who may do everything in the Django admin but lacks the role admin."""
    user.is_superuser = True
    user.save()
    return signed_in(user)


def deleted(user: Any) -> APIClient:
    client = signed_in(user)
    user.delete()
    return client


def signed_out(user: Any) -> APIClient:
    client = signed_in(user)
    if HAS_ACCOUNTS:
        assert client.post("/api/v1/auth/logout/").status_code == 204
    else:
        client.credentials(HTTP_AUTHORIZATION="Basic bm9ib2R5OndpdGggbm8gcGFzc3dvcmQ=")
    return client


@dataclass
class Callers:
    """The people of a test; somebody owns what the paths lead to."""

    owner: Any

    def all(self) -> dict[str, APIClient]:
        return {
            "anonymous": APIClient(),
            "owner": signed_in(self.owner),
            "customer": signed_in(make_user()),
            "admin": signed_in(make_user(admin=True)),
            "deactivated": deactivated(make_user(admin=True)),
            "deleted": deleted(make_user(admin=True)),
            "signed out": signed_out(make_user(admin=True)),
            "demoted": demoted(make_user(admin=True)),
            "superuser": superuser(make_user()),
        }


def key_for(route: Route, owner: Any) -> Any:
    """The key of a row that the route leads to, made for this request."""
    if "{id}" not in route.path:
        return None
    if route.path.startswith("auth/mfa/"):
        return _passkey_of(owner).pk
    makers: dict[str, Callable[[], Any]] = {"auth": lambda: _session_of(owner), "users": make_user}
    if HAS_CATALOG:
        from tests.factories.catalog import CategoryFactory, ProductFactory

        makers |= {"products": ProductFactory.create, "categories": CategoryFactory.create}
    if HAS_NOTIFICATIONS:
        from tests.factories.notifications import NotificationFactory

        makers["notifications"] = lambda: NotificationFactory.create(user=owner)
    return makers[route.path.partition("/")[0]]().pk


def _session_of(owner: Any) -> Any:
    from tests.accounts.clients import session_of, tokens_of

    return session_of(tokens_of(owner))


def _passkey_of(owner: Any) -> Any:
    from django_shopcore.mfa.models import Passkey

    number = Passkey.objects.count()
    return Passkey.objects.create(user=owner, name="phone", credential_id=f"key-{number}", public_key=b"key")


def everything() -> list[Any]:
    """All rows that a request could change, to see whether one did."""
    labels = [get_user_model()._meta.label]
    if HAS_CATALOG:
        from django_shopcore.catalog import get_category_model, get_product_model

        labels += [get_product_model()._meta.label, get_category_model()._meta.label]
    if HAS_ACCOUNTS:
        labels.append("shopcore_accounts.Session")
    if HAS_MFA:
        labels += [f"shopcore_mfa.{name}" for name in ("TotpDevice", "Passkey", "RecoveryCode", "Challenge")]
    if HAS_NOTIFICATIONS:
        labels += [f"shopcore_notifications.{name}" for name in ("Notification", "Preferences", "OptOut")]
    return [list(apps.get_model(label)._default_manager.order_by("pk").values()) for label in labels]
