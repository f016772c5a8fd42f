"""Query strings and paths with hostile text."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import AsyncRequestFactory
from django.urls import resolve
from rest_framework.test import APIClient

from tests.factories.catalog import CategoryFactory
from tests.problems import problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "host_user", "swapped")]

PRODUCTS, CATEGORIES, TREE = "/api/v1/products/", "/api/v1/categories/", "/api/v1/categories/tree/"
NAMES = ["search", "slug", "sku", "ordering", "min_price", "category", "page", "cursor", "fields", "unknown", "parent"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["%00", "a%00b", "%FF", "%C3", "%ED%A0%80", "%C0%80", "%F5%80%80%80"])
def test_nul_and_what_is_not_utf_8_are_400_wherever_they_stand(anonymous: APIClient, name: str, value: str) -> None:
    for url in (PRODUCTS, CATEGORIES, TREE):
        assert problem_of(anonymous.get(f"{url}?{name}={value}")) == (400, "invalid_text")
        assert problem_of(anonymous.get(f"{url}?{value}={name}")) == (400, "invalid_text")


def test_raw_bytes_are_judged_like_escaped_ones(anonymous: APIClient) -> None:
    def get(raw: bytes) -> int:
        # As a WSGI server hands it over: bytes as Latin-1 text.
        return anonymous.get(PRODUCTS, QUERY_STRING=raw.decode("latin-1")).status_code

    assert get("search=größe".encode()) == 200
    assert get("search=größe".encode("latin-1")) == 400
    assert get(b"search=\xff") == 400


@pytest.mark.parametrize(
    "query", ["", "?", "?&&", "?=", "?a", "?search=%", "?search=%zz", "?%E2%82%AC=%E2%82%AC", "?a=%0A"]
)
def test_odd_but_readable_queries_are_fine(anonymous: APIClient, query: str) -> None:
    assert anonymous.get(PRODUCTS + query).status_code == 200


def test_more_parameters_than_django_takes_are_400(anonymous: APIClient) -> None:
    query = "&".join(["category=1"] * 1500)
    assert problem_of(anonymous.get(f"{PRODUCTS}?{query}")) == (400, "parse_error")


def test_many_keys_of_one_filter_are_fine(anonymous: APIClient) -> None:
    categories = [CategoryFactory.create() for _ in range(40)]
    query = "&".join(f"category={category.pk}" for category in categories * 20)
    assert anonymous.get(f"{PRODUCTS}?{query}").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "segment", ["%00", "%FF", "a%00b", "%ED%A0%80", "%0d%0aX-Injected:%201", "..%2f", "%", "%%", "💥"]
)
def test_hostile_paths_are_404(admin_client: APIClient, method: str, segment: str) -> None:
    for url in (PRODUCTS, CATEGORIES):
        response = admin_client.generic(method, f"{url}{segment}/", "{}", content_type="application/json")
        assert response.status_code in (404, 405)
        assert "X-Injected" not in response


def test_raw_bytes_are_read_alike_by_an_asgi_server() -> None:
    def get(raw: bytes) -> int:
        request = AsyncRequestFactory().get(PRODUCTS)
        scope = {**request.scope, "query_string": raw}
        return int(resolve(PRODUCTS).func(ASGIRequest(scope, BytesIO())).status_code)

    assert get("search=größe".encode()) == 200
    assert get(b"search=gr%C3%B6%C3%9Fe") == 200
    assert get(b"search=%FF") == 400
    assert get(b"search=%00") == 400
