"""System checks of the keys that verify tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from rest_framework_simplejwt.exceptions import TokenBackendError

from .checks import check_tokens
from .conf import AccountsSettings, app_settings
from .keyring import SYMMETRIC, KeyBackend, verifying_backend
from .tokens import jwt_setting

NAME = "SHOPCORE_ACCOUNTS_VERIFYING_KEYS"


@register(Tags.security)
def check_key_pair(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E207: the two keys are weak, or no pair, or no keys, so that no token which is signed is taken."""
    if check_tokens(app_configs):
        return []  # which says more
    try:
        backend = _present()
        _refuse_weak(backend)
        backend.decode(backend.encode({}))
    except (TypeError, ValueError, jwt.PyJWTError, TokenBackendError):
        text = f"The keys of SIMPLE_JWT do not do for {jwt_setting('ALGORITHM')}."
        hint = "HS256: a secret, not a PEM. RS256: a private key of 2048 bits, and its public key in VERIFYING_KEY."
        return [Error(text, hint=hint, id="shopcore.E207")]
    return []


@register(Tags.security)
def check_verifying_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E208: a further key that is none, or weak. W207: one that is there twice."""
    if not AccountsSettings.VERIFYING_KEYS.kind.accepts(app_settings.VERIFYING_KEYS):
        return []  # E001 reports it
    return list(_check_each(app_settings.VERIFYING_KEYS))


def _check_each(keys: Any) -> Iterator[CheckMessage]:
    seen: set[Any] = set()
    if not check_tokens(None) and not check_key_pair(None):
        seen.add(_identity(_present()))
    for position, (algorithm, key) in enumerate(keys):
        try:
            backend = verifying_backend(algorithm, key)
            _refuse_weak(backend)
        except ValueError as exc:
            hint = "Until then tokens that were signed by it are refused. See how-to/rotate-keys in the documentation."
            yield Error(f"{NAME}[{position}]: {exc}.", hint=hint, id="shopcore.E208")
            continue
        identity = _identity(backend)
        if identity in seen:
            hint = "Remove it; a key is used with one algorithm only."
            yield Warning(f"{NAME}[{position}] is one of the other keys.", hint=hint, id="shopcore.W207")
        seen.add(identity)


def _present() -> KeyBackend:
    return KeyBackend(*map(jwt_setting, ("ALGORITHM", "SIGNING_KEY", "VERIFYING_KEY")))


def _refuse_weak(backend: KeyBackend) -> None:
    fault = jwt.get_algorithm_by_name(backend.algorithm).check_key_length(backend.get_verifying_key(None))
    if fault:
        raise ValueError(f"the key is too short for {backend.algorithm}")


def _identity(backend: KeyBackend) -> Any:
    """The same for the same key, whatever its algorithm and the way it is written."""
    return backend.get_verifying_key(None) if backend.algorithm in SYMMETRIC else backend.key_id
