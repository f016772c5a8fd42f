"""A site's own serializer: the API shows what the serializer itself would make of each instance."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.test import override_settings
from rest_framework import serializers
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.serializers import CategorySerializer, ProductSerializer
from django_shopcore.core.fields import JSONObjectField, KeyField, MoneyField
from tests.catalog.plain_way import published, shown_plainly, stock, view_of, way
from tests.catalog.shapes import CATEGORIES, PRODUCTS, path_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "swapped_both")]


class WithMethod(ProductSerializer):
    who = serializers.SerializerMethodField()

    def get_who(self, row: Any) -> str:
        return f"{row.name} for {self.context['request'].headers.get('X-Name', 'nobody')}"


class Shouting(ProductSerializer):
    def to_representation(self, instance: Any) -> Any:
        return {**super().to_representation(instance), "name": instance.name.upper()}


class OwnAttribute(serializers.CharField):
    def get_attribute(self, instance: Any) -> Any:
        return f"{instance.pk}/{instance.slug}"


class Hexadecimal(serializers.IntegerField):
    def to_representation(self, value: Any) -> Any:
        return hex(int(value))


class OwnKey(serializers.PrimaryKeyRelatedField[Any]):
    def to_representation(self, value: Any) -> Any:
        return f"category {value.pk}"


class WholeObject(serializers.PrimaryKeyRelatedField[Any]):
    def use_pk_only_optimization(self) -> bool:
        return False

    def to_representation(self, value: Any) -> Any:
        return value.name


class Asking(serializers.CharField):
    def to_representation(self, value: Any) -> str:
        return f"{value} for {self.context['request'].headers.get('X-Name', 'nobody')}"


class Backwards(serializers.ListSerializer[Any]):
    def to_representation(self, data: Any) -> Any:
        return list(reversed(super().to_representation(data)))


class OwnList(ProductSerializer):
    class Meta:
        list_serializer_class = Backwards


class ByHeader(ProductSerializer):
    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if "X-Name" not in self.context["request"].headers:
            del fields["sku"]
        return fields


class OwnModelSerializer(serializers.ModelSerializer[Any]):
    """Nothing of ours in it; what it shows is for one caller only."""

    class Meta:
        model = get_product_model()
        fields: ClassVar[list[str]] = ["id", "name", "price", "created_at", "metadata", "sku"]

    def get_field_names(self, declared_fields: Any, info: Any) -> Any:
        names = super().get_field_names(declared_fields, info)
        return names if "X-Name" in self.context["request"].headers else names[:2]


def through_category(**options: Any) -> Any:
    return serializers.CharField(source="category.parent.name", **options)


# A field that shows a column of a row, or of one that it always has, needs no instance.
FIELDS: list[tuple[Any, str]] = [
    (serializers.CharField(source="category.slug", read_only=True), "compiled"),
    # A root has no parent: DRF leaves the field out, shows null, or shows the default.
    (through_category(read_only=True), "instances"),
    (through_category(read_only=True, allow_null=True), "compiled"),
    (through_category(default="none"), "instances"),
    (through_category(default="none", allow_null=True), "instances"),
    (serializers.IntegerField(source="category.parent_id", read_only=True), "instances"),
    (serializers.CharField(source="pk", read_only=True), "compiled"),
    (serializers.CharField(source="price", read_only=True), "compiled"),
    (serializers.CharField(source="in_stock", read_only=True), "compiled"),
    (serializers.CharField(source="created_at", read_only=True), "compiled"),
    (serializers.CharField(source="metadata", read_only=True), "compiled"),
    (serializers.ChoiceField(choices=[("S1", "one")], source="sku", read_only=True), "compiled"),
    (MoneyField(source="price", coerce_to_string=False, read_only=True), "compiled"),
    (MoneyField(source="price", normalize_output=True, read_only=True), "compiled"),
    (MoneyField(source="price", decimal_places=0, read_only=True), "compiled"),
    (MoneyField(source="price", decimal_places=3, read_only=True), "compiled"),
    (MoneyField(source="compare_at_price", read_only=True), "compiled"),
    (MoneyField(source="category.pk", read_only=True), "compiled"),
    (serializers.DecimalField(12, 1, source="price", rounding="ROUND_UP", read_only=True), "compiled"),
    (serializers.FloatField(source="price", read_only=True), "compiled"),
    (serializers.IntegerField(source="price", read_only=True), "compiled"),
    (serializers.BooleanField(source="price", read_only=True), "compiled"),
    (serializers.DateTimeField(source="created_at", read_only=True), "compiled"),
    (serializers.DateTimeField(source="created_at", format="%d.%m.%Y", read_only=True), "compiled"),
    (serializers.ReadOnlyField(source="updated_at"), "compiled"),
    (serializers.ReadOnlyField(source="category_id"), "compiled"),
    (serializers.JSONField(source="metadata", binary=True, read_only=True), "compiled"),
    (JSONObjectField(source="metadata", binary=True, read_only=True), "compiled"),
    (serializers.PrimaryKeyRelatedField(source="category", read_only=True), "compiled"),
    (serializers.PrimaryKeyRelatedField(source="category", read_only=True, pk_field=Hexadecimal()), "instances"),
    (KeyField(source="category", read_only=True, pk_field=Hexadecimal()), "instances"),
    (OwnKey(source="category", read_only=True), "instances"),
    (WholeObject(source="category", read_only=True), "instances"),
    (serializers.SlugRelatedField(source="category", slug_field="slug", read_only=True), "instances"),
    (serializers.StringRelatedField(source="category"), "instances"),
    (serializers.ModelField(model_field=get_product_model()._meta.get_field("name"), read_only=True), "instances"),
    (OwnAttribute(read_only=True), "instances"),
    (Asking(source="name", read_only=True), "compiled"),
    (CategorySerializer(source="category", read_only=True), "instances"),
]
ONE_FIELD_MORE = [
    (type(f"With{place}", (ProductSerializer,), {"own": field, "__module__": __name__}), expected)
    for place, (field, expected) in enumerate(FIELDS)
]
globals().update({serializer.__name__: serializer for serializer, _ in ONE_FIELD_MORE})
SERIALIZERS = [
    *ONE_FIELD_MORE,
    (WithMethod, "instances"),
    (Shouting, "instances"),
    (OwnList, "instances"),
    (ByHeader, "compiled"),
    (OwnModelSerializer, "compiled"),
]


def use(serializer: Any) -> Any:
    return override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{__name__}.{serializer.__name__}")


@pytest.mark.parametrize(("serializer", "expected_way"), SERIALIZERS)
def test_a_list_shows_what_the_serializer_makes_of_the_instances(
    anonymous: APIClient, serializer: Any, expected_way: str
) -> None:
    stock()
    with use(serializer):
        for headers in ({}, {"HTTP_X_NAME": "Ann"}, {"HTTP_X_NAME": "Bob"}, {}):
            expected = shown_plainly(list(published()), view_of(**headers))
            for query in ({}, {"cursor": ""}, {"in_stock": "true", "min_price": "0"}, {"ordering": "-created_at"}):
                response = anonymous.get(PRODUCTS, query, **headers)
                assert response.json()["results"] == expected, query
        assert way() == expected_way


@pytest.mark.parametrize("serializer", [serializer for serializer, _ in SERIALIZERS])
def test_one_row_is_shown_the_same_way(anonymous: APIClient, serializer: Any) -> None:
    rows = stock(3)
    with use(serializer):
        for headers in ({}, {"HTTP_X_NAME": "Ann"}, {}):
            for row in rows:
                view = view_of(**headers)
                fresh = published().get(pk=row.pk)
                [expected] = shown_plainly([fresh], view)
                assert anonymous.get(path_of(row), **headers).json() == expected


class FussyError(Exception):
    """Raised for some rows."""


class Fussy(serializers.CharField):
    def to_representation(self, value: Any) -> str:
        if value == "P2":
            raise FussyError(value)
        return str(value)


class WithFussyField(ProductSerializer):
    name = Fussy(read_only=True)


def test_a_field_that_fails_for_some_rows_fails_for_their_pages_only(anonymous: APIClient) -> None:
    stock()
    with use(WithFussyField):
        shown = anonymous.get(PRODUCTS, {"size": 2}).json()["results"]
        assert [row["name"] for row in shown] == ["P4", "P3"]
        for query in ({}, {"size": 2, "page": 2}):
            with pytest.raises(FussyError, match="P2"):
                anonymous.get(PRODUCTS, query)
        assert len(anonymous.get(PRODUCTS, {"fields": "id"}).json()["results"]) == 5


class OwnCategory(CategorySerializer):
    parent_name = serializers.CharField(source="parent.name", read_only=True)


@override_settings(SHOPCORE_CATALOG_CATEGORY_SERIALIZER=f"{__name__}.OwnCategory")
def test_a_field_through_an_absent_relation_is_left_out_of_a_category(anonymous: APIClient) -> None:
    stock(2)
    rows = anonymous.get(CATEGORIES).json()["results"]
    assert [(row["name"], row.get("parent_name", "left out")) for row in rows] == [
        ("Below", "Root"),
        ("Root", "left out"),
    ]
