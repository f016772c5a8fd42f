"""The bodies of requests for mails with links, and of the links' uses."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from django_shopcore.core.fields import TextField
from django_shopcore.core.users import email_of

from . import confirmations
from .addresses import MAX_LENGTH, normalise_email
from .serializers import PasswordField, check_address, check_new_password

LINK_EXAMPLE = {"uid": "NWYwYzFmMGUtN2EwYi00ZDdlLTlmNGM", "token": "d4yvr5-0f8c9b2e6a1d4c7f"}


@extend_schema_serializer(
    component_name="Address", examples=[OpenApiExample("An address", {"email": "ada@example.com"}, request_only=True)]
)
class AddressSerializer(serializers.Serializer[Any]):
    email = TextField(max_length=MAX_LENGTH)

    def validate_email(self, value: str) -> str:
        return check_address(value)


@extend_schema_serializer(
    component_name="Accepted",
    examples=[
        OpenApiExample(
            "An answer that tells nothing",
            {"detail": "If everything is right with this address, a mail is on its way to it."},
            response_only=True,
            status_codes=["202"],
        )
    ],
)
class AcceptedSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(read_only=True, help_text="The same for every address.")


@extend_schema_serializer(
    component_name="MailLink", examples=[OpenApiExample("From a link", LINK_EXAMPLE, request_only=True)]
)
class LinkSerializer(serializers.Serializer[Any]):
    # No length: what is too long is a wrong link, like any other.
    uid = TextField(trim_whitespace=False, write_only=True)
    token = TextField(trim_whitespace=False, write_only=True)


@extend_schema_serializer(
    component_name="PasswordReset",
    examples=[OpenApiExample("A new password", {**LINK_EXAMPLE, "new_password": "a long secret"}, request_only=True)],
)
class PasswordResetSerializer(LinkSerializer):
    new_password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = confirmations.user_of_reset_link(attrs["uid"], attrs["token"])
        check_new_password(attrs["new_password"], user, "new_password")
        return {**attrs, "user": user}


@extend_schema_serializer(
    component_name="EmailChange",
    examples=[
        OpenApiExample(
            "A new address", {"new_email": "ada@example.org", "password": "a long secret"}, request_only=True
        )
    ],
)
class EmailChangeSerializer(serializers.Serializer[Any]):
    new_email = TextField(max_length=MAX_LENGTH)
    password = PasswordField()

    def validate_new_email(self, value: str) -> str:
        email = check_address(value)
        if email == normalise_email(email_of(self.context["request"].user)):
            raise ValidationError(_("This is your address already."), code="unchanged")
        return email
