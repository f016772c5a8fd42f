"""The bodies of signing in and of staying signed in."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from django_shopcore.core.fields import TextField

from .addresses import MAX_LENGTH
from .conf import EMAIL, USERNAME, app_settings
from .serializers import PasswordField

MAX_USERNAME = 255


@extend_schema_serializer(
    component_name="Credentials",
    examples=[
        OpenApiExample("Credentials", {"email": "ada@example.com", "password": "a long secret"}, request_only=True)
    ],
)
class CredentialsSerializer(serializers.Serializer[Any]):
    """A password, and the address or the user name that the site signs people in by."""

    default_error_messages = {"one_of_two": _("Send an e-mail address or a user name, not both.")}

    def get_fields(self) -> dict[str, Any]:
        names = {EMAIL: ["email"], USERNAME: ["username"]}.get(app_settings.LOGIN_BY, ["email", "username"])
        limits = {"email": MAX_LENGTH, "username": MAX_USERNAME}
        name_fields = {name: TextField(max_length=limits[name], required=len(names) == 1) for name in names}
        return {**name_fields, "password": PasswordField()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "email" in attrs and "username" in attrs:
            raise ValidationError({"username": ErrorDetail(str(self.error_messages["one_of_two"]), "one_of_two")})
        if "email" not in attrs and "username" not in attrs:
            raise ValidationError(
                {"email": ErrorDetail(str(self.fields["email"].error_messages["required"]), "required")}
            )
        return attrs


@extend_schema_serializer(
    component_name="RefreshToken",
    examples=[OpenApiExample("A refresh token", {"refresh": "eyJhbGciOi…"}, request_only=True)],
)
class RefreshSerializer(serializers.Serializer[Any]):
    # No length: a token that is too long is a wrong one, like any other.
    refresh = TextField(trim_whitespace=False, write_only=True)


@extend_schema_serializer(
    component_name="Tokens",
    examples=[OpenApiExample("Tokens", {"access": "eyJhbGciOi…", "refresh": "eyJhbGciOi…"}, response_only=True)],
)
class TokensSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(read_only=True, help_text="For `Authorization: Bearer …`.")
    refresh = serializers.CharField(read_only=True, help_text="For one use at `auth/refresh/`.")
