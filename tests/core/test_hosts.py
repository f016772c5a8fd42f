"""A host whose settings are as unlike ours as can be changes nothing of what the contract promises."""

from __future__ import annotations

import base64
import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model, services
from django_shopcore.core.models import RateLimitWindow
from tests.accounts.clients import signed_in
from tests.catalog.shapes import path_of
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of, problem_of
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("host_user")]

PRODUCTS, CATEGORIES = "/api/v1/products/", "/api/v1/categories/"


def test_the_host_is_as_hostile_as_it_says() -> None:
    """Or the tests below would test nothing."""
    assert settings.TIME_ZONE == "Asia/Kolkata"
    assert settings.LANGUAGE_CODE == "nl"
    assert settings.USE_THOUSAND_SEPARATOR
    assert connection.settings_dict["ATOMIC_REQUESTS"]
    assert api_settings.COERCE_DECIMAL_TO_STRING is False
    assert api_settings.UNAUTHENTICATED_USER is None
    assert [renderer.format for renderer in api_settings.DEFAULT_RENDERER_CLASSES] == ["api"]


def test_the_hosts_own_view_keeps_the_hosts_answer_to_errors(anonymous: APIClient) -> None:
    response = anonymous.get("/host/")
    assert (response.status_code, response.json()) == (418, {"handled_by": "the host", "error": "NotFound"})
    assert api_settings.EXCEPTION_HANDLER.__module__ == "tests.projects.host"


def test_times_are_utc_with_z(anonymous: APIClient) -> None:
    product = ProductFactory.create()
    moment = datetime.datetime(2026, 1, 31, 23, 30, tzinfo=datetime.timezone.utc)
    get_product_model().objects.filter(pk=product.pk).update(created_at=moment, updated_at=moment)
    body = anonymous.get(path_of(product)).json()
    assert (body["created_at"], body["updated_at"]) == ("2026-01-31T23:30:00Z", "2026-01-31T23:30:00Z")
    category = anonymous.get(path_of(product.category)).json()
    assert category["created_at"].endswith("Z")


def test_a_time_without_an_offset_is_utc_and_not_the_hosts(anonymous: APIClient) -> None:
    product = ProductFactory.create()
    moment = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
    get_product_model().objects.filter(pk=product.pk).update(created_at=moment)
    assert anonymous.get(PRODUCTS, {"created_after": "2026-01-31T12:00:00"}).json()["count"] == 1
    assert anonymous.get(PRODUCTS, {"created_after": "2026-01-31T12:00:01"}).json()["count"] == 0
    assert errors_of(anonymous.get(PRODUCTS, {"created_after": "31.01.2026 12:00"})) == [("created_after", "invalid")]


def test_money_is_a_string_with_a_point_and_no_separator(anonymous: APIClient, admin_client: APIClient) -> None:
    category = CategoryFactory.create()
    for price in ("1234567.5", 1234567.5):
        response = admin_client.post(PRODUCTS, {"name": "N", "price": price, "category": category.pk})
        assert response.json()["price"] == "1234567.50"
    for price in ("1.234.567,50", "1234567,50"):
        response = admin_client.post(PRODUCTS, {"name": "N", "price": price, "category": category.pk})
        assert errors_of(response) == [("price", "invalid")]
        assert errors_of(anonymous.get(PRODUCTS, {"min_price": price})) == [("min_price", "invalid")]
    assert anonymous.get(PRODUCTS, {"min_price": "1234567.50"}).json()["count"] == 2
    assert set(get_product_model().objects.values_list("price", flat=True)) == {Decimal("1234567.50")}


def test_answers_are_json_and_bodies_are_json(anonymous: APIClient, admin_client: APIClient) -> None:
    for url in (PRODUCTS, CATEGORIES, "/api/v1/categories/tree/"):
        response = anonymous.get(url, HTTP_ACCEPT="text/html")
        assert response["Content-Type"] == "application/json"
    response = admin_client.post(CATEGORIES, "name=x", content_type="application/x-www-form-urlencoded")
    assert problem_of(response) == (415, "unsupported_media_type")
    assert admin_client.post(CATEGORIES, {"name": "Ü"}).content.count("Ü".encode()) == 1


def test_our_paging_and_no_paging_of_the_host(anonymous: APIClient) -> None:
    for _ in range(5):
        ProductFactory.create()
    body = anonymous.get(PRODUCTS, {"limit": 1, "offset": 3, "q": "nothing", "sort": "price"}).json()
    assert (body["count"], len(body["results"]), body["next"]) == (5, 5, None)


def test_anybody_reads_and_nobody_is_asked_to_sign_in(anonymous: APIClient) -> None:
    for _ in range(3):
        assert anonymous.get(PRODUCTS).status_code == 200


def test_missing_credentials_are_401_and_not_403(anonymous: APIClient) -> None:
    response = anonymous.post(PRODUCTS, {})
    assert problem_of(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"


def test_the_hosts_way_to_sign_in_is_not_ours() -> None:
    client = APIClient()
    pair = base64.b64encode(f"{make_user(admin=True).username}:{PASSWORD}".encode()).decode()
    client.credentials(HTTP_AUTHORIZATION=f"Basic {pair}")
    assert problem_of(client.post(PRODUCTS, {})) == (401, "not_authenticated")
    with override_settings(SHOPCORE_AUTHENTICATION_CLASSES=["rest_framework.authentication.BasicAuthentication"]):
        assert errors_of(client.post(PRODUCTS, {}))[0][1] == "required"


def test_an_admin_is_whom_the_hosts_user_calls_staff() -> None:
    assert signed_in(make_user(admin=True)).post(CATEGORIES, {"name": "A"}).status_code == 201
    assert problem_of(signed_in(make_user()).post(CATEGORIES, {"name": "B"})) == (403, "permission_denied")


def test_the_versions_of_the_host_are_not_ours(anonymous: APIClient) -> None:
    assert anonymous.get(PRODUCTS, HTTP_ACCEPT="application/json; version=1.0").status_code == 200


def test_errors_of_the_whole_body_have_an_empty_field_whatever_the_host_calls_them(admin_client: APIClient) -> None:
    response = admin_client.generic("POST", PRODUCTS, "[]", content_type="application/json")
    assert errors_of(response) == [("", "invalid")]


@pytest.mark.parametrize("language", ["de", "en", "ar", "nl", "xx", ""])
def test_codes_and_numbers_are_the_same_in_every_language(anonymous: APIClient, language: str) -> None:
    ProductFactory.create(price="1234.50")
    response = anonymous.get(PRODUCTS, HTTP_ACCEPT_LANGUAGE=language)
    assert response.json()["results"][0]["price"] == "1234.50"
    response = anonymous.get(f"{PRODUCTS}?page=0", HTTP_ACCEPT_LANGUAGE=language)
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [("page", "invalid")]
    assert problem_of(anonymous.get(f"{PRODUCTS}0/", HTTP_ACCEPT_LANGUAGE=language)) == (404, "not_found")


@pytest.mark.django_db(transaction=True)
def test_what_a_request_counted_survives_its_failure_in_spite_of_the_hosts_atomic_requests(
    admin_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(services.CatalogService, "create_category", fail)
    admin_client.raise_request_exception = False
    assert admin_client.post(CATEGORIES, {"name": "A"}).status_code == 500
    assert RateLimitWindow.objects.get().count == 1
