"""JSON in UTF-8 is the answer, whatever the request asks for."""

from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from tests.factories.catalog import ProductFactory
from tests.problems import problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "host_user")]

PRODUCTS = "/api/v1/products/"


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/html",
        "application/xml",
        "application/json; indent=8",
        "application/json; version=9",
        "junk",
        "a/b/c",
    ]
    + [
        "text/html,application/xhtml+xml;q=0.9",
        "application/problem+json",
        "é",
        ";",
        "application/json;q=0",
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("query", ["", "?format=xml", "?format=api", "?format=json", "?format=", "?version=9"])
def test_accept_and_format_change_nothing(anonymous: APIClient, accept: str, query: str) -> None:
    ProductFactory.create(name="Größe")
    response = anonymous.get(f"{PRODUCTS}{query}", HTTP_ACCEPT=accept)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    body = response.content.decode()
    assert "Größe" in body
    assert json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")) == body

    response = anonymous.get(f"{PRODUCTS}0/{query}", HTTP_ACCEPT=accept)
    assert problem_of(response) == (404, "not_found")


def test_no_answer_varies_by_what_is_not_looked_at(anonymous: APIClient) -> None:
    assert "Accept" not in [name.strip() for name in anonymous.get(PRODUCTS)["Vary"].split(",")]
