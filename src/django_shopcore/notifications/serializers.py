from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from django_shopcore.core.access import is_admin
from django_shopcore.core.fields import JSONObjectField, StrictBooleanField, TextField, UTCDateTimeField, key_field

from .channels import channel_names
from .digests import DIGESTS
from .kinds import Audience, NotificationKind, kinds
from .models import DigestEntry, Notification
from .posting import channels_for
from .preferences import DIGEST_CHANNEL, OFF, Wishes, offered_digests

ALWAYS_SHOWN = ("email", "in_app")
FREQUENCIES = [OFF, *DigestEntry.Frequency.values]
MAX_CHOICES = 64 * 1024
# Files that name no place: the machine's own zone, and the one of a machine without any.
NOT_A_PLACE = {"localtime", "Factory"}


@extend_schema_serializer(
    component_name="Notification",
    examples=[
        OpenApiExample(
            "A notification",
            {
                "id": 7,
                "kind": "product_created",
                "message": "New product: Walnut desk",
                "data": {"count": 1},
                "seen": False,
                "created_at": "2026-01-31T12:00:00Z",
            },
            response_only=True,
        )
    ],
)
class NotificationSerializer(serializers.Serializer[Any]):
    # A method: as attributes, one of them would hide the serializer's own `data`.
    def get_fields(self) -> dict[str, Any]:
        text = serializers.CharField
        return {
            "id": key_field(Notification),
            "kind": text(read_only=True, help_text="What it tells of; the name among the preferences."),
            "message": text(read_only=True, help_text="A line for people, in their language."),
            "data": JSONObjectField(read_only=True, help_text="What it tells, for programs."),
            "seen": serializers.BooleanField(read_only=True),
            "created_at": UTCDateTimeField(read_only=True),
        }


@extend_schema_serializer(
    component_name="NotificationSeen", examples=[OpenApiExample("Seen", {"seen": True}, request_only=True)]
)
class SeenSerializer(serializers.Serializer[Any]):
    seen = StrictBooleanField(required=False)


@extend_schema_serializer(
    component_name="NotificationsMarked", examples=[OpenApiExample("Three", {"marked": 3}, response_only=True)]
)
class MarkedSerializer(serializers.Serializer[Any]):
    marked = serializers.IntegerField(read_only=True, help_text="How many had not been seen before.")


@extend_schema_serializer(
    component_name="NotificationCount", examples=[OpenApiExample("Three", {"count": 3}, response_only=True)]
)
class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(read_only=True)


def kinds_for(user: Any) -> dict[str, NotificationKind]:
    """The kinds that ``user`` may get and choose about, by name."""
    audiences = {Audience.EVERYONE, Audience.ADMINS} if is_admin(user) else {Audience.EVERYONE}
    return {
        kind.name: kind
        for kind in kinds()
        if kind.audience in audiences and kind not in DIGESTS.values() and channels_for(kind)
    }


def switches_of(kind: NotificationKind, wishes: Wishes) -> dict[str, Any]:
    """What ``wishes`` say of ``kind``: a switch for each channel, off where it does not go, and the digest."""
    ways = [channel.name for channel in channels_for(kind)]
    shown = {name: name in ways and wishes.switched_on(kind, name) for name in (*ALWAYS_SHOWN, *ways)}
    return {**shown, "digest": wishes.digest(kind) if DIGEST_CHANNEL in ways else OFF}


class SwitchesField(JSONObjectField):
    """The switches of one kind. One that is off anyway, since the kind does not go that way, is left out."""

    default_error_messages = {
        "unknown_switch": _("There is no such switch."),
        "unavailable": _("Notifications of this kind do not go that way."),
        "security_mail": _("Security mail is neither turned off nor collected in a digest."),
    }

    def __init__(self, kind: NotificationKind, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.ways = [channel.name for channel in channels_for(kind)]

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values = _each(super().to_internal_value(data), self._read)
        return {name: value for name, value in values.items() if value is not None}

    def _read(self, name: str, raw: Any) -> Any:
        value: Any
        if name == "digest":
            value = serializers.ChoiceField(FREQUENCIES).run_validation(raw)
            if value not in (OFF, *offered_digests()):
                self.fail("unavailable")
            way, is_off = DIGEST_CHANNEL, value == OFF
        elif name in (*ALWAYS_SHOWN, *channel_names()):
            value = StrictBooleanField().run_validation(raw)
            way, is_off = name, not value
        else:
            self.fail("unknown_switch")
        if way not in self.ways or (name == "digest" and not self.kind.collectable):
            return None if is_off else self.fail("unavailable")
        if self.kind.security and way == DIGEST_CHANNEL and value not in (True, OFF):
            self.fail("security_mail")
        return value


def _each(data: dict[str, Any], read: Callable[[str, Any], Any]) -> dict[str, Any]:
    """``read(name, value)`` for each item; raises ``ValidationError`` with all that it raised, by name."""
    values, errors = {}, {}
    for name, raw in data.items():
        try:
            values[name] = read(name, raw)
        except ValidationError as exc:
            errors[name] = exc.detail
    if errors:
        raise ValidationError(errors)
    return values


CHOICES = {
    "type": "object",
    "description": "By kind: switches, one for each channel, and the digest that collects its mails.",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "email": {"type": "boolean", "description": "Single mails; always on for security mail."},
            "in_app": {"type": "boolean", "description": "A line in the inbox."},
            "digest": {
                "type": "string",
                "enum": FREQUENCIES,
                "description": "Other than `off`: collected in that digest instead of single mails.",
            },
        },
        "additionalProperties": {"type": "boolean", "description": "Other channels of the site."},
    },
}


@extend_schema_field(CHOICES)
class ChoicesField(JSONObjectField):
    """Switches by kind, for the kinds in ``context["kinds"]``."""

    default_error_messages = {"unknown_kind": _("There are no notifications of this kind.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        return _each(super().to_internal_value(data), self._read)

    def _read(self, name: str, raw: Any) -> Any:
        kind = self.context["kinds"].get(name)
        if kind is None:
            self.fail("unknown_kind")
        return SwitchesField(kind).run_validation(raw)


@cache
def time_zones() -> frozenset[str]:
    """The names of the time zones that this machine knows."""
    return frozenset(zoneinfo.available_timezones() - NOT_A_PLACE)


class TimeZoneField(TextField):
    default_error_messages = {"unknown_time_zone": _("There is no such time zone.")}

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name not in time_zones():
            self.fail("unknown_time_zone")
        return name


class LanguageField(TextField):
    """A language of the site's."""

    default_error_messages = {"unknown_language": _("The site does not speak this language.")}

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if code not in {settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)}:
            self.fail("unknown_language")
        return code


@extend_schema_serializer(
    component_name="NotificationPreferences",
    examples=[
        OpenApiExample(
            "Preferences",
            {
                "kinds": {
                    "new_sign_in": {"email": True, "in_app": True, "digest": "off"},
                    "welcome": {"email": True, "in_app": True, "digest": "off"},
                },
                "time_zone": "Europe/Berlin",
                "language": "de",
            },
            response_only=True,
        ),
        OpenApiExample("A weekly digest", {"kinds": {"welcome": {"digest": "weekly"}}}, request_only=True),
    ],
)
class PreferencesSerializer(serializers.Serializer[Any]):
    """What somebody wants to get, on which channels, in which language and by which clock."""

    # Made of ``Wishes``, for the kinds in ``context["kinds"]``.
    kinds = ChoicesField(required=False, max_bytes=MAX_CHOICES)
    time_zone = TimeZoneField(required=False, help_text="Of the IANA database; digests go out by its clock.")
    language = LanguageField(required=False, help_text="Of mails and of lines in the inbox.")

    def to_representation(self, instance: Wishes) -> dict[str, Any]:
        return {
            "kinds": {name: switches_of(kind, instance) for name, kind in self.context["kinds"].items()},
            "time_zone": instance.time_zone.key,
            "language": instance.language,
        }
