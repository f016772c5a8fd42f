from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.core.validators import URLValidator
from django.db.models import Count, Exists, Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from django_shopcore.core.fields import (
    JSONObjectField,
    KeyField,
    MoneyField,
    StrictBooleanField,
    TextField,
    UTCDateTimeField,
    key_field,
)

from . import get_category_model, get_product_model
from .abstract_models import MAX_DESCRIPTION, MAX_METADATA_BYTES
from .adapters import let_adapters_answer
from .base_serializer import CatalogSerializer, unique_error, validate_slug
from .conf import app_settings
from .slugs import MAX_LENGTH


@extend_schema_serializer(
    component_name="Category",
    examples=[
        OpenApiExample("A category", {"name": "Laptops", "parent": 1, "slug": "laptops"}, request_only=True),
        OpenApiExample(
            "A category",
            {
                "id": 2,
                "name": "Laptops",
                "slug": "laptops",
                "parent": 1,
                "metadata": {},
                "created_at": "2026-01-31T12:00:00Z",
            },
            response_only=True,
        ),
    ],
)
class CategorySerializer(CatalogSerializer):
    """A category."""

    id = serializers.ReadOnlyField()
    name = TextField(max_length=255, help_text="Unique among its siblings.")
    slug = TextField(
        max_length=MAX_LENGTH,
        required=False,
        allow_blank=True,
        validators=[validate_slug],
        help_text="Unique; Unicode letters allowed. Made from the name when absent.",
    )
    parent: Any = KeyField(
        queryset=None, required=False, allow_null=True, help_text="Key of the category above; null for a root."
    )
    metadata = JSONObjectField(max_bytes=MAX_METADATA_BYTES, required=False, help_text="A JSON object, at most 16 KiB.")
    private_metadata = JSONObjectField(
        max_bytes=MAX_METADATA_BYTES, required=False, help_text="Like `metadata`, shown to admins only."
    )
    created_at = UTCDateTimeField(read_only=True)

    @staticmethod
    def get_model() -> Any:
        return get_category_model()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["id"] = key_field(get_category_model(), help_text="Key of the category.")
        fields["parent"].queryset = get_category_model()._default_manager.all()
        return fields

    def check_unique(self, attrs: dict[str, Any]) -> None:
        others = self.others(get_category_model())
        errors: dict[str, Any] = {}
        if attrs.get("slug") and others.filter(slug=attrs["slug"]).exists():
            errors["slug"] = unique_error(_("There is a category with this slug already."))
        if {"name", "parent"} & attrs.keys() and others.filter(
            name=self.current(attrs, "name"), parent=self.current(attrs, "parent")
        ):
            errors["name"] = unique_error(_("There is a category of this name here already."))
        parent = attrs.get("parent")
        if parent is not None and self.instance is not None and self.instance.would_cycle(parent.pk):
            errors["parent"] = [ErrorDetail(str(_("A category cannot be beneath itself.")), code="cycle")]
        if errors:
            raise ValidationError(errors)


PRODUCT_EXAMPLE: dict[str, Any] = {
    "id": 7,
    "name": "Aero 14 laptop",
    "slug": "aero-14-laptop",
    "sku": "AERO-14",
    "description": "A light laptop.",
    "price": "1299.00",
    "compare_at_price": None,
    "currency": "USD",
    "category": 2,
    "category_name": "Laptops",
    "in_stock": True,
    "is_published": True,
    "image_url": None,
    "metadata": {},
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-01-31T12:00:00Z",
}


@extend_schema_serializer(
    component_name="Product",
    examples=[
        OpenApiExample(
            "A product",
            {"name": "Aero 14 laptop", "price": "1299.00", "category": 2, "sku": "AERO-14"},
            request_only=True,
        ),
        OpenApiExample("A product", PRODUCT_EXAMPLE, response_only=True),
    ],
)
class ProductSerializer(CatalogSerializer):
    """A product."""

    _asked: Mapping[str, str] = {}

    id = serializers.ReadOnlyField()
    name = TextField(max_length=255)
    slug = TextField(
        max_length=MAX_LENGTH,
        required=False,
        allow_blank=True,
        validators=[validate_slug],
        help_text="Unique; Unicode letters allowed. Made from the name when absent.",
    )
    sku = TextField(
        max_length=255,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="Stock keeping unit, unique when given.",
    )
    description = TextField(max_length=MAX_DESCRIPTION, required=False, allow_blank=True, trim_whitespace=False)
    price = MoneyField(help_text="Decimal string with two places.")
    compare_at_price = MoneyField(
        required=False, allow_null=True, help_text="The struck-through price, above `price`; or null."
    )
    currency = serializers.CharField(read_only=True, help_text="ISO 4217 code.")
    category = KeyField(queryset=None, help_text="Key of the category.")
    category_name = serializers.CharField(source="category.name", read_only=True)
    in_stock = StrictBooleanField(required=False)
    is_published = StrictBooleanField(required=False, help_text="Unpublished products exist for admins only.")
    image_url = TextField(
        max_length=2000,
        required=False,
        allow_null=True,
        validators=[URLValidator(schemes=["https"])],
        help_text="An https URL, or null.",
    )
    metadata = JSONObjectField(max_bytes=MAX_METADATA_BYTES, required=False, help_text="A JSON object, at most 16 KiB.")
    private_metadata = JSONObjectField(
        max_bytes=MAX_METADATA_BYTES, required=False, help_text="Like `metadata`, shown to admins only."
    )
    created_at = UTCDateTimeField(read_only=True)
    updated_at = UTCDateTimeField(read_only=True)

    @staticmethod
    def get_model() -> Any:
        return get_product_model()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["id"] = key_field(get_product_model(), help_text="Key of the product.")
        fields["category"].queryset = get_category_model()._default_manager.all()
        let_adapters_answer(fields, self.context.get("request"))
        return fields

    def validate_sku(self, value: str | None) -> str | None:
        return value or None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        price, compare = self.current(attrs, "price"), self.current(attrs, "compare_at_price")
        if price is not None and compare is not None and compare <= price:
            detail = ErrorDetail(str(_("Must be above the price.")), code="not_above_price")
            raise ValidationError({"compare_at_price" if "compare_at_price" in attrs else "price": [detail]})
        return super().validate(attrs)

    def to_internal_value(self, data: Any) -> Any:
        category = self.fields.get("category")
        if isinstance(data, Mapping) and type(category) is KeyField and not self.context.get("unchecked"):
            self._ask_with(category, data)
        return super().to_internal_value(data)

    def _ask_with(self, category: KeyField, data: Mapping[Any, Any]) -> None:
        """Has the look-up of the category tell whether the slug and the SKU are taken: one statement, not two."""
        given = {name: data[name].strip() for name in UNIQUE_MESSAGES if isinstance(data.get(name), str)}
        # Text that cannot be stored is left to its own field.
        self._asked = {name: value for name, value in given.items() if value and value.isprintable()}
        others = self.others(get_product_model())
        found = {f"{name}_taken": Exists(others.filter(**{name: value})) for name, value in self._asked.items()}
        category.queryset = category.get_queryset().annotate(**found)

    def check_unique(self, attrs: dict[str, Any]) -> None:
        wanted = {name: attrs[name] for name in UNIQUE_MESSAGES if attrs.get(name)}
        # What came with the category holds for the first check only.
        asked, self._asked = self._asked, {}
        if not wanted:
            return
        told = vars(attrs["category"]) if "category" in attrs else {}
        if wanted == asked and all(f"{name}_taken" in told for name in wanted):
            taken = {name: told[f"{name}_taken"] for name in wanted}
        else:
            each = {name: Q(**{name: value}) for name, value in wanted.items()}
            holders = self.others(get_product_model()).filter(reduce(or_, each.values()))
            taken = holders.aggregate(**{name: Count("pk", filter=its) for name, its in each.items()})
        errors = {name: unique_error(UNIQUE_MESSAGES[name]) for name in wanted if taken[name]}
        if errors:
            raise ValidationError(errors)


UNIQUE_MESSAGES = {
    "slug": _("There is a product with this slug already."),
    "sku": _("There is a product with this SKU already."),
}


def product_serializer_class() -> Any:
    """The serializer whose fields and rules hold for products on this site."""
    path = app_settings.PRODUCT_SERIALIZER
    return import_string(path) if path else ProductSerializer


def category_serializer_class() -> Any:
    """The same for categories."""
    path = app_settings.CATEGORY_SERIALIZER
    return import_string(path) if path else CategorySerializer
