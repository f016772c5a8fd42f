"""Who may call what; and that a view which does not say so is refused three times over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.checks import run_checks
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.core.access import ADMIN, ANYONE, SIGNED_IN, is_admin, is_signed_in, policy_for
from tests.fixtures import client_of
from tests.problems import problem_of
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "host_user")]

own_urls = override_settings(ROOT_URLCONF="tests.core.views")
MIDDLEWARE = ["django_shopcore.core.middleware.AccessMiddleware"]


def user(**fields: Any) -> Any:
    return SimpleNamespace(**{"is_authenticated": True, "is_active": True} | fields)


@pytest.mark.parametrize(
    ("caller", "signed_in", "admin"),
    [
        (None, False, False),
        (AnonymousUser(), False, False),
        (user(), True, False),
        (user(is_staff=True), True, True),
        (user(is_admin=True), True, True),
        (user(is_admin=False, is_staff=True), True, False),
        (user(is_staff=True, is_active=False), False, False),
        (user(is_superuser=True), True, False),
    ],
)
def test_the_role_of_a_caller(caller: Any, signed_in: bool, admin: bool) -> None:
    assert (is_signed_in(caller), is_admin(caller)) == (signed_in, admin)
    assert [policy.allows(caller) for policy in (ANYONE, SIGNED_IN, ADMIN)] == [True, signed_in, admin]


def test_an_action_without_a_policy_has_none() -> None:
    assert policy_for({"get": ANYONE}, "get") is ANYONE
    for rules, action in (({"get": ANYONE}, "post"), ({}, "get"), (None, "get"), ({"get": ANYONE}, None)):
        assert policy_for(rules, action) is None


@own_urls
def test_a_declared_policy_decides(anonymous: APIClient, customer_client: APIClient, admin_client: APIClient) -> None:
    assert anonymous.get("/open/").json() == {"answer": "get"}
    for method in ("post", "delete"):
        response = getattr(anonymous, method)("/open/")
        assert problem_of(response) == (401, "not_authenticated")
        assert response["WWW-Authenticate"] == "Bearer"
    assert customer_client.post("/open/", {"a": 1}).json() == {"answer": {"a": 1}}
    assert problem_of(customer_client.delete("/open/")) == (403, "permission_denied")
    assert admin_client.delete("/open/").status_code == 204
    assert problem_of(client_of(make_user(admin=True, active=False)).delete("/open/"))[0] in (401, 403)


@own_urls
@override_settings(MIDDLEWARE=[])
def test_a_view_without_a_policy_is_refused_by_the_base_view(admin_client: APIClient, anonymous: APIClient) -> None:
    for client in (admin_client, anonymous):
        for method, url in (("get", "/unguarded/"), ("head", "/unguarded/"), ("post", "/half-guarded/")):
            response = getattr(client, method)(url)
            assert response.status_code == 403
            assert b"secret" not in response.content
        assert problem_of(client.get("/unguarded/")) == (403, "no_access_policy")
        assert client.get("/half-guarded/").json() == []


@own_urls
@override_settings(MIDDLEWARE=[])
def test_the_careless_view_would_answer_without_the_middleware(anonymous: APIClient) -> None:
    assert anonymous.get("/careless/").json() == {"secret": True}


@own_urls
@override_settings(MIDDLEWARE=MIDDLEWARE)
def test_the_middleware_refuses_also_the_view_that_lost_the_check_of_its_base(
    admin_client: APIClient, anonymous: APIClient
) -> None:
    for client in (admin_client, anonymous):
        assert problem_of(client.get("/careless/")) == (403, "no_access_policy")
        assert problem_of(client.get("/unguarded/")) == (403, "no_access_policy")
        assert problem_of(client.post("/half-guarded/")) == (403, "no_access_policy")
        assert client.head("/careless/").status_code == 403


@own_urls
@override_settings(MIDDLEWARE=MIDDLEWARE)
def test_the_middleware_leaves_alone_what_is_none_of_its_business(
    admin_client: APIClient, anonymous: APIClient
) -> None:
    assert anonymous.get("/foreign/").content == b"the host's"
    assert anonymous.post("/foreign/").content == b"the host's"
    assert anonymous.get("/open/").json() == {"answer": "get"}
    assert problem_of(anonymous.post("/open/")) == (401, "not_authenticated")
    assert admin_client.delete("/open/").status_code == 204
    assert anonymous.get("/half-guarded/").json() == []
    assert anonymous.get("/nowhere/").status_code == 404
    for url in ("/unguarded/", "/careless/", "/open/"):
        assert problem_of(anonymous.patch(url)) == (405, "method_not_allowed")
        assert anonymous.options(url).status_code == 204


def findings() -> list[str]:
    return sorted(message.msg for message in run_checks() if message.id == "shopcore.E003")


def test_the_check_finds_every_action_that_declares_no_policy() -> None:
    with own_urls:
        assert findings() == [
            "No access policy: tests.core.views.CarelessView, action 'get'.",
            "No access policy: tests.core.views.HalfGuardedViewSet, action 'create'.",
            "No access policy: tests.core.views.UnguardedView, action 'get'.",
        ]
    with override_settings(ROOT_URLCONF="tests.core.guarded_urls"):
        assert findings() == []


def test_every_view_of_ours_declares_its_policies() -> None:
    assert findings() == []


@override_settings(ROOT_URLCONF=None)
def test_a_site_without_a_urlconf_has_nothing_to_check() -> None:
    from django_shopcore.core.checks import check_access_policies

    assert check_access_policies(None) == []
