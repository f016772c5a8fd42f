"""Who calls, by the access token in the ``Authorization`` header."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError

from .exceptions import invalid_token, session_ended
from .models import Session
from .tokens import AccessToken

# `last_used_at` is written at most this often: a write for each read would be the dearest part of it.
LAST_USED_STEP = datetime.timedelta(minutes=5)


class SessionTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer <access token>``; ``request.auth`` is the session.

    The token is only believed as to which session it belongs to. Session and user are read from the database
    each time, in one query, so that whatever ends a session or changes a role holds for the next request.
    """

    def authenticate(self, request: Request) -> tuple[Any, Session] | None:
        """Raises ``AuthenticationFailed`` (401) for a bearer token that is not one of a live session."""
        raw = bearer_token(request)
        if raw is None:
            return None
        try:
            token = AccessToken(raw)
        except TokenError as exc:
            raise invalid_token() from exc
        session = Session.objects.fresh().select_related("user").filter(pk=token.session_id).first()
        if session is None:
            raise session_ended()
        if not token.belongs_to(session.user):
            raise invalid_token()
        now = timezone.now()
        if not session.is_live(now):
            raise session_ended()
        self._note_use(session, now)
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    @staticmethod
    def _note_use(session: Session, now: datetime.datetime) -> None:
        due = now - LAST_USED_STEP
        if session.last_used_at <= due:
            Session.objects.filter(pk=session.pk, last_used_at__lte=due).update(last_used_at=now)
            session.last_used_at = now


def bearer_token(request: Request) -> str | None:
    """What follows ``Bearer`` in the header; ``None`` without one or with another scheme."""
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, raw = header.strip(" ").partition(" ")
    return raw.strip(" ") if scheme.lower() == "bearer" else None


def current_session(request: Request) -> Session | None:
    """The session of the token that came with the request; ``None`` where the host signs in its own way."""
    return request.auth if isinstance(request.auth, Session) else None


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = SessionTokenAuthentication
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: Any) -> Any:
        return build_bearer_security_scheme_object("Authorization", "Bearer", "JWT")
