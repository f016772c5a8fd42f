"""The OpenAPI schema: made without a warning, valid, and complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.settings import spectacular_settings
from rest_framework.test import APIClient

from tests.core.routes import routes

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects(
        "full",
        "catalog_only",
        "accounts_only",
        "host_user",
        "swapped",
        "own_product",
        "email_user",
        "uuid_user",
        "extended",
    ),
]

# Those that look at no credentials.
PUBLIC = {
    "auth/register/",
    "auth/login/",
    "auth/refresh/",
    "auth/mfa/login/",
    "auth/mfa/login/options/",
    "auth/password/reset/",
    "auth/password/reset/confirm/",
    "auth/email/verify/",
    "auth/email/verify/resend/",
    "auth/email/change/confirm/",
    "notifications/unsubscribe/",
}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("openapi") / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    schema: dict[str, Any] = json.loads(file.read_text())
    return schema


@pytest.mark.projects("own_product")
def test_fields_of_the_site_s_own_are_described_wherever_products_are(schema: dict[str, Any]) -> None:
    for path, method in (("products/", "post"), ("products/{id}/", "patch"), ("products/bulk/", "post")):
        body = schema["paths"][f"/api/v1/{path}"][method]["requestBody"]["content"]["application/json"]["schema"]
        described = resolve(schema, body)
        if path == "products/bulk/":
            for name in ("create", "update"):
                assert "unit" in resolve(schema, described["properties"][name]["items"])["properties"]
        else:
            assert "unit" in described["properties"]


def test_it_is_valid_in_the_version_of_a_site_that_has_not_chosen_one(tmp_path: Path) -> None:
    older = tmp_path / "schema.json"
    spectacular_settings.apply_patches({"OAS_VERSION": "3.0.3"})
    try:
        call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(older))
    finally:
        spectacular_settings.clear_patches()
    described = json.loads(older.read_text())
    assert described["openapi"] == "3.0.3"
    pages = [part for name, part in described["components"]["schemas"].items() if name.startswith("Paginated")]
    assert pages
    for page in pages:  # what a client's generator knows
        assert page["properties"]["next"] == {"type": "string", "format": "uri", "example": None, "nullable": True}


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield path.removeprefix("/api/v1/"), method.upper(), operation


def resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["components"]["schemas"][node["$ref"].rpartition("/")[2]]
    return node


def has_example(schema: dict[str, Any], node: dict[str, Any]) -> bool:
    """Whether a media type or a schema shows what its values look like: as a whole, or each of its properties."""
    if node.get("examples") or node.keys() & {"example", "enum", "const"}:
        return True
    node = resolve(schema, node.get("schema", node))
    if node.get("examples") or node.keys() & {"example", "enum", "const"}:
        return True
    if node.get("type") == "array":
        return has_example(schema, node["items"])
    properties = node.get("properties", {})
    return bool(properties) and all(has_example(schema, value) for value in properties.values())


def test_it_is_openapi_3_1(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")


def test_every_route_and_method_is_in_it_and_nothing_else(schema: dict[str, Any]) -> None:
    described = {(path, method) for path, method, _ in operations(schema)}
    assert described == {(route.path, method) for route in routes() for method in route.methods}


def test_every_operation_has_a_summary_a_tag_and_an_id_of_its_own(schema: dict[str, Any]) -> None:
    ids = []
    for path, method, operation in operations(schema):
        assert operation["summary"], (method, path)
        assert operation["tags"] in (["catalogue"], ["accounts"], ["notifications"], ["audit"]), (method, path)
        ids.append(operation["operationId"])
    assert len(ids) == len(set(ids))


def test_every_operation_tells_the_errors_it_may_answer_with(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        place = f"{method} {path}"
        statuses = set(operation["responses"])
        assert {"400", "503"} <= statuses, place
        public = path in PUBLIC
        assert "401" in statuses or public, place
        assert ("{id}" not in path) or "404" in statuses, place
        if "requestBody" in operation:
            assert {"413", "415"} <= statuses, place
        if method != "GET":
            assert "429" in statuses, place
        if path.startswith(("products/", "categories/")):
            if method != "GET" or "export" in path:
                assert "403" in statuses, place
            if method in ("PUT", "PATCH", "DELETE"):
                assert {"409", "412"} <= statuses, place
            if method == "GET" and "export" not in path:
                assert "304" in statuses, place
        if path.startswith("users/"):
            assert "403" in statuses, place


def test_errors_are_problems_and_carry_their_headers(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        for status, response in operation["responses"].items():
            place = f"{method} {path} {status}"
            assert response["description"], place
            if int(status) < 400:
                continue
            contents = dict(response["content"])
            if (path, method, status) == ("notifications/unsubscribe/", "GET", "400"):
                del contents["text/html"]  # a page for whoever followed a broken link
            [(media_type, content)] = contents.items()
            assert media_type == "application/problem+json", place
            problem = resolve(schema, content["schema"])
            assert {"type", "title", "status", "detail", "code"} <= set(problem["required"]), place
            headers = set(response.get("headers", {}))
            assert (status != "401") or "WWW-Authenticate" in headers, place
            assert (status not in ("429", "503")) or "Retry-After" in headers, place
            assert (status != "429") or {"RateLimit", "RateLimit-Policy"} <= headers, place


def test_every_body_has_an_example(schema: dict[str, Any]) -> None:
    without = []
    for path, method, operation in operations(schema):
        bodies = [("request", operation.get("requestBody", {}).get("content", {}))]
        bodies += [
            (status, response.get("content", {}))
            for status, response in operation["responses"].items()
            if int(status) < 300
        ]
        for name, contents in bodies:
            shown = [content for content in contents.values() if has_example(schema, content)]
            if contents and not shown:
                without.append(f"{method} {path} {name}")
    assert without == []


def test_lists_describe_their_parameters(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        if method == "GET" and "{id}" not in path and "next" in json.dumps(operation["responses"].get("200", {})):
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert {"page", "size", "cursor", "fields"} <= names, path
        for parameter in operation.get("parameters", []):
            described = parameter.get("description") or parameter["in"] == "path"
            assert described, (path, parameter["name"])


@pytest.mark.projects("full", "catalog_only", "host_user", "swapped")
def test_products_describe_every_filter_and_field(schema: dict[str, Any]) -> None:
    [products] = [operation for path, method, operation in operations(schema) if (path, method) == ("products/", "GET")]
    names = {parameter["name"] for parameter in products["parameters"] if parameter["in"] == "query"}
    assert names == {
        *("page", "size", "cursor", "fields", "ordering", "search", "category", "min_price", "max_price", "in_stock"),
        *("created_after", "created_before", "updated_after", "slug", "sku"),
    }
    [facets] = [operation for path, _, operation in operations(schema) if path == "products/facets/"]
    counted = {parameter["name"] for parameter in facets["parameters"] if parameter["in"] == "query"}
    assert counted == names - {"page", "size", "cursor", "fields", "ordering"}
    assert set(schema["components"]["schemas"]["Product"]["properties"]) == {
        *("id", "name", "slug", "sku", "description", "price", "compare_at_price", "currency", "category"),
        *("category_name", "in_stock", "is_published", "image_url", "metadata", "private_metadata"),
        *("created_at", "updated_at"),
    }


def test_who_may_is_told_by_the_security_of_an_operation(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        anonymous = {} in operation.get("security", [{}])
        public = method == "GET" and path.startswith(("products/", "categories/")) and "export" not in path
        public = public or path in PUBLIC
        assert anonymous == public, (method, path)


def test_the_schema_is_served(anonymous: APIClient) -> None:
    response = anonymous.get("/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json")
    assert response.status_code == 200
    assert json.loads(response.content)["openapi"].startswith("3.1")
