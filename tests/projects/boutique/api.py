import django_filters
from rest_framework import serializers as drf

from django_shopcore.catalog import filters, get_category_model, serializers
from django_shopcore.core.fields import KeyField, TextField

from .models import Maker


class ProductSerializer(serializers.ProductSerializer):
    maker = KeyField(queryset=Maker.objects.all())
    maker_name = drf.CharField(source="maker.name", read_only=True)
    unit = TextField(max_length=20)
    colour = TextField(max_length=40, required=False, allow_blank=True)
    second_category = KeyField(queryset=get_category_model().objects.all(), required=False, allow_null=True)


class ProductFilterSet(filters.ProductFilterSet):
    maker = django_filters.NumberFilter(field_name="maker__id", label="Key of the maker.")
    maker_name = django_filters.CharFilter(field_name="maker__name", label="Exact name of the maker.")
    unit = django_filters.CharFilter(label="Exact unit.")


def unknown_maker() -> Maker:
    return Maker.objects.get(name="Unknown")


class WithDefaults(ProductSerializer):
    """For files that do not say what must be given."""

    maker = KeyField(queryset=Maker.objects.all(), default=unknown_maker)
    unit = TextField(max_length=20, default="piece")
