"""Every route, every method, every kind of caller: what the contract's tables say, and nothing besides.

The routes are those of the URLconf. One that the table below does not know fails the test.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from tests.core.routes import METHODS, Route, routes
from tests.problems import problem_of
from tests.users import PASSWORD, demote, make_user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects("full", "catalog_only", "accounts_only", "host_user", "email_user", "uuid_user", "swapped"),
]

# public: everybody, and no credentials are looked at; all: everybody; own: the owner, others see nothing of it.
PUBLIC, ALL, SIGNED_IN, ADMIN, OWN = "public", "all", "signed in", "admin", "own"
READ_ALL = {"GET": ALL, "POST": ADMIN}
ONE = {"GET": ALL, "PUT": ADMIN, "PATCH": ADMIN, "DELETE": ADMIN}
TABLE = {
    "products/": READ_ALL,
    "products/{id}/": ONE,
    "products/bulk/": {"POST": ADMIN},
    "products/export/": {"GET": ADMIN},
    "products/import/": {"POST": ADMIN},
    "products/facets/": {"GET": ALL},
    "categories/": READ_ALL,
    "categories/{id}/": ONE,
    "categories/tree/": {"GET": ALL},
    "auth/register/": {"POST": PUBLIC},
    "auth/login/": {"POST": PUBLIC},
    "auth/refresh/": {"POST": PUBLIC},
    "auth/logout/": {"POST": SIGNED_IN},
    "auth/logout-all/": {"POST": SIGNED_IN},
    "auth/sessions/": {"GET": SIGNED_IN},
    "auth/sessions/{id}/": {"DELETE": OWN},
    "auth/me/": {"GET": SIGNED_IN, "PATCH": SIGNED_IN, "DELETE": SIGNED_IN},
    "auth/me/export/": {"GET": SIGNED_IN},
    "auth/me/delete/": {"POST": SIGNED_IN},
    "auth/password/change/": {"POST": SIGNED_IN},
    "auth/password/reset/": {"POST": PUBLIC},
    "auth/password/reset/confirm/": {"POST": PUBLIC},
    "auth/email/verify/": {"POST": PUBLIC},
    "auth/email/verify/resend/": {"POST": PUBLIC},
    "auth/email/change/": {"POST": SIGNED_IN},
    "auth/email/change/confirm/": {"POST": PUBLIC},
    "auth/mfa/": {"GET": SIGNED_IN},
    "auth/mfa/login/": {"POST": PUBLIC},
    "auth/mfa/login/options/": {"POST": PUBLIC},
    "auth/mfa/options/": {"POST": SIGNED_IN},
    "auth/mfa/totp/": {"POST": SIGNED_IN},
    "auth/mfa/totp/confirm/": {"POST": SIGNED_IN},
    "auth/mfa/totp/delete/": {"POST": SIGNED_IN},
    "auth/mfa/recovery-codes/": {"POST": SIGNED_IN},
    "auth/mfa/passkeys/": {"POST": SIGNED_IN},
    "auth/mfa/passkeys/options/": {"POST": SIGNED_IN},
    "auth/mfa/passkeys/{id}/delete/": {"POST": OWN},
    "users/": {"GET": ADMIN},
    "users/{id}/": {"GET": ADMIN, "PATCH": ADMIN},
    "notifications/": {"GET": SIGNED_IN},
    "notifications/{id}/": {"PATCH": OWN},
    "notifications/mark-all-seen/": {"POST": SIGNED_IN},
    "notifications/unseen-count/": {"GET": SIGNED_IN},
    "notifications/preferences/": {"GET": SIGNED_IN, "PATCH": SIGNED_IN},
    "notifications/unsubscribe/": {"GET": PUBLIC, "POST": PUBLIC},
    "audit/": {"GET": ADMIN},
}
HAS_CATALOG = apps.is_installed("django_shopcore.catalog")
HAS_ACCOUNTS = apps.is_installed("django_shopcore.accounts")
HAS_AUDIT = apps.is_installed("django_shopcore.audit")
HAS_MFA = apps.is_installed("django_shopcore.mfa")
HAS_NOTIFICATIONS = apps.is_installed("django_shopcore.notifications")
ROUTES = routes()


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
            "demoted": demoted(make_user(admin=True)),
        }


EXPECTED = {
    PUBLIC: dict.fromkeys(("anonymous", "owner", "customer", "admin", "deactivated", "demoted"), "answered"),
    ALL: {
        "anonymous": "answered",
        "owner": "answered",
        "customer": "answered",
        "admin": "answered",
        "deactivated": 401,
        "demoted": "answered",
    },
    SIGNED_IN: {
        "anonymous": 401,
        "owner": "answered",
        "customer": "answered",
        "admin": "answered",
        "deactivated": 401,
        "demoted": "answered",
    },
    ADMIN: {
        "anonymous": 401,
        "owner": 403,
        "customer": 403,
        "admin": "answered",
        "deactivated": 401,
        "demoted": 403,
    },
    OWN: {
        "anonymous": 401,
        "owner": "answered",
        "customer": 404,
        "admin": 404,
        "deactivated": 401,
        "demoted": 404,
    },
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


def test_every_route_is_in_the_table() -> None:
    installed = {
        "products": HAS_CATALOG,
        "categories": HAS_CATALOG,
        "notifications": HAS_NOTIFICATIONS,
        "audit": HAS_AUDIT,
    }
    expected = {
        path: set(methods) for path, methods in TABLE.items() if installed.get(path.partition("/")[0], HAS_ACCOUNTS)
    }
    if not HAS_MFA:
        expected = {path: methods for path, methods in expected.items() if not path.startswith("auth/mfa/")}
    assert {route.path: set(route.methods) for route in ROUTES} == expected


@pytest.mark.parametrize(
    ("route", "method"),
    [(route, method) for route in ROUTES for method in METHODS if method in route.methods],
    ids=lambda value: value.path if isinstance(value, Route) else value,
)
def test_who_may(route: Route, method: str) -> None:
    owner = make_user()
    answers = {}
    for name, client in Callers(owner).all().items():
        url = route.url(key_for(route, owner))
        before = everything()
        response = client.generic(method, url, "{}", content_type="application/json")
        status = response.status_code
        if status in (401, 403, 404):
            problem_of(response)
            assert everything() == before, f"{name} was refused, and something changed"
        if status == 401:
            assert response["WWW-Authenticate"] == "Bearer"
        answers[name] = status if status in (401, 403, 404, 405) or status >= 429 else "answered"
    assert answers == EXPECTED[TABLE[route.path][method]]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_any_other_method_is_405_for_everybody(route: Route) -> None:
    owner = make_user()
    callers = Callers(owner).all()
    url = route.url(key_for(route, owner))
    before = everything()
    for name, client in callers.items():
        for method in {*METHODS, "TRACE", "PURGE"} - route.methods:
            response = client.generic(method, url, "{}", content_type="application/json")
            assert problem_of(response) == (405, "method_not_allowed"), f"{name} {method}"
            heads = {"HEAD"} if "GET" in route.methods else set()
            assert set(response["Allow"].split(", ")) == route.methods | heads | {"OPTIONS"}
    assert everything() == before


@pytest.mark.parametrize("header", ["Bearer", "Bearer nonsense", "Bearer a.b.c", "Bearer a b"])
@pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user", "swapped")
def test_bad_credentials_are_401_also_where_none_are_needed(header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    for route in ROUTES:
        for method in route.methods:
            response = client.generic(method, route.url(1), "{}", content_type="application/json")
            if TABLE[route.path][method] == PUBLIC:
                assert response.status_code in (400, 401)
            else:
                assert problem_of(response)[0] == 401, (method, route.path)
                assert response["WWW-Authenticate"] == "Bearer"
