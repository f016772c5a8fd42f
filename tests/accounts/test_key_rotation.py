"""Keys that are replaced while their tokens live, and tokens that name keys."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from rest_framework.test import APIClient

from django_shopcore.accounts import signin
from tests.accounts.clients import bearer, session_of, tokens_of, works
from tests.accounts.test_tokens import claims, encode, keypair, refused

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

REFRESH = "/api/v1/auth/refresh/"
OLD = ("HS256", "a signing key of the tests, at least 32 bytes")
NEW = "the next signing key of the tests, at least 32 bytes"
PRIVATE, PUBLIC = keypair()


@pytest.fixture
def tokens(user: Any) -> signin.Tokens:
    return tokens_of(user)


def rotate_to(settings: Any, *old: tuple[str, Any], algorithm: str = "HS256", key: str = NEW, public: str = "") -> None:
    """The site signs with ``key`` from now on; ``old`` still verify."""
    settings.SIMPLE_JWT = {"ALGORITHM": algorithm, "SIGNING_KEY": key, "VERIFYING_KEY": public}
    settings.SHOPCORE_ACCOUNTS_VERIFYING_KEYS = list(old)


def to_rs256(settings: Any, *old: tuple[str, Any]) -> None:
    rotate_to(settings, *old, algorithm="RS256", key=PRIVATE, public=PUBLIC)


def refreshed(raw: str) -> signin.Tokens:
    response = APIClient().post(REFRESH, {"refresh": raw})
    assert response.status_code == 200, response.json()
    return signin.Tokens(**response.json())


def header_of(raw: str) -> dict[str, Any]:
    return dict(jwt.get_unverified_header(raw))


def signed(header: dict[str, Any], raw: str, key: str) -> str:
    """The claims of ``raw`` under another header, signed by HMAC-SHA256, whatever PyJWT thinks of the key."""
    text = f"{encode(header)}.{raw.split('.')[1]}"
    return f"{text}.{encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())}"


def unnamed(raw: str, key: str = OLD[1]) -> str:
    """``raw`` as earlier versions signed it."""
    return signed({"alg": "HS256", "typ": "JWT"}, raw, key)


def test_a_new_key_signs_nobody_out(tokens: signin.Tokens, settings: Any) -> None:
    session = session_of(tokens)
    rotate_to(settings, OLD)

    assert works(tokens.access)
    new = refreshed(tokens.refresh)

    assert works(new.access)
    assert session_of(new) == session
    assert header_of(new.access)["kid"] == header_of(new.refresh)["kid"] != header_of(tokens.access)["kid"]
    settings.SHOPCORE_ACCOUNTS_VERIFYING_KEYS = []
    assert works(new.access)
    assert works(refreshed(new.refresh).access)


def test_a_key_that_is_not_listed_any_more_verifies_nothing(tokens: signin.Tokens, settings: Any) -> None:
    rotate_to(settings)
    for raw in tokens:
        assert refused(raw)


def test_several_keys_are_replaced_one_after_another(user: Any, settings: Any) -> None:
    names = [f"key {number} of the tests, at least 32 bytes long" for number in range(4)]
    made = []
    for number, name in enumerate(names):
        rotate_to(settings, *[("HS256", old) for old in names[:number]], key=name)
        made.append(tokens_of(user))
    assert all(works(tokens.access) for tokens in made)
    assert len({header_of(tokens.access)["kid"] for tokens in made}) == 4


@pytest.mark.parametrize("form", [PUBLIC, PRIVATE, PRIVATE.encode()], ids=["public", "private", "bytes"])
def test_the_algorithm_may_change_with_the_key_and_back(user: Any, settings: Any, form: Any) -> None:
    hs256 = tokens_of(user)
    to_rs256(settings, OLD)
    assert works(hs256.access)
    rs256 = refreshed(hs256.refresh)
    assert header_of(rs256.access)["alg"] == "RS256"
    assert works(rs256.access)

    rotate_to(settings, ("RS256", form))
    assert works(rs256.access)
    back = refreshed(rs256.refresh)
    assert header_of(back.access)["alg"] == "HS256"
    assert works(back.access)


def test_the_next_key_is_known_before_it_signs(user: Any, settings: Any) -> None:
    """As where one process after another is started anew."""
    rotate_to(settings, OLD)
    early = tokens_of(user)
    rotate_to(settings, ("HS256", NEW), key=OLD[1])
    assert works(early.access)
    assert works(refreshed(early.refresh).access)


def test_tokens_of_earlier_versions_name_no_key_and_are_taken(tokens: signin.Tokens, settings: Any) -> None:
    assert works(unnamed(tokens.access))
    to_rs256(settings, ("HS256", NEW), OLD)
    assert works(unnamed(tokens.access))
    assert refused(unnamed(tokens.access, "a key that was never one of ours, at least 32 bytes"))


def test_a_stored_refresh_token_of_an_earlier_version_is_exchanged(tokens: signin.Tokens, settings: Any) -> None:
    from django_shopcore.accounts.models import Session
    from django_shopcore.accounts.tokens import token_hash

    old = unnamed(tokens.refresh)
    Session.objects.update(refresh_hash=token_hash(old))
    rotate_to(settings, OLD)
    assert works(refreshed(old).access)


def test_a_token_expires_under_an_old_key_too(tokens: signin.Tokens, settings: Any) -> None:
    rotate_to(settings, OLD)
    past = {"exp": int(time.time()) - 1}
    for raw in tokens:
        late = jwt.encode({**claims(raw), **past}, OLD[1], headers={"kid": header_of(raw)["kid"]})
        assert refused(late)
        assert refused(jwt.encode({**claims(raw), **past}, OLD[1]))


def test_the_name_of_one_key_does_not_stand_for_another(tokens: signin.Tokens, user: Any, settings: Any) -> None:
    rotate_to(settings, OLD)
    new = tokens_of(user)
    for raw, key in ((tokens.access, NEW), (new.access, OLD[1])):
        assert refused(signed({"alg": "HS256", "typ": "JWT", "kid": header_of(raw)["kid"]}, raw, key))


@pytest.mark.filterwarnings("ignore:The HMAC key")
def test_each_key_has_one_algorithm(tokens: signin.Tokens, user: Any, settings: Any) -> None:
    rotate_to(settings, OLD, ("HS512", NEW * 2))
    kid = header_of(tokens.access)["kid"]
    for algorithm in ("HS384", "HS512"):
        for headers in ({"kid": kid}, {}):
            assert refused(jwt.encode(claims(tokens.access), OLD[1], algorithm=algorithm, headers=headers))
    assert works(jwt.encode(claims(tokens.access), NEW * 2, algorithm="HS512"))
    assert refused(jwt.encode(claims(tokens.access), NEW * 2, algorithm="HS256"))


@pytest.mark.parametrize("rs256_signs", [True, False])
def test_a_public_key_is_nowhere_a_secret(tokens: signin.Tokens, settings: Any, rs256_signs: bool) -> None:
    if rs256_signs:
        to_rs256(settings, OLD)
    else:
        rotate_to(settings, ("RS256", PUBLIC), key=OLD[1])
    from django_shopcore.accounts.tokens import key_ring

    assert len(key_ring().by_id) == 2
    for kid in key_ring().by_id:
        for key in (PUBLIC, PUBLIC.strip(), PRIVATE):
            assert refused(signed({"alg": "HS256", "typ": "JWT", "kid": kid}, tokens.access, key))
            assert refused(unnamed(tokens.access, key))


HOSTILE = [
    "1",
    "",
    "/etc/passwd",
    "../../../../dev/null",
    "x' UNION SELECT 'secret' --",
    "{{ 7 * 7 }}",
    "key\u0000",
    "k\u00e9y",
    "\u202eyek",
    "\U0001f511",
    "\ud800",
    "k" * 4000,
    "http://127.0.0.1/keys.json",
    "| sleep 5",
    None,
    0,
    -1.5,
    True,
    [],
    ["1"],
    {},
    {"kty": "oct", "k": "AAAA"},
]


@pytest.mark.parametrize("kid", HOSTILE, ids=range(len(HOSTILE)))
def test_a_name_that_is_no_key_of_ours_is_401(tokens: signin.Tokens, settings: Any, kid: Any) -> None:
    rotate_to(settings, ("RS256", PUBLIC), key=OLD[1])
    for raw in tokens:
        assert refused(signed({"alg": "HS256", "typ": "JWT", "kid": kid}, raw, OLD[1]))
        assert refused(signed({"alg": "HS256", "typ": "JWT", "kid": kid}, raw, ""))


@pytest.mark.parametrize("change", [str.upper, str.swapcase, lambda kid: kid + " ", lambda kid: kid[:-1]])
def test_a_name_is_right_to_the_letter(tokens: signin.Tokens, change: Any) -> None:
    kid = header_of(tokens.access)["kid"]
    assert works(signed({"alg": "HS256", "typ": "JWT", "kid": kid}, tokens.access, OLD[1]))
    assert refused(signed({"alg": "HS256", "typ": "JWT", "kid": change(kid)}, tokens.access, OLD[1]))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "crit"])
def test_a_right_name_does_not_excuse_another_key(tokens: signin.Tokens, name: str) -> None:
    header = {**header_of(tokens.access), name: {"kty": "oct", "k": encode(b"k" * 32)}}
    for key in (OLD[1], "k" * 32):
        assert refused(signed(header, tokens.access, key))


def test_a_name_tells_nothing_and_is_the_same_in_each_process(tokens: signin.Tokens, settings: Any) -> None:
    kid = header_of(tokens.access)["kid"]
    known = {hashlib.new(name, OLD[1].encode()).digest() for name in ("md5", "sha1", "sha256", "sha512")}
    assert not any(digest.startswith(jwt.utils.base64url_decode(kid)) for digest in known)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "LEEWAY": 1}  # keys are read anew
    assert works(tokens.access)


def test_the_name_of_a_public_key_is_its_thumbprint(user: Any, settings: Any) -> None:
    """RFC 7638, so that who publishes the key elsewhere finds the same."""
    to_rs256(settings)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(jwt.algorithms.RSAAlgorithm("").prepare_key(PUBLIC)))
    text = f'{{"e":"{jwk["e"]}","kty":"RSA","n":"{jwk["n"]}"}}'
    assert header_of(tokens_of(user).access)["kid"] == encode(hashlib.sha256(text.encode()).digest())


@pytest.mark.parametrize("explicit", [True, False])
def test_where_the_secret_key_signs_its_fallbacks_verify(user: Any, settings: Any, explicit: bool) -> None:
    settings.SIMPLE_JWT = {"SIGNING_KEY": settings.SECRET_KEY} if explicit else {}
    tokens, old = tokens_of(user), settings.SECRET_KEY
    settings.SECRET_KEY = NEW
    if explicit:
        settings.SIMPLE_JWT = {"SIGNING_KEY": NEW}
    assert not works(tokens.access)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert works(tokens.access)
    new = refreshed(tokens.refresh)
    settings.SECRET_KEY_FALLBACKS = []
    assert works(new.access)


def test_fallbacks_of_the_secret_key_verify_no_tokens_that_it_did_not_sign(
    tokens: signin.Tokens, settings: Any
) -> None:
    settings.SECRET_KEY_FALLBACKS = [NEW]
    assert refused(unnamed(tokens.access, NEW))
    assert refused(unnamed(tokens.access, settings.SECRET_KEY))


@pytest.mark.parametrize(
    "bad", [("HS256", PUBLIC), ("RS256", "no PEM"), ("none", ""), ("HS1", "x"), ("HS256", ""), ("ES256", PUBLIC)]
)
def test_a_key_that_is_none_is_left_out_and_logged(
    tokens: signin.Tokens, settings: Any, caplog: pytest.LogCaptureFixture, bad: tuple[str, str]
) -> None:
    rotate_to(settings, bad, OLD)
    assert works(tokens.access)
    [record] = [record for record in caplog.records if record.name == "django_shopcore.accounts.keyring"]
    assert record.getMessage().startswith("Key 0 that verifies tokens is left out: ")
    assert refused(signed({"alg": "HS256", "typ": "JWT"}, tokens.access, PUBLIC))


def test_a_signed_out_session_stays_so_under_every_key(tokens: signin.Tokens, settings: Any) -> None:
    rotate_to(settings, OLD)
    assert bearer(tokens.access).post("/api/v1/auth/logout/").status_code == 204
    assert not works(tokens.access)
    assert APIClient().post(REFRESH, {"refresh": tokens.refresh}).status_code == 401
