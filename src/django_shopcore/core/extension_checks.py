"""System checks of registered extensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from rest_framework.serializers import BaseSerializer, Serializer

from .extensions import Extension, all_extensions, extendables


@register
def check_extensions(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E008: a model that takes no extensions. E009: a serializer that cannot write one. E010: a name that is taken."""
    messages: list[CheckMessage] = []
    for extension in all_extensions():
        label = f"The extension {extension.name!r} of {extension.model._meta.label}"
        found = list(_wrong_serializer(extension))
        messages += [
            Error(f"{label}: {problem}", hint=hint, obj=extension.related_model, id="shopcore.E009")
            for problem, hint in found
        ]
        if not found:
            messages += _wrong_place(extension, label)
    return messages


def _wrong_place(extension: Extension, label: str) -> Iterator[CheckMessage]:
    places = [place for place in extendables if place.model() is extension.model]
    if not places:
        hint = "Extensions are for Product, Category and the user model of an installed feature."
        yield Error(f"{label} is shown nowhere.", hint=hint, obj=extension.related_model, id="shopcore.E008")
    for place in places:
        try:
            place.serializer_class()(context={"complete": True}).fields  # noqa: B018 - reading it makes them
        except ImproperlyConfigured as exc:
            hint = "Register it by another name."
            yield Error(str(exc), hint=hint, obj=extension.related_model, id="shopcore.E010")


def _wrong_serializer(extension: Extension) -> Iterator[tuple[str, str]]:
    try:
        serializer_class: Any = extension.serializer_class
    except ImportError as exc:
        yield f"{extension.serializer} cannot be imported.", str(exc)
        return
    if not (isinstance(serializer_class, type) and issubclass(serializer_class, BaseSerializer)):
        yield "its serializer is no serializer class.", "Pass a subclass of rest_framework.serializers.Serializer."
        return
    if not issubclass(serializer_class, Serializer):
        yield "its serializer has no fields.", "Pass a subclass of rest_framework.serializers.Serializer."
        return
    columns = {field.name for field in extension.related_model._meta.concrete_fields}
    for name, field in serializer_class().fields.items():
        if field.read_only:
            continue
        if field.source == extension.field.name:
            yield f"its serializer writes {name}.", "Leave out the one-to-one field: what the row belongs to is known."
        elif field.source not in columns:
            hint = "Make the field read-only, or name a column by its source."
            yield f"its serializer writes {name}, which is no column of {extension.related_model._meta.label}.", hint
