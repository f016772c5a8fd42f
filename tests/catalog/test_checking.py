"""The short cut for rows that are plainly fine says nothing else than the serializer it stands for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from django_shopcore.catalog import get_category_model
from django_shopcore.catalog.checking import RowChecker
from django_shopcore.catalog.serializers import ProductSerializer, product_serializer_class
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.projects("full", "swapped"), pytest.mark.django_db]

TEXTS: list[Any] = ["", " ", " a ", "a" * 255, "a" * 256, "a\x00", "\ud800", "é", "名", 5, True, None, [], {}, 1.5]
AMOUNTS: list[Any] = ["1", "1.5", "1.50", "1.500", "007.10", "-1", "+1", "", " 1 ", "1e3", "٣", "NaN", "9999999999.99"]
AMOUNTS += ["12345678901", "0.001", ".5", "5.", 1, 1.5, Decimal("1.5"), True, None, [], {}]
URLS: list[Any] = ["https://example.com/a_b.png?x=1&y=%20", "http://example.com/", "https://example", "https://-a.com/"]
URLS += ["https://a.example.co.uk", "https://example.com/\n", "https://example.com:80/x", "https://exa_mple.com/"]
URLS += [
    "https://example.com/" + "a" * 2000,
    "https://e.com/a",
    "HTTPS://EXAMPLE.COM/",
    "https://x..com/",
    "https://a.b-.de",
]
VALUES: dict[str, list[Any]] = {
    "name": TEXTS,
    "slug": [*TEXTS, "a b", "a-b_ü"],
    "sku": TEXTS,
    "description": [*TEXTS, "a" * 20_000, "a" * 20_001],
    "price": AMOUNTS,
    "compare_at_price": AMOUNTS,
    "in_stock": [True, False, "true", 1, 0, None, []],
    "image_url": [*URLS, *TEXTS],
    "metadata": [{}, {"a": [1]}, [], None, "{}", {"a": "x" * 17_000}],
    "category": [None, True, "x", 1.0, [], {}, 10**30, -1],
    "unknown": [1],
}


class Strict(ProductSerializer):
    """Rules of a site's own, at every place where it may have some."""

    tags = serializers.ListField(child=serializers.CharField(max_length=3), default=["new"])

    def validate_name(self, value: str) -> str:
        if value.startswith("é"):
            raise ValidationError("Not that one.", code="own")
        return value.upper()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs.get("price") == Decimal("1.50"):
            raise ValidationError({"price": "Not that much."}, code="own")
        return {**attrs, "currency": "EUR"}


class Own(ProductSerializer):
    def to_internal_value(self, data: Any) -> Any:
        return {**super().to_internal_value(data), "description": "mine"}


def outcome(run: Any, data: Any) -> Any:
    try:
        return dict(run(data))
    except ValidationError as exc:
        return exc.get_full_details()


@pytest.mark.parametrize("partial", [True, False])
@pytest.mark.parametrize("serializer_class", [None, Strict, Own])
def test_values_and_errors_are_those_of_the_serializer(serializer_class: Any, partial: bool) -> None:
    category, product = CategoryFactory.create(), ProductFactory.create(price="5.00", compare_at_price="6.00")
    product.refresh_from_db()
    known = {get_category_model(): {category.pk: category}}
    context = {"complete": True, "unchecked": True, "known_keys": known}
    serializer = (serializer_class or product_serializer_class())(
        product if partial else None, context=context, partial=partial
    )
    checker = RowChecker(serializer)
    fine = {"name": "Lamp", "price": "2.00", "category": category.pk}
    rows: list[Any] = [fine, {}, None, [], "x", {"name": "", "price": "x"}, {**fine, "tags": ["a"]}, {"tags": ["long"]}]
    rows += [{**fine, name: value} for name, values in VALUES.items() for value in values]
    rows += [{name: value} for name, values in VALUES.items() for value in values]
    for row in rows:
        assert outcome(checker.run, row) == outcome(serializer.run_validation, row), row
