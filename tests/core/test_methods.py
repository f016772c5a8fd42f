"""HEAD is GET without a body, OPTIONS tells nothing, and no header or parameter makes one method another."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.core.callers import Callers, everything, key_for
from tests.core.routes import METHODS, Route, routes
from tests.users import make_user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects("full", "catalog_only", "accounts_only", "host_user", "uuid_user", "swapped"),
]

ROUTES = routes()
READ = [route for route in ROUTES if "GET" in route.methods]
GONE = ("deactivated", "deleted", "signed out")
# They differ from one answer to the next.
CHANGING = ("RateLimit", "Content-Length")


def shown(response: Any) -> tuple[int, dict[str, str]]:
    headers = {name: value for name, value in response.items() if name not in CHANGING}
    return response.status_code, headers


@pytest.mark.parametrize("route", READ, ids=lambda route: route.path)
def test_head_is_get_without_a_body(route: Route) -> None:
    owner = make_user()
    callers = Callers(owner).all()
    url = route.url(key_for(route, owner))
    for name, client in callers.items():
        head, get = client.head(url), client.get(url)
        assert head.getvalue() == b"", name
        (status, headers), (expected_status, expected) = shown(head), shown(get)
        assert status == expected_status, name
        assert headers == expected, name


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_options_is_the_same_for_everybody_and_everything(route: Route) -> None:
    owner = make_user()
    callers = Callers(owner).all()
    there = key_for(route, owner)
    nowhere = uuid.uuid4() if "-" in str(there) else 10**9
    allowed = set()
    for name, client in callers.items():
        answers = [client.options(route.url(key)) for key in (there, nowhere)]
        assert len({(answer.status_code, answer.content) for answer in answers}) == 1, name
        # A header with credentials that are none is told so, where credentials are looked at.
        assert answers[0].status_code in ((204, 401) if name in GONE else (204,)), name
        if answers[0].status_code == 204:
            assert answers[0].content == b""
            allowed |= {answer["Allow"] for answer in answers}
    assert len(allowed) == 1


OVERRIDES = {f"HTTP_X_{name}": "DELETE" for name in ("HTTP_METHOD_OVERRIDE", "HTTP_METHOD", "METHOD_OVERRIDE")}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_a_method_is_not_overridden(route: Route) -> None:
    owner = make_user()
    client = Callers(owner).all()["admin"]
    url = route.url(key_for(route, owner))
    before = everything()
    for method in sorted(set(METHODS) - route.methods):
        body = '{"_method": "DELETE"}'
        response = client.generic(method, f"{url}?_method=DELETE", body, content_type="application/json", **OVERRIDES)
        assert response.status_code == 405, method
    if "GET" in route.methods:
        plain, overridden = client.get(url), client.get(url, {"_method": "DELETE"}, **OVERRIDES)
        assert overridden.status_code == plain.status_code
    assert everything() == before


def test_the_control_would_see_a_deletion() -> None:
    """What the rows are compared by does change when a method does what it says."""
    route = next(route for route in ROUTES if "DELETE" in route.methods)
    owner = make_user()
    client = Callers(owner).all()["owner" if route.path.startswith("auth") else "admin"]
    url = route.url(key_for(route, owner))
    before = everything()
    assert client.delete(url).status_code == 204
    assert everything() != before
