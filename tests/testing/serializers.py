"""What a site might write, and what it should not."""

from __future__ import annotations

from typing import Any

from rest_framework.serializers import IntegerField, SerializerMethodField

from django_shopcore.catalog import get_product_model, serializers


class SetSerializer(serializers.ProductSerializer):
    """A field of its own that asks the database nothing."""

    letters = SerializerMethodField()

    def get_letters(self, product: Any) -> int:
        return len(product.name)


class RowSerializer(serializers.ProductSerializer):
    """A statement for each row."""

    siblings = SerializerMethodField()

    def get_siblings(self, product: Any) -> int:
        return get_product_model().objects.filter(category_id=product.category_id).count()


class BrokenSerializer(serializers.ProductSerializer):
    no_such_column = IntegerField()
