"""The secrets of authenticator apps, encrypted with keys that are made from ``SECRET_KEY`` and its fallbacks.

The newest key encrypts, all of them decrypt. What only a fallback key opens is encrypted anew when it is used, and
``manage.py shopcore_mfa_reencrypt`` does so for all; then the fallback can go.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

logger = logging.getLogger(__name__)

SALT = "django_shopcore.mfa.encryption"


def _ring(keys: Sequence[str | bytes] = ()) -> Any:
    # Here, since the package is optional: a check reports it (E401).
    from cryptography.fernet import Fernet, MultiFernet

    keys = keys or [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(SALT, "", secret=key, algorithm="sha256").digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


def encrypt(user: Any, secret: str) -> str:
    """``secret`` for the database. It names its owner: copied to another account it is of no use."""
    token: bytes = _ring().encrypt(f"{user.pk}:{secret}".encode())
    return token.decode()


def decrypt(user: Any, stored: str) -> str | None:
    """The secret; ``None`` for one of another owner, or when none of the keys opens it, which is logged."""
    from cryptography.fernet import InvalidToken

    try:
        owner, _, secret = _ring().decrypt(stored.encode()).decode().partition(":")
    except InvalidToken:
        logger.error("The second factor of the user %s was encrypted with a key that is gone.", user.pk)
        return None
    return secret if owner == str(user.pk) else None


def renewed(stored: str) -> str:
    """``stored``, encrypted with the present key if it was with a fallback key; otherwise as it is.

    Raises ``InvalidToken`` when none of the keys opens it.
    """
    from cryptography.fernet import InvalidToken

    newest = _ring([settings.SECRET_KEY])
    try:
        newest.decrypt(stored.encode())
    except InvalidToken:
        token: bytes = _ring().rotate(stored.encode())
        return token.decode()
    return stored
