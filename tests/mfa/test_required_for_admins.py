"""Where admins need a second factor: without one their session has the rights of a customer."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.mfa import services
from django_shopcore.testing import ShopcoreClient
from tests.accounts.clients import bearer, signed_in
from tests.core.routes import METHODS, routes
from tests.core.test_permissions import ADMIN, TABLE
from tests.factories.catalog import ProductFactory
from tests.mfa.clock import Clock
from tests.mfa.people import MFA, Member, second_step
from tests.problems import problem_of
from tests.users import demote, make_user

pytestmark = pytest.mark.django_db

USERS = "/api/v1/users/"


@pytest.fixture(autouse=True)
def required(settings: Any) -> None:
    settings.SHOPCORE_MFA_REQUIRED_FOR_ADMINS = True


def test_an_admin_without_one_may_sign_in_to_set_it_up(clock: Clock) -> None:
    client = signed_in(make_user(admin=True))
    assert problem_of(client.get(USERS)) == (403, "mfa_required")
    answer = client.get(MFA).json()
    assert (answer["enabled"], answer["required"]) == (False, True)
    assert client.get("/api/v1/auth/me/").json()["is_admin"] is True


def test_setting_it_up_gives_the_session_the_rights(clock: Clock) -> None:
    member = Member.enrolled(make_user(admin=True), clock)
    assert member.client.get(USERS).status_code == 200


def test_so_does_signing_in_with_it(clock: Clock) -> None:
    member = Member.enrolled(make_user(admin=True), clock)
    tokens = second_step(member.challenge(), code=member.code()).json()
    assert bearer(tokens["access"]).get(USERS).status_code == 200
    refreshed = APIClient().post("/api/v1/auth/refresh/", {"refresh": tokens["refresh"]}).json()
    assert bearer(refreshed["access"]).get(USERS).status_code == 200


@pytest.mark.parametrize("route", [r for r in routes() if ADMIN in TABLE[r.path].values()], ids=lambda r: r.path)
def test_every_route_of_admins_is_refused(route: Any) -> None:
    client = signed_in(make_user(admin=True))
    for method in METHODS:
        if TABLE[route.path].get(method) == ADMIN:
            response = client.generic(method, route.url(1), "{}", content_type="application/json")
            assert problem_of(response) == (403, "mfa_required"), (method, route.path)


def test_reads_are_those_of_a_customer(clock: Clock) -> None:
    hidden = ProductFactory.create(is_published=False)
    url = f"/api/v1/products/{hidden.pk}/"
    admin = make_user(admin=True)
    client = signed_in(admin)
    assert client.get(url).status_code == 404
    assert client.get("/api/v1/products/").json()["count"] == 0
    member = Member.enrolled(admin, clock)
    assert "private_metadata" in member.client.get(url).json()
    assert member.client.get("/api/v1/products/").json()["count"] == 1


def test_a_customer_is_a_customer_and_needs_none(clock: Clock) -> None:
    client = signed_in(make_user())
    assert problem_of(client.get(USERS)) == (403, "permission_denied")
    assert client.get(MFA).json()["required"] is False
    member = Member.enrolled(make_user(), clock)
    assert problem_of(member.client.get(USERS)) == (403, "permission_denied")


def test_without_the_requirement_nothing_is_withheld(settings: Any) -> None:
    settings.SHOPCORE_MFA_REQUIRED_FOR_ADMINS = False
    assert signed_in(make_user(admin=True)).get(USERS).status_code == 200


def test_a_demoted_admin_has_no_rights_whatever_was_shown(clock: Clock) -> None:
    member = Member.enrolled(make_user(admin=True), clock)
    demote(member.user)
    assert problem_of(member.client.get(USERS)) == (403, "permission_denied")


def test_removing_the_factor_takes_the_rights_at_once(clock: Clock) -> None:
    member = Member.enrolled(make_user(admin=True), clock)
    other = bearer(second_step(member.challenge(), code=member.code()).json()["access"])
    assert member.client.post(f"{MFA}totp/delete/", member.proofs()).status_code == 204
    for client in (member.client, other):
        assert problem_of(client.get(USERS)) == (403, "mfa_required")


def test_a_reset_ends_every_session(clock: Clock) -> None:
    member = Member.enrolled(make_user(admin=True), clock)
    services.reset(member.user)
    assert problem_of(member.client.get(USERS)) == (401, "session_ended")
    assert problem_of(signed_in(member.user).get(USERS)) == (403, "mfa_required")


def test_credentials_without_a_session_of_ours_have_not_shown_any() -> None:
    client = APIClient()
    client.force_authenticate(make_user(admin=True))
    assert problem_of(client.get(USERS)) == (403, "mfa_required")


@pytest.mark.projects("full")
def test_the_client_for_tests_of_a_site_has_shown_one() -> None:
    assert ShopcoreClient().as_admin().get(USERS).status_code == 200


def queries(client: Any, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_it_takes_one_query_more_and_only_where_the_role_matters(clock: Clock, settings: Any) -> None:
    admin = Member.enrolled(make_user(admin=True), clock).client
    customer = signed_in(make_user())
    calls = [(admin, USERS), (admin, "/api/v1/auth/me/"), (customer, "/api/v1/products/")]
    required = [queries(*call) for call in calls]
    settings.SHOPCORE_MFA_REQUIRED_FOR_ADMINS = False
    assert required == [queries(admin, USERS) + 1, *(queries(*call) for call in calls[1:])]


def test_control_without_the_guard_the_password_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_shopcore.core.views.guards", [])
    assert signed_in(make_user(admin=True)).get(USERS).status_code == 200
