"""Clients that are signed in with real tokens."""

from __future__ import annotations

from typing import Any

from django.test import RequestFactory
from rest_framework.test import APIClient

from django_shopcore.accounts import signin
from django_shopcore.accounts.models import Session


def tokens_of(user: Any, **meta: Any) -> signin.Tokens:
    """The tokens of a new session of ``user``; ``meta`` is the request's, ``HTTP_USER_AGENT`` for one."""
    return signin.sign_in(RequestFactory().post("/", **meta), user)


def bearer(access: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def signed_in(user: Any, **meta: Any) -> APIClient:
    return bearer(tokens_of(user, **meta).access)


def session_of(tokens: signin.Tokens) -> Session:
    """The row of the session that ``tokens`` belong to."""
    from django_shopcore.accounts.tokens import AccessToken

    session: Session = Session.objects.get(pk=AccessToken(tokens.access).session_id)
    return session


def works(access: str) -> bool:
    """Whether the access token gets an answer; if not, it is a 401."""
    response = bearer(access).get("/api/v1/auth/me/")
    assert response.status_code in (200, 401)
    return bool(response.status_code == 200)
