"""Every status an error may have, with its whole body and its headers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.test import RequestFactory, override_settings
from rest_framework import exceptions
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.test import APIClient

from django_shopcore.core import errors
from tests.core.views import RaisingView
from tests.factories.catalog import ProductFactory
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "host_user", "swapped")]

PRODUCTS, CATEGORIES, TREE = "/api/v1/products/", "/api/v1/categories/", "/api/v1/categories/tree/"
TOO_LARGE = "Content Too Large"
own_urls = override_settings(ROOT_URLCONF="tests.core.views", MIDDLEWARE=[], LANGUAGE_CODE="en")


def whole(status: int, title: str, code: str, detail: str, **members: Any) -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **members}


@own_urls
@pytest.mark.parametrize(
    ("error", "body", "headers"),
    [
        (exceptions.ParseError, whole(400, "Bad Request", "parse_error", "Malformed request."), {}),
        (
            exceptions.NotAuthenticated,
            whole(401, "Unauthorized", "not_authenticated", "Authentication credentials were not provided."),
            {"WWW-Authenticate": "Bearer"},
        ),
        (
            exceptions.AuthenticationFailed,
            whole(401, "Unauthorized", "authentication_failed", "Incorrect authentication credentials."),
            {"WWW-Authenticate": "Bearer"},
        ),
        (
            PermissionDenied("secret reason"),
            whole(403, "Forbidden", "permission_denied", "You do not have permission to perform this action."),
            {},
        ),
        (Http404("secret reason"), whole(404, "Not Found", "not_found", "Not found."), {}),
        (
            partial(exceptions.MethodNotAllowed, "BREW"),
            whole(405, "Method Not Allowed", "method_not_allowed", 'Method "BREW" not allowed.'),
            {},
        ),
        (
            errors.Conflict(),
            whole(409, "Conflict", "conflict", "The request conflicts with the present state of the resource."),
            {},
        ),
        (errors.Conflict("In use.", code="in_use"), whole(409, "Conflict", "in_use", "In use."), {}),
        (
            errors.PreconditionFailed(),
            whole(412, "Precondition Failed", "precondition_failed", "The object has changed since it was read."),
            {},
        ),
        (
            errors.ContentTooLarge(),
            whole(413, TOO_LARGE, "content_too_large", "The request body is too large."),
            {},
        ),
        (
            RequestDataTooBig("secret reason"),
            whole(413, TOO_LARGE, "content_too_large", "The request body is too large."),
            {},
        ),
        (
            partial(exceptions.UnsupportedMediaType, "text/x"),
            whole(
                415,
                "Unsupported Media Type",
                "unsupported_media_type",
                'Unsupported media type "text/x" in request.',
            ),
            {},
        ),
        (
            errors.ServiceUnavailable(),
            whole(
                503,
                "Service Unavailable",
                "service_unavailable",
                "The service is temporarily unavailable.",
            ),
            {"Retry-After": "5"},
        ),
        (
            OperationalError("secret reason: password=x"),
            whole(503, "Service Unavailable", "service_unavailable", "The service is temporarily unavailable."),
            {"Retry-After": "5"},
        ),
        (
            InterfaceError("secret reason"),
            whole(503, "Service Unavailable", "service_unavailable", "The service is temporarily unavailable."),
            {"Retry-After": "5"},
        ),
        (SuspiciousOperation("secret"), whole(400, "Bad Request", "parse_error", "Malformed request."), {}),
        (TooManyFieldsSent("secret"), whole(400, "Bad Request", "parse_error", "Malformed request."), {}),
        (UnreadablePostError("secret"), whole(400, "Bad Request", "parse_error", "Malformed request."), {}),
        (MultiPartParserError("secret"), whole(400, "Bad Request", "parse_error", "Malformed request."), {}),
        (
            ValidationError({"a": [ErrorDetail("Wrong.", code="wrong")]}),
            whole(
                400,
                "Bad Request",
                "validation_error",
                "The request has invalid values.",
                errors=[{"field": "a", "code": "wrong", "detail": "Wrong."}],
            ),
            {},
        ),
        (
            errors.InvalidInput([errors.field_error("a.0", "c", "D.")], {"extra": 1}),
            whole(
                400,
                "Bad Request",
                "validation_error",
                "The request has invalid values.",
                errors=[{"field": "a.0", "code": "c", "detail": "D."}],
                extra=1,
            ),
            {},
        ),
    ],
    ids=lambda value: str(value.get("code", "")) if isinstance(value, dict) else "",
)
def test_an_error_is_a_problem(
    anonymous: APIClient,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | Callable[[], Exception],
    body: dict[str, Any],
    headers: dict[str, str],
) -> None:
    monkeypatch.setattr(RaisingView, "error", error if isinstance(error, Exception) else error())
    response = anonymous.get("/raising/")
    assert response.status_code == body["status"]
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == body
    assert b"secret" not in response.content
    for name in ("WWW-Authenticate", "Retry-After"):
        assert response.get(name) == headers.get(name)
    assert response["Allow"] == "GET, HEAD, OPTIONS"


@own_urls
def test_a_mistake_of_ours_is_not_hidden(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ProgrammingError("no such column"), KeyError("x")):
        monkeypatch.setattr(RaisingView, "error", error)
        with pytest.raises(type(error)):
            anonymous.get("/raising/")
        anonymous.raise_request_exception = False
        response = anonymous.get("/raising/")
        assert response.status_code == 500
        assert b"no such column" not in response.content
        anonymous.raise_request_exception = True


def test_nested_errors_have_dotted_paths() -> None:
    detail = ValidationError(
        {
            "name": [ErrorDetail("A", code="a"), ErrorDetail("B", code="b")],
            "items": [{}, {"price": [ErrorDetail("C", code="c")]}, {"non_field_errors": [ErrorDetail("D", code="d")]}],
            "non_field_errors": [ErrorDetail("E", code="e")],
            "deep": {"er": {"still": ErrorDetail("F", code="f")}},
        }
    ).detail
    assert [(entry["field"], entry["code"], entry["detail"]) for entry in errors.flatten(detail)] == [
        ("name", "a", "A"),
        ("name", "b", "B"),
        ("items.1.price", "c", "C"),
        ("items.2", "d", "D"),
        ("", "e", "E"),
        ("deep.er.still", "f", "F"),
    ]


def test_middleware_and_handlers_can_answer_with_a_problem() -> None:
    response = errors.problem_response(RequestFactory().get("/"), 404, "gone", "Größe.", {"Retry-After": "9"})
    assert (response.status_code, response["Content-Type"], response["Retry-After"]) == (
        404,
        "application/problem+json",
        "9",
    )
    assert "Größe." in response.content.decode()


# The same through the routes of the catalogue.


def test_400(anonymous: APIClient) -> None:
    assert errors_of(anonymous.get(f"{PRODUCTS}?page=0")) == [("page", "invalid")]


def test_401_for_missing_and_for_bad_credentials(anonymous: APIClient) -> None:
    for url, method in (
        (PRODUCTS, "post"),
        (CATEGORIES, "post"),
        (f"{PRODUCTS}1/", "put"),
        (f"{CATEGORIES}1/", "delete"),
    ):
        response = getattr(anonymous, method)(url)
        assert problem_of(response) == (401, "not_authenticated")
        assert response["WWW-Authenticate"] == "Bearer"


def test_403(customer_client: APIClient) -> None:
    assert problem_of(customer_client.post(PRODUCTS, {})) == (403, "permission_denied")


def test_404(anonymous: APIClient) -> None:
    assert problem_of(anonymous.get(f"{PRODUCTS}0/")) == (404, "not_found")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (PRODUCTS, {"GET", "POST"}),
        (f"{PRODUCTS}1/", {"GET", "PUT", "PATCH", "DELETE"}),
        (CATEGORIES, {"GET", "POST"}),
        (f"{CATEGORIES}1/", {"GET", "PUT", "PATCH", "DELETE"}),
        (TREE, {"GET"}),
    ],
)
def test_405_comes_before_401_and_names_what_is_allowed(anonymous: APIClient, url: str, allowed: set[str]) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - allowed:
        for headers in ({}, {"HTTP_AUTHORIZATION": "Bearer nonsense"}):
            response = anonymous.generic(method, url, b"\xff", content_type="text/plain", **headers)
            assert problem_of(response) == (405, "method_not_allowed"), method
            assert set(response["Allow"].split(", ")) == allowed | {"HEAD", "OPTIONS"}


def test_options_tells_what_is_allowed_to_everybody(anonymous: APIClient) -> None:
    response = anonymous.options(PRODUCTS)
    assert (response.status_code, response.content) == (204, b"")
    assert set(response["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}


def test_409(admin_client: APIClient) -> None:
    category = ProductFactory.create().category
    assert problem_of(admin_client.delete(f"{CATEGORIES}{category.pk}/")) == (409, "category_not_empty")


def test_412(admin_client: APIClient) -> None:
    response = admin_client.delete(f"{PRODUCTS}{ProductFactory.create().pk}/", HTTP_IF_MATCH='"x"')
    assert problem_of(response) == (412, "precondition_failed")


def test_413(admin_client: APIClient) -> None:
    response = admin_client.generic("POST", PRODUCTS, b" " * (1024 * 1024 + 1), content_type="application/json")
    assert problem_of(response) == (413, "content_too_large")


def test_415(admin_client: APIClient) -> None:
    response = admin_client.generic("POST", PRODUCTS, b"a=1", content_type="application/x-www-form-urlencoded")
    assert problem_of(response) == (415, "unsupported_media_type")


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="1/m")
def test_429(admin_client: APIClient) -> None:
    assert admin_client.post(PRODUCTS, {}).status_code == 400
    response = admin_client.post(PRODUCTS, {})
    assert problem_of(response) == (429, "rate_limited")
    assert 0 < int(response["Retry-After"]) <= 60


def down(error: type[Exception]) -> Callable[..., Any]:
    def execute(*args: Any) -> Any:
        raise error("the database at 10.1.2.3 is gone")

    return execute


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_503_when_the_database_is_down(admin_client: APIClient, anonymous: APIClient, error: type[Exception]) -> None:
    product = ProductFactory.create()
    requests: list[tuple[APIClient, str, str]] = [
        (anonymous, "get", PRODUCTS),
        (anonymous, "get", f"{PRODUCTS}?cursor="),
        (anonymous, "get", f"{PRODUCTS}?search=x"),
        (anonymous, "get", f"{PRODUCTS}{product.pk}/"),
        (anonymous, "get", TREE),
        (anonymous, "get", f"{CATEGORIES}?parent=1"),
        (admin_client, "post", PRODUCTS),
        (admin_client, "patch", f"{PRODUCTS}{product.pk}/"),
        (admin_client, "delete", f"{CATEGORIES}{product.category_id}/"),
    ]
    for client, method, url in requests:
        with connection.execute_wrapper(down(error)):
            response = getattr(client, method)(url)
        assert problem_of(response) == (503, "service_unavailable"), (method, url)
        assert response["Retry-After"] == "5"
        assert b"10.1.2.3" not in response.content
    assert anonymous.get(PRODUCTS).status_code == 200
