"""Reading problem details (RFC 9457), with a look at their form on the way."""

from __future__ import annotations

from typing import Any


def errors_of(response: Any) -> list[tuple[str, str]]:
    """``(field, code)`` of each error of a 400, whose form is checked on the way."""
    body = response.json()
    assert response.status_code == 400, body
    assert response["Content-Type"] == "application/problem+json"
    assert {name: body[name] for name in ("type", "title", "status", "code")} == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "validation_error",
    }
    for error in body["errors"]:
        assert set(error) == {"field", "code", "detail"}
        assert error["detail"]
    return [(error["field"], error["code"]) for error in body["errors"]]


def problem_of(response: Any) -> tuple[int, str]:
    """``(status, code)`` of an error without a list of fields, whose form is checked on the way."""
    body = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert body["type"] == "about:blank"
    assert body["status"] == response.status_code
    assert body["detail"]
    return response.status_code, body["code"]
