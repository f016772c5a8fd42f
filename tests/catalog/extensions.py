"""The test project's extensions, and other ways to show them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework import serializers

from django_shopcore.catalog import get_product_model
from django_shopcore.core.extensions import extended, register_extension, unregister_extension
from tests.projects.extras.models import Spec
from tests.projects.extras.serializers import SpecSerializer

PATH = "tests.projects.extras.serializers.SpecSerializer"


class WithMethod(SpecSerializer):
    kilograms = serializers.SerializerMethodField()

    class Meta(SpecSerializer.Meta):
        fields = ("weight", "kilograms")  # type: ignore[assignment]

    def get_kilograms(self, spec: Spec) -> str:
        return f"{spec.weight / 1000:.1f} kg"


class Short(SpecSerializer):
    class Meta(SpecSerializer.Meta):
        fields = ("weight",)  # type: ignore[assignment]


class ForSome(SpecSerializer):
    """Its fields depend on who asks."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        if "X-Name" not in self.context["request"].headers:
            del fields["colour"]
        return fields


@contextmanager
def shown_by(serializer: Any) -> Iterator[None]:
    """The product's extension, shown by another serializer."""
    unregister_extension(Spec)
    try:
        with extended(get_product_model(), Spec, serializer=serializer, name="spec"):
            yield
    finally:
        register_extension(get_product_model(), Spec, serializer=PATH, name="spec")


@contextmanager
def not_extended() -> Iterator[None]:
    unregister_extension(Spec)
    try:
        yield
    finally:
        register_extension(get_product_model(), Spec, serializer=PATH, name="spec")
