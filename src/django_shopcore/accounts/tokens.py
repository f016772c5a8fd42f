"""The access and refresh tokens: simplejwt's, with a session in them and nothing trusted that we did not write."""

from __future__ import annotations

import datetime
import hashlib
import re
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework_simplejwt import settings as simplejwt
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError

from .conf import app_settings
from .keyring import SYMMETRIC, KeyBackend, KeyRing, read_header, usable

if TYPE_CHECKING:
    from .models import Session

SESSION_CLAIM = "sid"
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
MAX_LENGTH = 8192


def jwt_setting(name: str) -> Any:
    """The present value of an entry of ``SIMPLE_JWT``: simplejwt's modules keep those of their import."""
    if name == "SIGNING_KEY":
        return (getattr(settings, "SIMPLE_JWT", None) or {}).get(name, settings.SECRET_KEY)
    return getattr(simplejwt.api_settings, name)


RING_SETTINGS = ("ALGORITHM", "SIGNING_KEY", "VERIFYING_KEY", "AUDIENCE", "ISSUER", "LEEWAY", "JSON_ENCODER")

_ring: tuple[list[Any], KeyRing] | None = None


def key_ring() -> KeyRing:
    """The keys for the present settings; they are kept, since reading an RSA key takes a while.

    ``JWK_URL`` is left out: only tokens of our own are valid here.
    """
    global _ring
    values = [jwt_setting(name) for name in RING_SETTINGS]
    values.append(verifying_keys(values[0], values[1]))
    if _ring is None or _ring[0] != values:
        algorithm, signing_key, verifying_key, audience, issuer, leeway, json_encoder, others = values
        options = {"audience": audience, "issuer": issuer, "leeway": leeway, "json_encoder": json_encoder}
        present = KeyBackend(algorithm, signing_key, verifying_key, **options)
        _ring = values, KeyRing(present, usable(others, **options))
    return _ring[1]


def verifying_keys(algorithm: str, signing_key: Any) -> list[tuple[str, str | bytes]]:
    """The keys besides the one that signs, each as a pair with its algorithm.

    Where ``SECRET_KEY`` signs tokens, those that Django takes for it after a change are among them.
    """
    keys = list(app_settings.VERIFYING_KEYS)
    if algorithm in SYMMETRIC and signing_key == settings.SECRET_KEY:
        keys += [(algorithm, fallback) for fallback in settings.SECRET_KEY_FALLBACKS]
    return keys


def token_hash(raw: str) -> str:
    """What is stored of a refresh token."""
    return hashlib.sha256(raw.encode()).hexdigest()


def user_claim(user: Any) -> str:
    """How tokens name ``user``: by ``USER_ID_FIELD``, or by its key where it has no such field."""
    return str(getattr(user, jwt_setting("USER_ID_FIELD"), user.pk))


def _check_form(raw: str) -> None:
    """Raises ``TokenError`` unless ``raw`` is a compact JWT whose header says no more than ours do."""
    if len(raw) > MAX_LENGTH or not COMPACT.fullmatch(raw):
        raise TokenError("Not a token.")
    if read_header(raw.partition(".")[0]) is None:
        raise TokenError("Not a token of ours.")


class SessionToken(tokens.Token):
    """A token that belongs to a session. Reading a wrong one raises ``TokenError``."""

    session_id: uuid.UUID

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        if token is not None:
            _check_form(token)
        try:
            super().__init__(token, verify)
        except (ArithmeticError, LookupError, TypeError, ValueError) as exc:
            # Claims that we never write, signed with our key: by whom else it was given to.
            raise TokenError("Not a token of ours.") from exc

    @classmethod
    def for_session(cls, session: Session) -> str:
        """A new token of ``session``, signed."""
        token = cls()
        token[jwt_setting("TOKEN_TYPE_CLAIM") or "token_type"] = cls.token_type
        token[jwt_setting("JTI_CLAIM") or "jti"] = uuid.uuid4().hex
        token[jwt_setting("USER_ID_CLAIM")] = user_claim(session.user)
        token[SESSION_CLAIM] = str(session.pk)
        return str(token)

    def get_token_backend(self) -> KeyRing:
        return key_ring()

    def verify(self) -> None:
        self.check_exp()
        if self.payload.get(jwt_setting("TOKEN_TYPE_CLAIM") or "token_type") != self.token_type:
            raise TokenError("The token is of another type.")
        if not self.payload.get(jwt_setting("JTI_CLAIM") or "jti"):
            raise TokenError("The token has no id.")
        self.session_id = uuid.UUID(str(self.payload[SESSION_CLAIM]))

    def belongs_to(self, user: Any) -> bool:
        return bool(self.payload.get(jwt_setting("USER_ID_CLAIM")) == user_claim(user))


class AccessToken(SessionToken, tokens.AccessToken):
    @property
    def lifetime(self) -> datetime.timedelta:
        return jwt_setting("ACCESS_TOKEN_LIFETIME")  # type: ignore[no-any-return]


class RefreshToken(SessionToken, tokens.RefreshToken):
    access_token_class = AccessToken

    @property
    def lifetime(self) -> datetime.timedelta:
        return jwt_setting("REFRESH_TOKEN_LIFETIME")  # type: ignore[no-any-return]
