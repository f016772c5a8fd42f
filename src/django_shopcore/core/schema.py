"""What drf-spectacular cannot see for itself: access policies, problem details, limits and conditional requests."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import OpenApiParameter, extend_schema

from . import access

F = TypeVar("F", bound=Callable[..., Any])

PROBLEM = {
    "type": "object",
    "description": "A problem detail (RFC 9457). `code` is stable and meant for programs, `detail` for people.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "example": "about:blank"},
        "title": {"type": "string", "example": "Bad Request"},
        "status": {"type": "integer", "example": 400},
        "detail": {"type": "string", "example": "The request has invalid values."},
        "code": {"type": "string", "example": "validation_error"},
        "errors": {
            "type": "array",
            "description": "For invalid input: what is wrong where.",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {
                        "type": "string",
                        "description": 'Dotted path of the value, e.g. `update.3.price`; `""` for the whole body.',
                        "example": "price",
                    },
                    "code": {"type": "string", "example": "required"},
                    "detail": {"type": "string", "example": "This field is required."},
                },
            },
        },
    },
}

DESCRIPTIONS = {
    400: "Malformed or invalid; `errors` says what is wrong where.",
    401: "Credentials are missing or bad.",
    403: "The caller's role does not allow this.",
    404: "There is no such object, or it is not visible to the caller.",
    409: "The request conflicts with the present state.",
    412: "`If-Match` does not name the object's present version.",
    413: "The body is larger than the limit.",
    415: "The body's type is not supported.",
    429: "Too many requests; try again after `Retry-After` seconds.",
    503: "Temporarily unavailable; try again after `Retry-After` seconds.",
}

RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
RATE_LIMIT = {
    "RateLimit": {"schema": {"type": "string"}, "description": 'What is left, e.g. `"login";r=9;t=60`.'},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": 'The limit, e.g. `"login";q=10;w=60`.'},
}
# Of an object that is written under its tag.
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="Write only when the object still has this tag; otherwise 412.",
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200], description="Version of the object, for `If-Match`."
)

TAGGED = {"ETag": {"schema": {"type": "string"}, "description": "Version of the representation."}}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": description}


def in_own_version(schema: Any) -> Any:
    """``schema``, written for OpenAPI 3.1, in the version that the site has chosen (``OAS_VERSION``).

    Before 3.1 a schema has one type, and is ``nullable`` (https://spec.openapis.org/oas/v3.0.3#schema-object).
    """
    if not str(spectacular_settings.OAS_VERSION).startswith("3.0"):
        return schema
    if isinstance(schema, list):
        return [in_own_version(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: in_own_version(each) for name, each in schema.items()}
    types = schema.get("type")
    if isinstance(types, list):
        del schema["type"]
        kinds = [{"type": name} for name in types if name != "null"]
        schema |= kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
        if "null" in types:
            schema["nullable"] = True
    return schema


class ShopcoreAutoSchema(AutoSchema):
    """Describes our views; each adds ``error_codes`` of its own by action."""

    view: Any
    method: str

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        component = ResolvedComponent(
            name="Problem", type=ResolvedComponent.SCHEMA, object="ShopcoreProblem", schema=PROBLEM
        )
        self.registry.register_on_missing(component)
        content = {"application/problem+json": {"schema": component.ref}}
        limited = bool(self.view.limits.get(self._action()))
        for status, response in operation["responses"].items():
            response["description"] = response["description"] or HTTPStatus(int(status)).phrase
            if limited:
                response.setdefault("headers", {}).update(RATE_LIMIT)
        for code in self._error_statuses(operation):
            response = {"description": DESCRIPTIONS[code], "content": content}
            if code == 401:
                response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "`Bearer`"}}
            elif code in (429, 503):
                response["headers"] = RETRY_AFTER | (RATE_LIMIT if code == 429 else {})
            operation["responses"].setdefault(str(code), response)
        self._add_conditional(operation)
        self._add_links(operation)
        return in_own_version(operation)

    def _get_request_body(self, direction: Any = "request") -> Any:
        if self.method != "DELETE" or not getattr(self.view, "reads_body_of_delete", False):
            return super()._get_request_body(direction)
        self.method = "POST"  # what the base class knows to have a body
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = "DELETE"

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        schema = super()._postprocess_serializer_schema(schema, serializer, direction)
        if direction == "response" and spectacular_settings.COMPONENT_SPLIT_REQUEST and "properties" in schema:
            # An answer holds every field, also those that a request may leave out.
            optional = getattr(serializer, "private_fields", ())
            schema["required"] = sorted(name for name in schema["properties"] if name not in optional)
        return schema

    def _action(self) -> str:
        return str(getattr(self.view, "action", None) or self.method.lower())

    def _error_statuses(self, operation: dict[str, Any]) -> list[int]:
        statuses = {400, 503, *self.view.error_codes.get(self._action(), ())}
        if self.view.get_authenticators():
            statuses.add(401)
        if access.policy_for(self.view.access, self._action()) is access.ADMIN:
            statuses.add(403)
        if "{" in self.path or self._is_list_view():
            statuses.add(404)
        if "requestBody" in operation:
            statuses |= {413, 415}
        if self.view.limits.get(self._action()):
            statuses.add(429)
        return sorted(statuses)

    def _add_conditional(self, operation: dict[str, Any]) -> None:
        if not getattr(self.view, "conditional", False):
            return
        parameters = operation.setdefault("parameters", [])
        if self.method == "GET":
            parameters.append(_header("If-None-Match", "The answer is 304 when this tag is still right."))
            operation["responses"]["304"] = {"description": "Not modified.", "headers": TAGGED}
            operation["responses"]["200"].setdefault("headers", {}).update(TAGGED)
        elif "{" in self.path:
            parameters.append(_header("If-Match", "Write only when the object still has this tag; otherwise 412."))
            operation["responses"]["412"] = {
                "description": DESCRIPTIONS[412],
                "content": operation["responses"]["400"]["content"],
            }

    def _add_links(self, operation: dict[str, Any]) -> None:
        """From what was created to what may be done with it."""
        name, created = getattr(self.view, "schema_name", None), operation["responses"].get("201")
        if self._action() != "create" or not name or created is None:
            return
        key = self.view.model._meta.pk.name
        created["links"] = {
            action: {"operationId": f"{name}_{action}", "parameters": {key: f"$response.body#/{key}"}}
            for action in ("retrieve", "update", "partial_update", "destroy")
            if hasattr(self.view, action)
        }

    def get_auth(self) -> Any:
        requirements = super().get_auth()
        policy = access.policy_for(self.view.access, self._action())
        optional = policy is access.ANYONE
        named = [requirement for requirement in requirements if requirement]
        return ([{}] if optional else []) + named

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self.method == "GET" and self._action() in getattr(self.view, "sparse_actions", ()):
            parameters.append(
                OpenApiParameter(
                    "fields",
                    str,
                    description="Comma-separated names of fields: the answer holds just these. An unknown one is 400.",
                )
            )
        return parameters

    def get_operation_id(self) -> str:
        name = getattr(self.view, "schema_name", None)
        return f"{name}_{self._action()}" if name else str(super().get_operation_id())

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "schema_tag", None)
        return [tag] if tag else super().get_tags()


def describe(**kwargs: Any) -> Callable[[F], F]:
    """``extend_schema`` for the methods of our views.

    Plain ``extend_schema`` builds on the host's ``DEFAULT_SCHEMA_CLASS``, and fails where that is Django REST
    framework's own.
    """
    decorate = extend_schema(**kwargs)

    def apply(method: F) -> F:
        if not hasattr(method, "schema"):
            method.schema = ShopcoreAutoSchema  # type: ignore[attr-defined]
        return decorate(method)  # type: ignore[no-any-return]

    return apply
