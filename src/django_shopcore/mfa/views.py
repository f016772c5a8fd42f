from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.accounts import limits as accounts_limits
from django_shopcore.accounts.signin_serializers import TokensSerializer
from django_shopcore.accounts.views import NO_CONTENT, AccountsView
from django_shopcore.core.access import ANYONE, SIGNED_IN
from django_shopcore.core.keys import parse_key
from django_shopcore.core.schema import describe
from django_shopcore.core.views import validated

from . import challenges, factors, limits, login, passkeys, serializers, services, summary
from .exceptions import no_factor
from .models import Challenge, Passkey
from .services import Caller

REQUEST_OPTIONS = OpenApiResponse(
    OpenApiTypes.OBJECT,
    description="For `navigator.credentials.get()`.",
    examples=[
        OpenApiExample(
            "Options",
            {
                "challenge": "3q2-7w…",
                "timeout": 60000,
                "rpId": "shop.example",
                "allowCredentials": [{"id": "dGhlIGlk…", "type": "public-key"}],
                "userVerification": "required",
            },
        )
    ],
)
CREATION_OPTIONS = OpenApiResponse(
    OpenApiTypes.OBJECT,
    description="For `navigator.credentials.create()`.",
    examples=[
        OpenApiExample(
            "Options",
            {
                "rp": {"name": "Shop", "id": "shop.example"},
                "user": {"id": "yDk…", "name": "ada@example.com", "displayName": "ada@example.com"},
                "challenge": "3q2-7w…",
                "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
                "timeout": 60000,
                "excludeCredentials": [],
                "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
                "attestation": "none",
            },
        )
    ],
)


class MfaView(AccountsView):
    limits = {"post": [accounts_limits.PASSWORD]}

    @staticmethod
    def caller(request: Request) -> Caller:
        """Who asks, with the proofs in the body. Raises ``ValidationError``."""
        values = validated(serializers.OwnerSerializer(data=request.data))
        return Caller(request, values["password"], values["proof"])


class LoginView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.LOGIN]}
    error_codes = {"post": [401]}
    authentication_classes = []

    @describe(
        summary="Sign in: the second factor",
        description="The challenge of `auth/login/` and one of `code`, `recovery_code` and `passkey` open the session. "
        "401 `invalid_second_factor` for a wrong one; `challenge_invalid` when the challenge was used, is too old or "
        "has failed too often, or the account has changed: then the password is asked again.",
        request=serializers.LoginSerializer,
        responses=TokensSerializer,
        operation_id="mfa_login",
    )
    def post(self, request: Request) -> Response:
        values = validated(serializers.LoginSerializer(data=request.data))
        tokens = login.finish(request._request, values["challenge"], values["proof"])
        return Response(tokens._asdict())


class LoginOptionsView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.LOGIN]}
    error_codes = {"post": [401, 409]}
    authentication_classes = []

    @describe(
        summary="Sign in: what a passkey has to sign",
        description="Options for one answer; another request makes them void. 409 for an account without passkeys.",
        request=serializers.ChallengeSerializer,
        responses=REQUEST_OPTIONS,
        operation_id="mfa_login_options",
    )
    def post(self, request: Request) -> Response:
        return Response(login.options(validated(serializers.ChallengeSerializer(data=request.data))["challenge"]))


class SecondFactorView(AccountsView):
    access = {"get": SIGNED_IN}

    @describe(
        summary="Read my second factor",
        description="What the account has. No secrets.",
        responses=serializers.SecondFactorSerializer,
        operation_id="mfa_read",
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.SecondFactorSerializer(summary.of(request.user)).data)


class OptionsView(AccountsView):
    access = {"post": SIGNED_IN}
    limits = {"post": [accounts_limits.WRITE]}
    error_codes = {"post": [409, 413, 415]}

    @describe(
        summary="What a passkey has to sign to change the second factor",
        description="For the `passkey` in the other requests here. 409 for an account without passkeys.",
        request=None,
        responses=REQUEST_OPTIONS,
        operation_id="mfa_options",
    )
    def post(self, request: Request) -> Response:
        request.data  # noqa: B018 - a body that is no JSON is refused, although nothing in it is asked for
        if factors.PASSKEY not in factors.methods_of(request.user):
            raise no_factor()
        challenge = challenges.passkey_challenge_for(request.user, Challenge.Purpose.PROVE)
        return Response(passkeys.request_options(request.user, challenge))


class TotpView(MfaView):
    access = {"post": SIGNED_IN}

    @describe(
        summary="Set up an authenticator app: its secret",
        description="Needs the password, and a second factor where there is one. An earlier app works until the new "
        "one is confirmed, within 15 minutes.",
        request=serializers.OwnerSerializer,
        responses=serializers.TotpSecretSerializer,
        operation_id="mfa_totp",
    )
    def post(self, request: Request) -> Response:
        secret, uri = services.begin_totp(self.caller(request))
        return Response({"secret": secret, "otpauth_uri": uri})


class TotpConfirmView(MfaView):
    access = {"post": SIGNED_IN}

    @describe(
        summary="Set up an authenticator app: its first code",
        description="Turns it on. With the first second factor all other sessions end, and the answer has recovery "
        "codes.",
        request=serializers.CodeSerializer,
        responses=serializers.RecoveryCodesSerializer,
        operation_id="mfa_totp_confirm",
    )
    def post(self, request: Request) -> Response:
        code = validated(serializers.CodeSerializer(data=request.data))["code"]
        return Response({"recovery_codes": services.confirm_totp(request, code)})


class TotpDeleteView(MfaView):
    access = {"post": SIGNED_IN}
    error_codes = {"post": [409]}

    @describe(
        summary="Remove the authenticator app",
        description="Needs the password and a second factor, which may be a recovery code.",
        request=serializers.OwnerSerializer,
        responses={204: NO_CONTENT},
        operation_id="mfa_totp_delete",
    )
    def post(self, request: Request) -> Response:
        services.remove_totp(self.caller(request))
        return Response(status=204)


class RecoveryCodesView(MfaView):
    access = {"post": SIGNED_IN}
    error_codes = {"post": [409]}

    @describe(
        summary="Make new recovery codes",
        description="The old ones are void. Needs the password and a second factor, which may be one of the old ones.",
        request=serializers.OwnerSerializer,
        responses=serializers.RecoveryCodesSerializer,
        operation_id="mfa_recovery_codes",
    )
    def post(self, request: Request) -> Response:
        return Response({"recovery_codes": services.new_recovery_codes(self.caller(request))})


class PasskeyOptionsView(MfaView):
    access = {"post": SIGNED_IN}
    error_codes = {"post": [409]}

    @describe(
        summary="Add a passkey: what the browser is asked",
        description="Options for one answer, for a few minutes. Needs the password, and a second factor where there "
        "is one.",
        request=serializers.OwnerSerializer,
        responses=CREATION_OPTIONS,
        operation_id="mfa_passkey_options",
    )
    def post(self, request: Request) -> Response:
        return Response(services.begin_passkey(self.caller(request)))


class PasskeysView(MfaView):
    access = {"post": SIGNED_IN}
    error_codes = {"post": [409]}

    @describe(
        summary="Add a passkey: the browser's answer",
        description="With the first second factor all other sessions end, and the answer has recovery codes.",
        request=serializers.PasskeyAnswerSerializer,
        responses={201: serializers.NewPasskeySerializer},
        operation_id="mfa_passkey_create",
    )
    def post(self, request: Request) -> Response:
        values = validated(serializers.PasskeyAnswerSerializer(data=request.data))
        name = values.get("name") or _("Passkey")
        passkey, codes = services.add_passkey(request, values["passkey"], name=name)
        body = {**serializers.PasskeySerializer(passkey).data, "recovery_codes": codes}
        return Response(body, status=201)


class PasskeyDeleteView(MfaView):
    access = {"post": SIGNED_IN}

    @describe(
        summary="Remove a passkey",
        description="Needs the password and a second factor, which may be a recovery code.",
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        request=serializers.OwnerSerializer,
        responses={204: NO_CONTENT},
        operation_id="mfa_passkey_delete",
    )
    def post(self, request: Request, pk: str) -> Response:
        owner: Any = request.user
        key = parse_key(Passkey, pk)
        if key is None or not Passkey.objects.fresh().filter(user=owner, pk=key).exists():
            raise NotFound()
        if not services.remove_passkey(self.caller(request), key):
            raise NotFound()
        return Response(status=204)
