"""The site's keys are replaced between two starts, and nobody has to sign in again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.example.site import PRODUCTION, Site

pytestmark = pytest.mark.projects("full")

PASSWORD = "a quite long secret"
SIGN_IN = f"""
body = {{"email": "ada@example.com", "password": {PASSWORD!r}}}
for path in ("register", "login"):
    answers.append(client.post(f"/api/v1/auth/{{path}}/", body, "application/json", HTTP_HOST="localhost"))
"""
GO_ON = """
bearer = "Bearer " + ACCESS
answers.append(client.get("/api/v1/auth/me/", HTTP_HOST="localhost", HTTP_AUTHORIZATION=bearer))
answers.append(client.post("/api/v1/auth/refresh/", {"refresh": REFRESH}, "application/json", HTTP_HOST="localhost"))
"""


def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return pem.replace("\n", "\\n")


def go_on(site: Site, tokens: dict[str, str], variables: dict[str, str]) -> tuple[list[int], Any]:
    """The statuses of a request and of a refresh, and the new tokens."""
    code = f"ACCESS, REFRESH = {tokens['access']!r}, {tokens['refresh']!r}\n{GO_ON}"
    asked, refreshed = site.answers(code, variables)
    return [asked[0], refreshed[0]], json.loads(refreshed[2])


def test_both_secrets_are_replaced_and_the_algorithm_too(fresh_site: Site) -> None:
    first = {**PRODUCTION, "DATABASE_URL": "sqlite:///shop.sqlite3"}
    assert fresh_site.manage("migrate", "--verbosity", "0", variables=first).returncode == 0
    registered, signed_in = fresh_site.answers(SIGN_IN, first)
    assert (registered[0], signed_in[0]) == (201, 200)
    tokens = json.loads(signed_in[2])

    second = {
        **first,
        "SECRET_KEY": f"next-{PRODUCTION['SECRET_KEY']}",
        "JWT_SIGNING_KEY": private_key(),
        "JWT_ALGORITHM": "RS256",
    }
    assert go_on(fresh_site, tokens, second)[0] == [401, 401]
    old = {"JWT_VERIFYING_KEYS": first["JWT_SIGNING_KEY"], "SECRET_KEY_FALLBACKS": first["SECRET_KEY"]}
    assert go_on(fresh_site, tokens, {**second, "JWT_VERIFYING_KEYS": old["JWT_VERIFYING_KEYS"]})[0] == [401, 401]
    statuses, tokens = go_on(fresh_site, tokens, {**second, **old})
    assert statuses == [200, 200]

    third = {**first, "SECRET_KEY": second["SECRET_KEY"], "JWT_VERIFYING_KEYS": second["JWT_SIGNING_KEY"]}
    statuses, tokens = go_on(fresh_site, tokens, third)
    assert statuses == [200, 200]
    assert go_on(fresh_site, tokens, {**third, "JWT_VERIFYING_KEYS": ""})[0] == [200, 200]
