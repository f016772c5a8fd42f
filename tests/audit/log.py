"""The audit log, as admins get it over HTTP."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from tests.accounts.clients import signed_in
from tests.users import make_user

AUDIT = "/api/v1/audit/"


def entries(client: APIClient | None = None, **query: Any) -> list[dict[str, Any]]:
    """The entries that match, the latest first, without those of the reader's own sign-in."""
    if client is None:
        reader = make_user(admin=True)
        client = signed_in(reader)
    response = client.get(AUDIT, {"size": 100, **query})
    assert response.status_code == 200, response.content
    session = client.get("/api/v1/auth/sessions/").json()["results"][0]["id"]
    return [row for row in response.json()["results"] if row["data"].get("session") != session]


def actions(client: APIClient | None = None, **query: Any) -> list[str]:
    """Their codes, the first one first."""
    return [row["action"] for row in reversed(entries(client, **query))]
