from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import get_error_detail

from django_shopcore.core.adapters import admin_adapter
from django_shopcore.core.extension_fields import extension_fields
from django_shopcore.core.fields import StrictBooleanField, TextField, UTCDateTimeField, key_field
from django_shopcore.core.users import column, email_column, user_model

from . import passwords
from .addresses import MAX_LENGTH, normalise_email, validate_address
from .conf import MANDATORY, app_settings
from .users import CREATED, ROLE, new_user, sketch, users_with_email

MAX_NAME = 150

USER_EXAMPLE = {
    "id": "5f0c1f0e-7a0b-4d7e-9f4c-0d6f3c1b2a90",
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "is_admin": False,
    "email_verified": False,
    "created_at": "2026-01-31T12:00:00Z",
}


class PasswordField(TextField):
    """A password as it was typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            write_only=True,
            trim_whitespace=False,
            max_length=passwords.MAX_LENGTH,
            style={"input_type": "password"},
            **kwargs,
        )


def name_field(name: str) -> TextField:
    """A part of a person's name, as long as the user model takes."""
    limit = user_model()._meta.get_field(name).max_length if column(name) else MAX_NAME
    return TextField(max_length=min(limit or MAX_NAME, MAX_NAME), required=False, allow_blank=True)


def check_address(value: str) -> str:
    """``value`` as the user model stores it. Raises Django's or DRF's ``ValidationError``."""
    validate_address(value.strip())
    email = normalise_email(value)
    # Lower case can be longer than what it was made of.
    if len(email) > MAX_LENGTH:
        raise ValidationError(_("Enter a valid email address."), code="invalid")
    user_model()._meta.get_field(email_column()).run_validators(email)
    return email


def check_new_password(password: str, user: Any, field: str) -> None:
    """Raises ``ValidationError`` on ``field`` with what speaks against ``password`` for ``user``."""
    try:
        passwords.validate(password, user)
    except DjangoValidationError as exc:
        raise ValidationError({field: get_error_detail(exc)}) from exc


def _of_column(field_class: Any, name: str, source: str | None, absent: Any, help_text: str = "") -> Any:
    """The read-only field ``name`` that shows the column ``source``, or ``absent`` where there is none."""
    kwargs: dict[str, Any] = {"read_only": True, "help_text": help_text or None}
    if source is not None:
        return field_class(**kwargs) if source == name else field_class(source=source, **kwargs)
    field = field_class(source="pk", **kwargs)
    field.to_representation = lambda value: absent
    return field


class RoleField(serializers.BooleanField):
    """Shows a role that is no column: as the list's query has found it, or as the adapter says of one user."""

    def get_attribute(self, instance: Any) -> bool:
        found = getattr(instance, ROLE, None)
        return admin_adapter().is_admin(instance) if found is None else found


def role_field() -> Any:
    name, help_text = admin_adapter().column(), "Whether the role is admin."
    if name is not None:
        return _of_column(serializers.BooleanField, "is_admin", name, False, help_text)
    return RoleField(read_only=True, help_text=help_text)


@extend_schema_serializer(component_name="User", examples=[OpenApiExample("A user", USER_EXAMPLE, response_only=True)])
class UserSerializer(serializers.Serializer[Any]):
    """Shows a user. The fields are those of the site's model, named as in the contract."""

    def get_fields(self) -> dict[str, Any]:
        fields = self.columns()
        return {**fields, **extension_fields(user_model(), fields, self.context)}

    def columns(self) -> dict[str, Any]:
        text, switch = serializers.CharField, serializers.BooleanField
        created = column(*CREATED)
        return {
            "id": key_field(user_model(), help_text="Key of the user."),
            "email": _of_column(serializers.EmailField, "email", email_column(), ""),
            "first_name": _of_column(text, "first_name", column("first_name"), ""),
            "last_name": _of_column(text, "last_name", column("last_name"), ""),
            "is_admin": role_field(),
            "email_verified": _of_column(switch, "email_verified", column("email_verified"), False),
            "created_at": _of_column(UTCDateTimeField, "created_at", created, None),
        }


@extend_schema_serializer(
    component_name="UserForAdmins",
    examples=[OpenApiExample("A user", {**USER_EXAMPLE, "is_active": True}, response_only=True)],
)
class AdminUserSerializer(UserSerializer):
    def columns(self) -> dict[str, Any]:
        active = _of_column(
            serializers.BooleanField, "is_active", column("is_active"), True, "Whether the user may sign in."
        )
        return {**super().columns(), "is_active": active}


@extend_schema_serializer(
    component_name="UserNames",
    examples=[OpenApiExample("New names", {"first_name": "Ada", "last_name": "King"}, request_only=True)],
)
class NamesSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        names = {name: name_field(name) for name in ("first_name", "last_name")}
        return {**names, **extension_fields(user_model(), names, self.context)}


class RoleSerializer(serializers.Serializer[Any]):
    is_active = StrictBooleanField(required=False, help_text="Off: the user is signed out everywhere at once.")
    is_admin = StrictBooleanField(
        required=False, help_text="Where the site itself decides who is an admin: 400 (`not_changeable`) for a change."
    )


@extend_schema_serializer(
    component_name="UserRole", examples=[OpenApiExample("Make an admin", {"is_admin": True}, request_only=True)]
)
class UserChangeSerializer(RoleSerializer):
    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {**fields, **extension_fields(user_model(), fields, self.context)}


@extend_schema_serializer(
    component_name="Registration",
    examples=[
        OpenApiExample(
            "A registration",
            {"email": "ada@example.com", "password": "a long secret", "first_name": "Ada", "last_name": "Lovelace"},
            request_only=True,
        )
    ],
)
class RegistrationSerializer(serializers.Serializer[Any]):
    """Checks a registration; ``unsaved_user`` is what it asks for.

    Where addresses have to be verified it does not look whether this one is taken.
    """

    email = TextField(max_length=MAX_LENGTH, help_text="Unique without regard to case.")
    password = PasswordField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **{name: name_field(name) for name in ("first_name", "last_name")}}

    def validate_email(self, value: str) -> str:
        email = check_address(value)
        if app_settings.EMAIL_VERIFICATION != MANDATORY:
            self._check_free(email)
        return email

    @staticmethod
    def _check_free(email: str) -> None:
        if users_with_email(email):
            raise ValidationError([ErrorDetail(str(_("There is an account with this address already.")), "unique")])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        make = sketch if app_settings.EMAIL_VERIFICATION == MANDATORY else new_user
        self.unsaved_user = make(
            email=attrs["email"], first_name=attrs.get("first_name", ""), last_name=attrs.get("last_name", "")
        )
        check_new_password(attrs["password"], self.unsaved_user, "password")
        return attrs

    def recheck(self) -> None:
        """Raises ``ValidationError`` when somebody has taken the address meanwhile."""
        try:
            self._check_free(self.validated_data["email"])
        except ValidationError as exc:
            raise ValidationError({"email": exc.detail}) from exc


@extend_schema_serializer(
    component_name="PasswordChange",
    examples=[
        OpenApiExample(
            "A new password",
            {"current_password": "a long secret", "new_password": "another long secret"},
            request_only=True,
        )
    ],
)
class PasswordChangeSerializer(serializers.Serializer[Any]):
    current_password = PasswordField()
    new_password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_new_password(attrs["new_password"], self.context["request"].user, "new_password")
        return attrs


@extend_schema_serializer(
    component_name="AccountDeletion",
    examples=[OpenApiExample("Delete my account", {"password": "a long secret"}, request_only=True)],
)
class AccountDeletionSerializer(serializers.Serializer[Any]):
    password = PasswordField()


class IsCurrentField(serializers.BooleanField):
    """Whether a session's key is that of ``context["current"]``."""

    def to_representation(self, value: Any) -> bool:
        return bool(value == self.context.get("current"))


@extend_schema_serializer(
    component_name="Session",
    examples=[
        OpenApiExample(
            "A session",
            {
                "id": "9a3c2b1d-4e5f-4a6b-8c7d-0e1f2a3b4c5d",
                "created_at": "2026-01-31T12:00:00Z",
                "last_used_at": "2026-01-31T12:05:00Z",
                "ip_address": "192.0.2.7",
                "user_agent": "Mozilla/5.0",
                "is_current": True,
            },
            response_only=True,
        )
    ],
)
class SessionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    created_at = UTCDateTimeField(read_only=True)
    last_used_at = UTCDateTimeField(read_only=True, help_text="To five minutes.")
    ip_address = serializers.CharField(read_only=True, allow_null=True)
    user_agent = serializers.CharField(read_only=True)
    is_current = IsCurrentField(source="id", read_only=True, help_text="Whether it is the one that asks.")
