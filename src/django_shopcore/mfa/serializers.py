from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from django_shopcore.accounts.serializers import PasswordField
from django_shopcore.core.fields import JSONObjectField, TextField, UTCDateTimeField

from .exceptions import FIELDS
from .factors import METHODS, Proof
from .models import MAX_PASSKEY_NAME

MAX_CODE = 64
MAX_PASSKEY_ANSWER = 16 * 1024

CHALLENGE = "pF3x0pXhV9w2q5m7s8t1u4v6y_Az-BcDeFgHiJkLmNo"
CODES = ["hk7p-2mwx-9qrt-c4vz", "n3ye-j8fd-ub5s-a6gk"]
ASSERTION = {
    "id": "dGhlIGlkIG9mIGEgcGFzc2tleQ",
    "rawId": "dGhlIGlkIG9mIGEgcGFzc2tleQ",
    "type": "public-key",
    "response": {"clientDataJSON": "eyJ0eXBlIjoi…", "authenticatorData": "SZYN5YgO…", "signature": "MEUCIQ…"},
}
ATTESTATION = {
    "id": "dGhlIGlkIG9mIGEgcGFzc2tleQ",
    "rawId": "dGhlIGlkIG9mIGEgcGFzc2tleQ",
    "type": "public-key",
    "response": {"clientDataJSON": "eyJ0eXBlIjoi…", "attestationObject": "o2NmbXRk…", "transports": ["internal"]},
}


@extend_schema_serializer(
    component_name="SecondStep",
    examples=[
        OpenApiExample(
            "A second factor is needed",
            {"mfa_required": True, "challenge": CHALLENGE, "methods": ["totp", "recovery_code"], "expires_in": 300},
            response_only=True,
        )
    ],
)
class SecondStepSerializer(serializers.Serializer[Any]):
    """The answer to a right password where there is a second factor; ``login.ask`` makes it."""

    mfa_required = serializers.BooleanField(read_only=True, help_text="Always true: these are no tokens.")
    challenge = serializers.CharField(read_only=True, help_text="For `auth/mfa/login/`.")
    methods = serializers.ListField(
        child=serializers.ChoiceField(choices=METHODS), read_only=True, help_text="What the account has."
    )
    expires_in = serializers.IntegerField(read_only=True, help_text="Seconds.")


class ProofSerializer(serializers.Serializer[Any]):
    """At most one second factor; ``proof`` in the validated data, ``None`` without one."""

    code = TextField(required=False, max_length=MAX_CODE, write_only=True, help_text="Of the authenticator app.")
    recovery_code = TextField(required=False, max_length=MAX_CODE, write_only=True)
    passkey = JSONObjectField(
        required=False,
        max_bytes=MAX_PASSKEY_ANSWER,
        write_only=True,
        help_text="The answer of `navigator.credentials.get()` as JSON (`toJSON()`).",
    )

    default_error_messages = {"one_of_them": _("Send one of code, recovery_code and passkey.")}

    def validate_code(self, value: str) -> str:
        return "".join(value.split())  # apps show it in groups

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs.keys() & set(FIELDS.values())) > 1:
            self._refuse()
        return {**attrs, "proof": Proof.among(attrs)}

    def _refuse(self) -> None:
        text = str(self.error_messages["one_of_them"])
        raise ValidationError({"non_field_errors": [ErrorDetail(text, "one_of_them")]})


@extend_schema_serializer(
    component_name="SecondStepLogin",
    examples=[
        OpenApiExample("A code", {"challenge": CHALLENGE, "code": "492039"}, request_only=True),
        OpenApiExample("A recovery code", {"challenge": CHALLENGE, "recovery_code": CODES[0]}, request_only=True),
        OpenApiExample("A passkey", {"challenge": CHALLENGE, "passkey": ASSERTION}, request_only=True),
    ],
)
class LoginSerializer(ProofSerializer):
    # No length: a challenge that is too long is a wrong one, like any other.
    challenge = TextField(trim_whitespace=False, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs["proof"] is None:
            self._refuse()
        return attrs


@extend_schema_serializer(
    component_name="SecondStepChallenge",
    examples=[OpenApiExample("A challenge", {"challenge": CHALLENGE}, request_only=True)],
)
class ChallengeSerializer(serializers.Serializer[Any]):
    challenge = TextField(trim_whitespace=False, write_only=True)


@extend_schema_serializer(
    component_name="SecondFactorProof",
    examples=[
        OpenApiExample("Without a second factor yet", {"password": "a long secret"}, request_only=True),
        OpenApiExample("With one", {"password": "a long secret", "code": "492039"}, request_only=True),
    ],
)
class OwnerSerializer(ProofSerializer):
    """What proves that it is the owner: the password, and a second factor where there is one."""

    password = PasswordField()


@extend_schema_serializer(
    component_name="TotpSecret",
    examples=[
        OpenApiExample(
            "A secret",
            {
                "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
                "otpauth_uri": "otpauth://totp/shop.example:ada%40example.com"
                "?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=shop.example",
            },
            response_only=True,
        )
    ],
)
class TotpSecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(read_only=True, help_text="To type into an app. It is not shown again.")
    otpauth_uri = serializers.CharField(read_only=True, help_text="The same, to show as a QR code.")


@extend_schema_serializer(
    component_name="TotpCode", examples=[OpenApiExample("A code", {"code": "492039"}, request_only=True)]
)
class CodeSerializer(serializers.Serializer[Any]):
    code = TextField(max_length=MAX_CODE, write_only=True)

    def validate_code(self, value: str) -> str:
        return "".join(value.split())


@extend_schema_serializer(
    component_name="RecoveryCodes",
    examples=[OpenApiExample("New codes", {"recovery_codes": CODES}, response_only=True)],
)
class RecoveryCodesSerializer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        allow_null=True,
        help_text="Shown now and never again. Null where the account has had a second factor before, and its codes.",
    )


@extend_schema_serializer(
    component_name="PasskeyAnswer",
    examples=[OpenApiExample("A new passkey", {"name": "My phone", "passkey": ATTESTATION}, request_only=True)],
)
class PasskeyAnswerSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=MAX_PASSKEY_NAME, required=False, help_text="To tell it from others.")
    passkey = JSONObjectField(
        max_bytes=MAX_PASSKEY_ANSWER,
        write_only=True,
        help_text="The answer of `navigator.credentials.create()` as JSON (`toJSON()`).",
    )


PASSKEY = {
    "id": "7c1d8a52-9f0b-4a77-8a57-3a5c6c9be1d0",
    "name": "My phone",
    "created_at": "2026-01-31T12:00:00Z",
    "last_used_at": None,
}


@extend_schema_serializer(component_name="Passkey", examples=[OpenApiExample("A passkey", PASSKEY, response_only=True)])
class PasskeySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    created_at = UTCDateTimeField(read_only=True)
    last_used_at = UTCDateTimeField(read_only=True, allow_null=True)


@extend_schema_serializer(
    component_name="NewPasskey",
    examples=[OpenApiExample("The first factor", {**PASSKEY, "recovery_codes": CODES}, response_only=True)],
)
class NewPasskeySerializer(PasskeySerializer, RecoveryCodesSerializer):
    pass


class TotpSerializer(serializers.Serializer[Any]):
    enabled_at = UTCDateTimeField(read_only=True)
    last_used_at = UTCDateTimeField(read_only=True, allow_null=True)


@extend_schema_serializer(
    component_name="SecondFactor",
    examples=[
        OpenApiExample(
            "An authenticator app",
            {
                "enabled": True,
                "required": False,
                "totp": {"enabled_at": "2026-01-31T12:00:00Z", "last_used_at": "2026-02-01T08:30:00Z"},
                "passkeys": [],
                "recovery_codes_left": 10,
            },
            response_only=True,
        )
    ],
)
class SecondFactorSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField(read_only=True, help_text="Whether signing in takes a second factor.")
    required = serializers.BooleanField(  # type: ignore[assignment]
        read_only=True, help_text="Whether this account must have one to use the rights that it has."
    )
    totp = TotpSerializer(read_only=True, allow_null=True)
    passkeys = PasskeySerializer(many=True, read_only=True)
    recovery_codes_left = serializers.IntegerField(read_only=True)
