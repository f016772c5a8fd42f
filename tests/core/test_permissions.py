"""Every route, every method, every kind of caller: what the contract's tables say, and nothing besides.

The routes are those of the URLconf. One that the table below does not know fails the test.
"""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.core.callers import (
    HAS_ACCOUNTS,
    HAS_AUDIT,
    HAS_CATALOG,
    HAS_MFA,
    HAS_NOTIFICATIONS,
    Callers,
    everything,
    key_for,
)
from tests.core.routes import METHODS, Route, routes
from tests.problems import problem_of
from tests.users import make_user

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
ROUTES = routes()

ANYBODY = ("anonymous", "owner", "customer", "admin", "demoted", "superuser")
GONE = ("deactivated", "deleted", "signed out")


def answers_by(policy: str) -> dict[str, int | str]:
    """What each of the callers is answered."""
    if policy == PUBLIC:
        return dict.fromkeys((*ANYBODY, *GONE), "answered")
    answers: dict[str, int | str] = dict.fromkeys(ANYBODY, "answered") | dict.fromkeys(GONE, 401)
    if policy != ALL:
        answers["anonymous"] = 401
    if policy == ADMIN:
        answers |= dict.fromkeys(("owner", "customer", "demoted", "superuser"), 403)
    if policy == OWN:
        answers |= dict.fromkeys(("customer", "admin", "demoted", "superuser"), 404)
    return answers


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
    assert answers == answers_by(TABLE[route.path][method])


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
