"""Forged, foreign and mistaken tokens."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from rest_framework.test import APIClient

from django_shopcore.accounts import signin
from tests.accounts.clients import tokens_of, works
from tests.factories.accounts import AdminFactory
from tests.problems import problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

ME = "/api/v1/auth/me/"


@pytest.fixture
def key(settings: Any) -> str:
    return str(settings.SIMPLE_JWT["SIGNING_KEY"])


@pytest.fixture
def tokens(user: Any) -> signin.Tokens:
    return tokens_of(user)


def call(header: Any) -> Any:
    return APIClient().get(ME, HTTP_AUTHORIZATION=header)


def refused(raw: str) -> bool:
    """Whether ``raw`` is 401 as an access and as a refresh token."""
    refresh = APIClient().post("/api/v1/auth/refresh/", {"refresh": raw})
    return problem_of(call(f"Bearer {raw}")) == problem_of(refresh) == (401, "token_invalid")


def claims(raw: str) -> dict[str, Any]:
    return dict(jwt.decode(raw, options={"verify_signature": False}))


def encode(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def keypair(bits: int = 2048) -> tuple[str, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return (
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )


def test_holds_only_what_names_the_session(tokens: signin.Tokens, user: Any) -> None:
    names = {"token_type", "exp", "iat", "jti", "user_id", "sid"}
    for raw, kind in ((tokens.access, "access"), (tokens.refresh, "refresh")):
        assert set(claims(raw)) == names
        assert claims(raw)["token_type"] == kind
        assert claims(raw)["user_id"] == str(user.pk)
        header = jwt.get_unverified_header(raw)
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", header.pop("kid"))
        assert header == {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_no_signature_is_no_token(tokens: signin.Tokens, algorithm: str, signature: str) -> None:
    payload = encode(claims(tokens.access))
    assert refused(f"{encode({'alg': algorithm, 'typ': 'JWT'})}.{payload}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore:The HMAC key")
def test_another_algorithm_with_our_key_is_refused(tokens: signin.Tokens, key: str, algorithm: str) -> None:
    for raw in tokens:
        assert refused(jwt.encode(claims(raw), key, algorithm=algorithm))


@pytest.mark.parametrize(
    "extra",
    [
        {"kid": "1"},
        {"jku": "https://example.com/keys.json"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"x5u": "https://example.com/cert.pem"},
        {"x5c": ["AAAA"]},
        {"crit": ["exp"]},
        {"b64": True},
        {"cty": "JWT"},
        {"typ": "at+jwt"},
        {"typ": None},
    ],
)
def test_a_header_with_more_than_the_algorithm_is_refused(
    tokens: signin.Tokens, key: str, extra: dict[str, Any]
) -> None:
    import hashlib
    import hmac

    for raw in tokens:
        signed = f"{encode({'alg': 'HS256', 'typ': 'JWT', **extra})}.{raw.split('.')[1]}"
        signature = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
        assert refused(f"{signed}.{encode(signature)}")


def test_a_public_key_is_not_a_secret(tokens: signin.Tokens, settings: Any) -> None:
    private, public = keypair()
    settings.SIMPLE_JWT = {"ALGORITHM": "RS256", "SIGNING_KEY": private, "VERIFYING_KEY": public}
    import hashlib
    import hmac

    signed = f"{encode({'alg': 'HS256', 'typ': 'JWT'})}.{tokens.access.split('.')[1]}"
    assert refused(f"{signed}.{encode(hmac.new(public.encode(), signed.encode(), hashlib.sha256).digest())}")


def test_a_refresh_token_is_no_access_token_nor_the_reverse(tokens: signin.Tokens) -> None:
    assert problem_of(call(f"Bearer {tokens.refresh}")) == (401, "token_invalid")
    response = APIClient().post("/api/v1/auth/refresh/", {"refresh": tokens.access})
    assert problem_of(response) == (401, "token_invalid")
    assert works(tokens.access)


def test_a_refresh_token_is_none_where_the_site_wants_no_type_claim(settings: Any, user: Any) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "TOKEN_TYPE_CLAIM": None, "JTI_CLAIM": None}
    tokens = tokens_of(user)

    assert works(tokens.access)
    assert problem_of(call(f"Bearer {tokens.refresh}")) == (401, "token_invalid")


def test_tampered_claims_are_refused(tokens: signin.Tokens, db: None) -> None:
    admin = AdminFactory()
    header, _, signature = tokens.access.split(".")
    for change in ({"user_id": str(admin.pk)}, {"is_admin": True}, {"exp": claims(tokens.access)["exp"] + 99}):
        assert refused(f"{header}.{encode({**claims(tokens.access), **change})}.{signature}")


def test_another_key_is_refused(tokens: signin.Tokens) -> None:
    assert refused(jwt.encode(claims(tokens.access), "another key that is at least 32 bytes", algorithm="HS256"))


def test_an_expired_token_is_refused(tokens: signin.Tokens, key: str) -> None:
    past = {"exp": int(time.time()) - 1}
    assert refused(jwt.encode({**claims(tokens.access), **past}, key, algorithm="HS256"))
    assert refused(jwt.encode({**claims(tokens.refresh), **past}, key, algorithm="HS256"))


@pytest.mark.parametrize("name", ["exp", "jti", "sid", "token_type"])
def test_a_missing_claim_is_refused(tokens: signin.Tokens, key: str, name: str) -> None:
    for raw in tokens:
        without = {claim: value for claim, value in claims(raw).items() if claim != name}
        assert refused(jwt.encode(without, key, algorithm="HS256"))


@pytest.mark.parametrize(
    "change",
    [
        {"sid": "x"},
        {"sid": None},
        {"sid": 7},
        {"sid": ["x"]},
        {"sid": ""},
        {"exp": 10**30},
        {"exp": "tomorrow"},
        {"exp": None},
        {"iat": 10**12},
        {"token_type": "sliding"},
        {"token_type": ["access"]},
        {"jti": ""},
        {"nbf": 10**12},
    ],
)
def test_a_claim_of_the_wrong_kind_is_refused(tokens: signin.Tokens, key: str, change: dict[str, Any]) -> None:
    for raw in tokens:
        assert refused(jwt.encode({**claims(raw), **change}, key, algorithm="HS256"))


def test_the_claim_of_another_user_is_refused(tokens: signin.Tokens, key: str) -> None:
    other = AdminFactory()
    for value in (str(other.pk), None, "", [], 10**30):
        for raw in tokens:
            assert refused(jwt.encode({**claims(raw), "user_id": value}, key, algorithm="HS256"))
    assert works(tokens.access)


def test_an_unknown_session_has_ended(tokens: signin.Tokens, key: str) -> None:
    unknown = {"sid": str(uuid.uuid4())}
    raw = jwt.encode({**claims(tokens.access), **unknown}, key, algorithm="HS256")
    assert problem_of(call(f"Bearer {raw}")) == (401, "session_ended")
    raw = jwt.encode({**claims(tokens.refresh), **unknown}, key, algorithm="HS256")
    response = APIClient().post("/api/v1/auth/refresh/", {"refresh": raw})
    assert problem_of(response) == (401, "session_ended")


def junk() -> Iterator[str]:
    deep = encode(b'{"a":' * 3000 + b"1" + b"}" * 3000)
    yield from ("", " ", "x", ".", "..", "...", "a.b", "a.b.c.d", "\u00e9.\u00e9.\u00e9", "\x00", "\x85", "x" * 9000)
    yield from (f"{deep}.e30.AAAA", f"{encode([])}.e30.AAAA", f"{encode(b'[' * 3000)}.e30.AAAA", "e30.e30.e30")
    yield from ("\ud800", "eyJ= .e30.e30", "a b c", "bnVsbA.bnVsbA.bnVsbA", f"{encode(b'{')}.e30.")


@pytest.mark.parametrize("raw", list(junk()))
def test_junk_after_bearer_is_401(raw: str, db: None) -> None:
    response = call(f"Bearer {raw}")
    assert problem_of(response) == (401, "token_invalid")
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Basic dTpw", "Token x", "x", "Bearerx y", "\u00e9", "JWT a.b.c", "\x00"])
def test_another_scheme_is_no_credentials(header: str, db: None) -> None:
    assert problem_of(call(header)) == (401, "not_authenticated")


def test_signed_tokens_with_something_around_them_are_refused(tokens: signin.Tokens) -> None:
    for raw in (tokens.access + "=", tokens.access + ".", tokens.access + "\n", f'"{tokens.access}"'):
        assert problem_of(call(f"Bearer {raw}")) == (401, "token_invalid")


def test_the_scheme_is_bearer_in_any_case_whatever_simplejwt_is_told(tokens: signin.Tokens, settings: Any) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUTH_HEADER_TYPES": ("JWT",), "AUTH_HEADER_NAME": "HTTP_X_TOKEN"}

    assert call(f"Bearer {tokens.access}").status_code == 200
    assert call(f"bearer  {tokens.access} ").status_code == 200
    assert call(f"JWT {tokens.access}").status_code == 401


def test_a_token_travels_in_the_header_only(tokens: signin.Tokens) -> None:
    client = APIClient()
    client.cookies["access"] = tokens.access
    assert client.get(f"{ME}?access={tokens.access}&token={tokens.access}").status_code == 401


def test_rs256_works_by_configuration(user: Any, settings: Any) -> None:
    hs256 = tokens_of(user)
    private, public = keypair()
    settings.SIMPLE_JWT = {"ALGORITHM": "RS256", "SIGNING_KEY": private, "VERIFYING_KEY": public}

    tokens = tokens_of(user)

    header = jwt.get_unverified_header(tokens.access)
    assert (header["alg"], len(header["kid"])) == ("RS256", 43)
    assert works(tokens.access)
    assert APIClient().post("/api/v1/auth/refresh/", {"refresh": tokens.refresh}).status_code == 200
    assert refused(hs256.access)
    assert refused(jwt.encode(claims(tokens.access), keypair()[0], algorithm="RS256"))


def test_settings_are_read_at_use(user: Any, settings: Any) -> None:
    from datetime import timedelta

    settings.SIMPLE_JWT = {
        **settings.SIMPLE_JWT,
        "ACCESS_TOKEN_LIFETIME": timedelta(seconds=100),
        "REFRESH_TOKEN_LIFETIME": timedelta(seconds=1000),
        "ISSUER": "the shop",
        "AUDIENCE": ["the shop"],
        "USER_ID_CLAIM": "sub",
        "LEEWAY": 1,
    }
    tokens = tokens_of(user)

    assert works(tokens.access)
    access, refresh = claims(tokens.access), claims(tokens.refresh)
    assert access["exp"] - access["iat"] == 100
    assert refresh["exp"] - refresh["iat"] == 1000
    assert (access["iss"], access["sub"]) == ("the shop", str(user.pk))


def test_the_secret_key_signs_where_no_other_key_is_set(user: Any, settings: Any) -> None:
    settings.SIMPLE_JWT = {}
    raw = tokens_of(user).access
    assert jwt.decode(raw, settings.SECRET_KEY, algorithms=["HS256"])
    assert works(raw)
