"""The keys of tokens: one signs, and others verify too, so that a key can be replaced while its tokens live."""

from __future__ import annotations

import datetime
import functools
import hashlib
import hmac
import json
import logging
from collections.abc import Iterable
from typing import Any

import jwt
from jwt.utils import base64url_encode
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

logger = logging.getLogger(__name__)

# RFC 7518, 3.2: a key at least as long as the digest.
SYMMETRIC = {"HS256": 32, "HS384": 48, "HS512": 64}
# RFC 7638, 3.2, and RFC 8037: what the thumbprint of a public key is made of.
THUMBPRINT = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


class Header:
    """What the header of a token asks for: ``algorithm``, and the key's id in ``key_id`` or ``None``."""

    def __init__(self, algorithm: Any, key_id: str | None) -> None:
        self.algorithm = algorithm
        self.key_id = key_id


@functools.lru_cache(maxsize=16)  # all tokens that a key has signed have the same header
def read_header(encoded: str) -> Header | None:
    """The header, or ``None`` for one that says more than ours do.

    A ``jwk``, ``jku`` or ``x5u`` asks the verifier to take another key. A ``kid`` names one of ours or none.
    """
    try:
        header = jwt.get_unverified_header(f"{encoded}..")
    except jwt.PyJWTError:
        return None
    if header.keys() - {"alg", "kid", "typ"} or header.get("typ", "JWT") != "JWT":
        return None
    return Header(header.get("alg"), header.get("kid"))


def key_id(algorithm: str, key: Any) -> str:
    """The ``kid`` of a prepared key: the RFC 7638 thumbprint of a public key, an HMAC by a secret.

    So nobody has to name keys. It tells of a secret what each token's signature tells of it, and no more.
    """
    if algorithm in SYMMETRIC:
        digest = hmac.digest(key, f"django_shopcore: id of a key for {algorithm}".encode(), "sha256")[:16]
    else:
        jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
        members = {name: jwk[name] for name in THUMBPRINT[jwk["kty"]]}
        digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64url_encode(digest).decode()


class KeyBackend(TokenBackend):
    """simplejwt's backend, for one key and its algorithm; names the key in the header of what it signs."""

    @functools.cached_property
    def key_id(self) -> str:
        return key_id(self.algorithm, self.get_verifying_key(None))

    def encode(self, payload: dict[str, Any]) -> str:
        """``payload`` as a token, with the audience and the issuer of the settings."""
        more = {"aud": self.audience, "iss": self.issuer}
        return jwt.encode(
            {**payload, **{name: value for name, value in more.items() if value is not None}},
            self.prepared_signing_key,
            algorithm=self.algorithm,
            headers={"kid": self.key_id},
            json_encoder=self.json_encoder,
        )


def verifying_backend(algorithm: str, key: str | bytes, **options: Any) -> KeyBackend:
    """A backend that reads what ``key``, a secret or a public or private PEM, has signed.

    ``options`` are those of simplejwt's backend. Raises ``ValueError``, with one sentence, for a key that does
    not go with the algorithm.
    """
    try:
        prepared = jwt.get_algorithm_by_name(algorithm).prepare_key(key)
        if hasattr(prepared, "public_key"):
            prepared = prepared.public_key()
        keys = {"signing_key": prepared} if algorithm in SYMMETRIC else {"verifying_key": prepared}
        backend = KeyBackend(algorithm, **keys, **options)
        backend.key_id  # noqa: B018 - shows whether it works
    except (NotImplementedError, TokenBackendError):
        raise ValueError(f"{algorithm} is no algorithm that can be used here") from None
    except (LookupError, TypeError, ValueError, jwt.PyJWTError):
        raise ValueError(f"it is no key for {algorithm}") from None
    return backend


class KeyRing:
    """Signs with ``present``; verifies with that and with ``others``, each by its own algorithm alone.

    It stands where simplejwt has a token backend.
    """

    def __init__(self, present: KeyBackend, others: Iterable[KeyBackend]) -> None:
        self.present = present
        self.by_id: dict[str, KeyBackend] = {present.key_id: present}
        for backend in others:
            self.by_id.setdefault(backend.key_id, backend)

    def encode(self, payload: dict[str, Any]) -> str:
        return self.present.encode(payload)

    def get_leeway(self) -> datetime.timedelta:
        return self.present.get_leeway()  # type: ignore[no-any-return]

    def decode(self, token: str, verify: bool = True) -> dict[str, Any]:
        """The claims. Raises ``TokenBackendError``, also for a token that names a key which is none of these."""
        refusal = TokenBackendError("No key of ours.")
        for backend in self._backends_for(read_header(token.partition(".")[0])):
            try:
                return backend.decode(token, verify=verify)  # type: ignore[no-any-return]
            except TokenBackendExpiredToken:
                raise  # it was the right key
            except TokenBackendError as exc:
                refusal = exc
        raise refusal

    def _backends_for(self, header: Header | None) -> list[KeyBackend]:
        """One that is named; all of the algorithm where none is, as in tokens of before there were names."""
        if header is None:
            return []
        if header.key_id is None:
            return [backend for backend in self.by_id.values() if backend.algorithm == header.algorithm]
        backend = self.by_id.get(header.key_id)
        return [backend] if backend is not None and backend.algorithm == header.algorithm else []


def usable(keys: Iterable[tuple[str, str | bytes]], **options: Any) -> list[KeyBackend]:
    """The backends of those ``keys`` that work. The others are logged, and verify nothing."""
    backends = []
    for position, (algorithm, key) in enumerate(keys):
        try:
            backends.append(verifying_backend(algorithm, key, **options))
        except ValueError as exc:
            logger.error("Key %d that verifies tokens is left out: %s.", position, exc)
    return backends
