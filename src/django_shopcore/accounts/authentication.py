"""Who calls, by the access token in the ``Authorization`` header."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.db import connections, router
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError

from django_shopcore.core.execution import fetch
from django_shopcore.core.plans import Compiled, Shapes, Slot, bind
from django_shopcore.core.reading import is_plain

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
        session = session_with_user(token.session_id)
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


class SessionStatement:
    """Reads one session and its user, as ``select_related`` does, by SQL that is compiled once."""

    def __init__(self, sessions: Any) -> None:
        self.alias: str = sessions.db
        self.relation: Any = Session._meta.get_field("user")
        self.user_model = self.relation.related_model
        own, users = Session._meta.concrete_fields, self.user_model._meta.concrete_fields
        self.own, self.users = [field.attname for field in own], [field.attname for field in users]
        columns = [field.name for field in own] + [f"user__{field.name}" for field in users]
        key = Slot("pk", Session._meta.pk)
        compiled = Compiled.of(sessions.filter(pk=key).values_list(*columns), self.alias)
        assert compiled is not None  # noqa: S101
        self.compiled = compiled

    def read(self, pk: uuid.UUID) -> Session | None:
        params = bind(self.compiled.params, {"pk": pk}, connections[self.alias])
        rows = fetch(self.alias, self.compiled.sql, params, prepare=True)
        if not rows:
            return None
        values = list(rows[0])
        for index, convert in self.compiled.converters:
            values[index] = convert(values[index])
        session: Session = Session.from_db(self.alias, self.own, values[: len(self.own)])
        user = self.user_model.from_db(self.alias, self.users, values[len(self.own) :])
        self.relation.set_cached_value(session, user)
        return session


_statements = Shapes()


def session_with_user(pk: uuid.UUID) -> Session | None:
    """The session and its user, fresh, in one statement. A site's own manager of sessions builds it each time."""
    manager: Any = Session.objects
    alias = router.db_for_write(Session)
    statement: SessionStatement | None = _statements.get(
        (type(manager), alias), lambda: SessionStatement(manager.using(alias)) if is_plain(manager) else None
    )
    if statement is not None:
        return statement.read(pk)
    session: Session | None = manager.fresh().select_related("user").filter(pk=pk).first()
    return session


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
