"""The two secrets: ``SECRET_KEY``, and what tokens are signed with."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Any

MIN_LENGTH = 50
MIN_HS256_BYTES = 32
MIN_RSA_BITS = 2048
ALGORITHMS = ("HS256", "RS256")
NEEDS_CRYPTOGRAPHY = "RS256 needs cryptography: pip install 'django-shopcore[rs256]'"


def secret_key(text: str) -> str:
    """What Django's own deployment check asks for."""
    if len(text) < MIN_LENGTH:
        raise ValueError(f"must have at least {MIN_LENGTH} characters")
    if len(set(text)) < 5 or text.startswith("django-insecure-"):
        raise ValueError("is too easy to guess; make one with: python3 -c 'import secrets; print(secrets.token_hex())'")
    return text


def secret_keys(text: str) -> list[str]:
    """``SECRET_KEY_FALLBACKS``: keys with commas between them."""
    return [secret_key(key.strip()) for key in text.split(",") if key.strip()]


def kept_secret_key(file: Path) -> str:
    """The random key in ``file``, made at the first use; the same for processes that start at once."""
    try:
        if not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            _create(file, secrets.token_hex(32))
        return secret_key(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "its content is no key; delete it"
        raise ValueError(f"no random key could be kept in {file}: {reason}") from None


def _create(file: Path, text: str) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text)
    try:
        # Unlike a rename, a link does not replace the key that another process has put there meanwhile.
        os.link(temporary, file)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        temporary.replace(file)
    temporary.unlink(missing_ok=True)


def algorithm(text: str) -> str:
    if text not in ALGORITHMS:
        raise ValueError("expected HS256 or RS256")
    return text


def derived_signing_key(secret: str) -> str:
    return hmac.new(secret.encode(), b"shop: the key that signs tokens", hashlib.sha256).hexdigest()


def signing_keys(text: str, algorithm: str) -> dict[str, Any]:
    """``SIGNING_KEY`` and ``VERIFYING_KEY`` of ``SIMPLE_JWT``."""
    if algorithm == "RS256":
        return _rsa_keys(text.replace("\\n", "\n"))
    if "-----BEGIN" in text:
        raise ValueError("is a PEM key; that goes with JWT_ALGORITHM=RS256")
    if len(text.encode()) < MIN_HS256_BYTES:
        raise ValueError(f"must have at least {MIN_HS256_BYTES} bytes")
    return {"SIGNING_KEY": text, "VERIFYING_KEY": ""}


def verifying_keys(text: str) -> list[tuple[str, str]]:
    """``SHOPCORE_ACCOUNTS_VERIFYING_KEYS``: keys with commas between them, a PEM for RS256 and others for HS256."""
    keys = [key.strip().replace("\\n", "\n") for key in text.split(",") if key.strip()]
    return [
        ("RS256", _rsa_public_key(key)) if "-----BEGIN" in key else ("HS256", signing_keys(key, "HS256")["SIGNING_KEY"])
        for key in keys
    ]


def _rsa_public_key(pem: str) -> str:
    if "PRIVATE KEY-----" in pem:
        return str(_rsa_keys(pem)["VERIFYING_KEY"])
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    except ImportError:
        raise ValueError(NEEDS_CRYPTOGRAPHY) from None
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("expected RSA keys in PEM form, or secrets, with commas between them") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise ValueError(f"expected RSA keys of at least {MIN_RSA_BITS} bits")
    return pem


def _rsa_keys(pem: str) -> dict[str, Any]:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    except ImportError:
        raise ValueError(NEEDS_CRYPTOGRAPHY) from None
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("expected an RSA private key in PEM form, without a password") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_RSA_BITS:
        raise ValueError(f"expected an RSA key of at least {MIN_RSA_BITS} bits")
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"SIGNING_KEY": pem, "VERIFYING_KEY": public.decode()}
