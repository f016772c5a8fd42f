"""A client that is somebody."""

from __future__ import annotations

from typing import Any, TypeVar

from django.apps import apps
from django.test import RequestFactory
from django.utils.module_loading import import_string
from rest_framework.test import APIClient

from django_shopcore.core.conf import core_settings
from django_shopcore.core.views import default_authenticators

from .users import make_user

C = TypeVar("C", bound="ShopcoreClient")


class ShopcoreClient(APIClient):
    """DRF's client, which sends JSON and signs in by role.

    ``as_user()``, ``as_customer()`` and ``as_admin()`` return further clients, so that a test can have several side
    by side; the one they are called on stays who it is.

    Where the accounts feature signs people in, they use a real access token of a real session, as after a log-in:
    ``user_signed_in`` is sent, and what ends the session ends the client. The session counts as one that has shown a
    second factor, where those are installed. Elsewhere, and where
    ``SHOPCORE_AUTHENTICATION_CLASSES`` names other classes, they use DRF's ``force_authenticate``.
    """

    default_format = "json"
    user: Any = None
    """Who the requests are from; None for an anonymous client."""

    def as_user(self: C, user: Any) -> C:
        """A client of this user, who must be saved where tokens are used."""
        defaults: Any = self.defaults
        client = type(self)(
            enforce_csrf_checks=self.handler.enforce_csrf_checks,
            raise_request_exception=self.raise_request_exception,
            **defaults,
        )
        client.user = user
        if uses_tokens():
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {_access_token(user, defaults)}")
        else:
            client.force_authenticate(user)
        return client

    def as_customer(self: C, **columns: Any) -> C:
        """A client of a new customer; ``columns`` are those of the user, see ``make_user``."""
        return self.as_user(make_user(**columns))

    def as_admin(self: C, **columns: Any) -> C:
        """A client of a new admin; ``columns`` are those of the user, see ``make_user``."""
        return self.as_user(make_user(admin=True, **columns))


def _access_token(user: Any, defaults: Any) -> str:
    from django_shopcore.accounts.signin import sign_in
    from django_shopcore.accounts.tokens import AccessToken

    tokens = sign_in(RequestFactory(**defaults).post("/"), user, second_step_done=True)
    if apps.is_installed("django_shopcore.mfa"):
        from django_shopcore.mfa.models import VerifiedSession

        VerifiedSession.objects.create(session_id=AccessToken(tokens.access).session_id, method="test")
    return tokens.access


def uses_tokens() -> bool:
    """Whether our views take access tokens of the accounts feature here."""
    if not apps.is_installed("django_shopcore.accounts"):
        return False
    from django_shopcore.accounts.authentication import SessionTokenAuthentication

    paths = core_settings.AUTHENTICATION_CLASSES
    classes: list[Any] = [import_string(path) for path in (default_authenticators if paths is None else paths)]
    return any(issubclass(found, SessionTokenAuthentication) for found in classes)
