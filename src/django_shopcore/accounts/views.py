from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.core.access import ANYONE, SIGNED_IN
from django_shopcore.core.limits import Usage, enforce, take_back
from django_shopcore.core.schema import describe
from django_shopcore.core.views import PrivateView, ShopcoreViewSet, validated

from . import (
    attempts,
    limits,
    passwords,
    registration,
    second_step,
    serializers,
    services,
    signin,
    signin_serializers,
)
from .authentication import current_session
from .conf import MANDATORY, app_settings
from .mail_serializers import AcceptedSerializer
from .models import Session

NO_CONTENT = OpenApiResponse(description="Done.")


def accepted() -> Response:
    """202 with the one text that is true of every address."""
    detail = _("If everything is right with this address, a mail is on its way to it.")
    return Response({"detail": detail}, status=202)


class AccountsView(PrivateView):
    schema_tag = "accounts"

    @contextmanager
    def attempt(self, usages: list[Usage]) -> Iterator[None]:
        """What is done in it may fail as often as the limits of ``usages`` say: without an error it is not counted."""
        of_the_caller, self.rate_usage = self.rate_usage, [*self.rate_usage, *usages]
        yield
        take_back(usages)
        self.rate_usage = of_the_caller


class RegisterView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.REGISTER]}
    authentication_classes = []

    @describe(
        summary="Register",
        description="Makes an account. The password has to pass the site's password validators. Where verifying the "
        "address is mandatory the answer is 202 for every address, and the link in the mail makes the account.",
        request=serializers.RegistrationSerializer,
        responses={201: serializers.UserSerializer, 202: AcceptedSerializer},
        operation_id="register",
    )
    def post(self, request: Request) -> Response:
        serializer = serializers.RegistrationSerializer(data=request.data)
        password = validated(serializer)["password"]
        passwords.set_password(serializer.unsaved_user, password)
        if app_settings.EMAIL_VERIFICATION == MANDATORY:
            registration.request(serializer.unsaved_user)
            return accepted()
        user = services.register(serializer.unsaved_user, recheck=serializer.recheck)
        return Response(serializers.UserSerializer(user).data, status=201)


class LoginView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.LOGIN]}
    error_codes = {"post": [401]}
    authentication_classes = []

    @describe(
        summary="Sign in",
        description="Opens a session. An unknown address, a wrong password and an inactive account are one 401.",
        request=signin_serializers.CredentialsSerializer,
        responses=second_step.described_with(signin_serializers.TokensSerializer),
        operation_id="login",
    )
    def post(self, request: Request) -> Response:
        credentials = validated(signin_serializers.CredentialsSerializer(data=request.data))
        name = credentials.get("email") or credentials["username"]
        with self.attempt(attempts.count(request, name)):
            user = signin.check_credentials(request._request, **credentials)
        try:
            return Response(signin.sign_in(request._request, user)._asdict())
        except second_step.SecondStepRequired as required:
            return Response(required.answer)


class RefreshView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.REFRESH]}
    error_codes = {"post": [401]}
    authentication_classes = []

    @describe(
        summary="Get new tokens",
        description="Spends the refresh token and answers with a new one. A spent one that comes again is 401 "
        "(`token_reused`) and ends the session; within a few seconds, as when two tabs refresh at once, it is "
        "401 only (`token_spent`).",
        request=signin_serializers.RefreshSerializer,
        responses=signin_serializers.TokensSerializer,
        operation_id="refresh",
    )
    def post(self, request: Request) -> Response:
        raw = validated(signin_serializers.RefreshSerializer(data=request.data))["refresh"]
        token = signin.refresh_token(raw)
        self.rate_usage += enforce([limits.REFRESH_SESSION], request, f"session:{token.session_id}")
        return Response(signin.refresh(raw, token)._asdict())


class LogoutView(AccountsView):
    access = {"post": SIGNED_IN}
    limits = {"post": [limits.WRITE]}
    error_codes = {"post": [413, 415]}

    @describe(
        summary="Sign out",
        description="Ends this session: its tokens stop working at once.",
        request=None,
        responses={204: NO_CONTENT},
        operation_id="logout",
    )
    def post(self, request: Request) -> Response:
        _read_body(request)
        session = current_session(request)
        if session is not None:
            services.end_sessions(request.user, [session.pk])
        return Response(status=204)


class LogoutAllView(AccountsView):
    access = {"post": SIGNED_IN}
    limits = {"post": [limits.WRITE]}
    error_codes = {"post": [413, 415]}

    @describe(
        summary="Sign out everywhere",
        description="Ends every session of the caller, this one too.",
        request=None,
        responses={204: NO_CONTENT},
        operation_id="logout_all",
    )
    def post(self, request: Request) -> Response:
        _read_body(request)
        services.end_all_sessions(request.user)
        return Response(status=204)


def _read_body(request: Request) -> None:
    """Refuses a body that is not JSON although nothing in it is asked for."""
    request.data  # noqa: B018 - reading it parses it


@extend_schema_view(
    list=describe(summary="List my sessions", description="The devices on which the caller is signed in."),
    destroy=describe(
        summary="End one of my sessions",
        description="Its tokens stop working at once. It may be the session that asks.",
        responses={204: NO_CONTENT},
    ),
)
class SessionViewSet(AccountsView, ShopcoreViewSet):
    access = {"list": SIGNED_IN, "destroy": SIGNED_IN}
    limits = {"destroy": [limits.WRITE]}
    schema_name = "sessions"
    serializer_class = serializers.SessionSerializer

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return Session.objects.none()
        live = Session.objects.fresh().live_of(self.request.user)
        return live.order_by("-last_used_at").defer("spent", "refresh_hash", "auth_hash")

    def get_serializer_context(self) -> dict[str, Any]:
        session = current_session(self.request) if self.request is not None else None
        return {**super().get_serializer_context(), "current": session.pk if session else None}

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.end_sessions(request.user, [self.get_object().pk])
        return Response(status=204)
