"""The serializer field that shows and reads a registered extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.validators import BaseUniqueForValidator, UniqueTogetherValidator, UniqueValidator

from .extensions import Extension, extensions_of

# They ask the database; who writes many rows does that for all of them at once.
ASKING = (UniqueValidator, UniqueTogetherValidator, BaseUniqueForValidator)


class ExtensionField(serializers.Field[Any, Any, Any, Any]):
    """The row of an extension as an object, or null where there is none.

    On input null deletes the row, and an object makes or changes it. In a partial update the object may be partial
    too, unless there is no row yet.
    """

    default_error_messages = {"invalid": _("A JSON object or null is required.")}

    def __init__(self, extension: Extension, context: Mapping[str, Any]) -> None:
        self.extension = extension
        # Its fields may depend on the context, as any serializer's.
        self.serializer = extension.serializer_class(context=context)
        writable = any(not field.read_only for field in self.serializer.fields.values())
        kwargs: dict[str, Any] = {"required": False, "allow_null": True} if writable else {"read_only": True}
        if extension.accessor != extension.name:
            kwargs["source"] = extension.accessor
        super().__init__(**kwargs)

    @property
    def _spectacular_annotation(self) -> dict[str, Any]:
        partial = bool(getattr(self.parent, "partial", False))
        return {"field": self.extension.serializer_class(partial=partial, context=self.context)}

    def to_representation(self, value: Any) -> Any:
        return self.serializer.to_representation(value)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            self.fail("invalid")
        row, serializer = self._present_row(), self.serializer
        serializer.instance, serializer.initial_data = row, data
        serializer.partial = row is not None and bool(getattr(self.parent, "partial", False))
        if self.context.get("unchecked"):
            _ask_nothing(serializer)
        return dict(serializer.run_validation(data))

    def _present_row(self) -> Any:
        instance = getattr(self.parent, "instance", None)
        return self.extension.row_of(instance) if isinstance(instance, models.Model) else None


def _ask_nothing(serializer: Any) -> None:
    for part in (serializer, *serializer.fields.values()):
        part.validators = [validator for validator in part.validators if not isinstance(validator, ASKING)]


def extension_fields(
    model: type[models.Model], taken: Mapping[str, Any], context: Mapping[str, Any]
) -> dict[str, ExtensionField]:
    """A field for each extension of ``model``, for a serializer with this ``context``.

    Raises ``ImproperlyConfigured`` for one whose name is among ``taken``, the serializer's other fields.
    """
    for extension in extensions_of(model):
        if extension.name in taken:
            raise ImproperlyConfigured(
                f"The extension {extension.name!r} of {model._meta.label} is called as another field of its serializer."
            )
    return {extension.name: ExtensionField(extension, context) for extension in extensions_of(model)}
