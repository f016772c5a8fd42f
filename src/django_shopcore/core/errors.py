"""Errors as problem details (RFC 9457).

Every error body of our views is ``application/problem+json`` with ``type``, ``title``, ``status``,
``detail``, a stable ``code`` and, for invalid input, ``errors``: a list of ``{"field", "code", "detail"}``
whose ``field`` is a dotted path (``""`` for the whole body).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core import exceptions as django_exceptions
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings

from .outages import is_outage

CONTENT_TYPE = "application/problem+json"
# RFC 9110's names, which RFC 9457 lets us translate. Python's own differ between its versions.
TITLES = {
    400: _("Bad Request"),
    401: _("Unauthorized"),
    403: _("Forbidden"),
    404: _("Not Found"),
    405: _("Method Not Allowed"),
    409: _("Conflict"),
    412: _("Precondition Failed"),
    413: _("Content Too Large"),
    415: _("Unsupported Media Type"),
    429: _("Too Many Requests"),
    500: _("Internal Server Error"),
    503: _("Service Unavailable"),
}


class Conflict(exceptions.APIException):
    """409: the request is fine in itself but not with the present state of the data."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = _("The request conflicts with the present state of the resource.")
    default_code = "conflict"


class PreconditionFailed(exceptions.APIException):
    """412: ``If-Match`` named another version of the object."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = _("The object has changed since it was read.")
    default_code = "precondition_failed"


class ContentTooLarge(exceptions.APIException):
    """413: the body is longer than the limit."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The request body is too large.")
    default_code = "content_too_large"


class ServiceUnavailable(exceptions.APIException):
    """503 with ``Retry-After``: something we depend on is down. Nothing was written, unless a commit got no answer."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The service is temporarily unavailable.")
    default_code = "service_unavailable"
    wait = 5


class InvalidInput(exceptions.APIException):
    """400 with a list of field errors already in the contract's form, and members beside them.

    ``errors`` is a list of ``{"field", "code", "detail"}`` dicts; ``extra`` is merged into the body. A subclass
    says its own ``default_code`` and ``default_detail``.
    """

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = _("The request has invalid values.")
    default_code = "validation_error"

    def __init__(self, errors: list[dict[str, Any]], extra: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.errors = errors
        self.extra = dict(extra or {})


def field_error(field: str, code: str, detail: Any) -> dict[str, Any]:
    """One entry of a problem's ``errors``."""
    return {"field": field, "code": code, "detail": str(detail)}


def flatten(detail: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """The entries of ``errors`` for the ``detail`` of a DRF ``ValidationError``, nested to any depth."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            whole = key in ("non_field_errors", api_settings.NON_FIELD_ERRORS_KEY)
            yield from flatten(value, path if whole else _join(path, key))
    elif isinstance(detail, (list, tuple)):
        for index, value in enumerate(detail):
            nested = isinstance(value, (Mapping, list, tuple))
            yield from flatten(value, _join(path, index) if nested else path)
    else:
        yield field_error(path, getattr(detail, "code", None) or "invalid", detail)


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def problem(status_code: int, code: str, detail: Any, **members: Any) -> dict[str, Any]:
    """A problem body. ``type`` stays ``about:blank`` (RFC 9457 4.2.1): ``code`` tells the kinds apart."""
    return {
        "type": "about:blank",
        "title": str(TITLES.get(status_code) or HTTPStatus(status_code).phrase),
        "status": status_code,
        "detail": str(detail),
        "code": code,
        **members,
    }


def problem_response(
    request: HttpRequest | None, status_code: int, code: str, detail: Any, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    """A problem as a plain Django response, for middleware and for ``handler404`` and its kin."""
    return JsonResponse(
        problem(status_code, code, detail),
        status=status_code,
        headers=dict(headers or {}),
        content_type=CONTENT_TYPE,
        json_dumps_params={"ensure_ascii": False},
    )


def as_api_exception(exc: Exception) -> exceptions.APIException | None:
    """The API exception that says what ``exc`` means to a client; None for a programming error."""
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, django_exceptions.PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, django_exceptions.RequestDataTooBig):
        return ContentTooLarge()
    if isinstance(exc, (django_exceptions.SuspiciousOperation, UnreadablePostError, MultiPartParserError)):
        return exceptions.ParseError()
    if is_outage(exc):
        return ServiceUnavailable()
    return None


def exception_response(exc: exceptions.APIException) -> Response:
    """The response of one of our views to ``exc``."""
    headers: dict[str, str] = {}
    auth_header = getattr(exc, "auth_header", None)
    if auth_header:
        headers["WWW-Authenticate"] = auth_header
    wait = getattr(exc, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(-(-wait // 1))))
    members: dict[str, Any] = {}
    detail: Any
    if isinstance(exc, InvalidInput):
        detail, code, members = exc.detail, exc.default_code, {"errors": exc.errors, **exc.extra}
    elif isinstance(exc, exceptions.ValidationError):
        detail, code = InvalidInput.default_detail, "validation_error"
        members = {"errors": list(flatten(exc.detail))}
    else:
        detail, code = exc.detail, getattr(exc.detail, "code", None) or exc.default_code
    body = problem(exc.status_code, code, detail, **members)
    return Response(body, status=exc.status_code, headers=headers, content_type=CONTENT_TYPE)
