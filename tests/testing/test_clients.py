"""A client is a customer or an admin, however the site signs people in."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APITestCase

from django_shopcore.testing import ShopcoreClient, make_user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects("full", "swapped", "host_user", "email_user", "catalog_only", "catalog_accounts"),
]

CATEGORIES = "/api/v1/categories/"
BASIC = ["rest_framework.authentication.BasicAuthentication"]


def test_admins_write_customers_do_not_and_nobody_is_anonymous() -> None:
    client = ShopcoreClient()
    admin, customer = client.as_admin(), client.as_customer()
    # One after the other with all three: no client becomes another.
    assert client.post(CATEGORIES, {"name": "A"}).status_code == 401
    assert customer.post(CATEGORIES, {"name": "B"}).status_code == 403
    assert admin.post(CATEGORIES, {"name": "C"}).status_code == 201
    assert client.post(CATEGORIES, {"name": "D"}).status_code == 401
    assert (client.user, customer.user.is_staff, admin.user.is_staff) == (None, False, True)


def test_it_keeps_what_it_was_made_with() -> None:
    client = ShopcoreClient(raise_request_exception=False, enforce_csrf_checks=True, HTTP_ACCEPT_LANGUAGE="de")
    other = client.as_user(make_user())
    assert (other.raise_request_exception, other.handler.enforce_csrf_checks) == (False, True)
    assert other.defaults == client.defaults == {"HTTP_ACCEPT_LANGUAGE": "de"}


def test_columns_of_the_user_can_be_given() -> None:
    client = ShopcoreClient().as_customer(email="grace@example.com", is_active=False)
    assert client.user.email == "grace@example.com"
    assert client.post(CATEGORIES, {"name": "A"}).status_code == 401 if _tokens() else 403


@pytest.mark.projects("full", "swapped", "host_user", "email_user", "catalog_accounts")
def test_with_accounts_it_has_a_session_that_ends() -> None:
    client = ShopcoreClient().as_customer()
    [session] = client.get("/api/v1/auth/sessions/").json()["results"]
    assert session["is_current"]
    assert client.post("/api/v1/auth/logout/").status_code == 204
    assert client.get("/api/v1/auth/me/").status_code == 401


@pytest.mark.projects("full", "catalog_only")
def test_where_tokens_are_not_taken_it_is_let_in_by_force() -> None:
    with override_settings(SHOPCORE_AUTHENTICATION_CLASSES=BASIC):
        admin = ShopcoreClient().as_admin()
        assert admin.post(CATEGORIES, {"name": "A"}).status_code == 201
    assert admin._credentials == {}


@pytest.mark.projects("catalog_only")
def test_without_accounts_it_is_let_in_by_force() -> None:
    assert ShopcoreClient().as_admin()._credentials == {}
    assert settings.AUTH_USER_MODEL == "auth.User"


class TestInATestCase(APITestCase):
    client_class = ShopcoreClient
    client: Any

    def test_it_is_the_client_of_a_test_case(self) -> None:
        assert self.client.as_admin().post(CATEGORIES, {"name": "A"}).status_code == 201


def _tokens() -> bool:
    return apps.is_installed("django_shopcore.accounts")
