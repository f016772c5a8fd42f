"""Requests for mails with links, and the uses of those links. The same answer for every address."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.core.access import ANYONE, SIGNED_IN
from django_shopcore.core.schema import describe
from django_shopcore.core.views import validated

from . import attempts, confirmations, limits, mail_requests
from . import mail_serializers as serializers
from .views import NO_CONTENT, AccountsView, accepted


class PasswordResetView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.MAIL]}
    authentication_classes = []

    @describe(
        summary="Ask for a new password",
        description="Sends a link that works once and not for long. The answer is the same for every address.",
        request=serializers.AddressSerializer,
        responses={202: serializers.AcceptedSerializer},
        operation_id="password_reset",
    )
    def post(self, request: Request) -> Response:
        mail_requests.request_password_reset(validated(serializers.AddressSerializer(data=request.data))["email"])
        return accepted()


class PasswordResetConfirmView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.CONFIRM]}
    authentication_classes = []

    @describe(
        summary="Set a new password by a link",
        description="Ends every session. 400 (`invalid_link`) for a link that was used, has expired, or is older than "
        "the present password or address.",
        request=serializers.PasswordResetSerializer,
        responses={204: NO_CONTENT},
        operation_id="password_reset_confirm",
    )
    def post(self, request: Request) -> Response:
        values = validated(serializers.PasswordResetSerializer(data=request.data))
        confirmations.reset_password(values["user"], token=values["token"], new=values["new_password"])
        attempts.forgive(request, values["user"])
        return Response(status=204)


class EmailVerifyView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.CONFIRM]}
    authentication_classes = []

    @describe(
        summary="Verify an address by a link",
        description="Where verification is mandatory this makes the account. 400 (`invalid_link`) for a link that was "
        "used, has expired, or is older than the present password or address; 400 (`address_taken`) when there is "
        "another account with the address by now.",
        request=serializers.LinkSerializer,
        responses={204: NO_CONTENT},
        operation_id="email_verify",
    )
    def post(self, request: Request) -> Response:
        confirmations.verify_email(**validated(serializers.LinkSerializer(data=request.data)))
        return Response(status=204)


class EmailVerifyResendView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.MAIL]}
    authentication_classes = []

    @describe(
        summary="Send the link to verify an address again",
        description="The answer is the same for every address.",
        request=serializers.AddressSerializer,
        responses={202: serializers.AcceptedSerializer},
        operation_id="email_verify_resend",
    )
    def post(self, request: Request) -> Response:
        mail_requests.request_verification(validated(serializers.AddressSerializer(data=request.data))["email"])
        return accepted()


class EmailChangeView(AccountsView):
    access = {"post": SIGNED_IN}
    limits = {"post": [limits.PASSWORD]}

    @describe(
        summary="Ask for another address",
        description="Sends a link to the new address and tells the present one. The address changes when the link is "
        "used. The answer does not tell whether the new address is taken.",
        request=serializers.EmailChangeSerializer,
        responses={202: serializers.AcceptedSerializer},
        operation_id="email_change",
    )
    def post(self, request: Request) -> Response:
        values = validated(serializers.EmailChangeSerializer(data=request.data, context={"request": request}))
        mail_requests.request_email_change(request.user, **values)
        return accepted()


class EmailChangeConfirmView(AccountsView):
    access = {"post": ANYONE}
    limits = {"post": [limits.CONFIRM]}
    authentication_classes = []

    @describe(
        summary="Change an address by a link",
        description="The new address is verified by that. 400 (`invalid_link`) for a link that was used, has expired, "
        "or is older than the present password or address; 400 (`address_taken`) when somebody has taken it by now.",
        request=serializers.LinkSerializer,
        responses={204: NO_CONTENT},
        operation_id="email_change_confirm",
    )
    def post(self, request: Request) -> Response:
        confirmations.change_email(**validated(serializers.LinkSerializer(data=request.data)))
        return Response(status=204)
