"""Rows of the site's catalogue models, ours or the host's."""

from __future__ import annotations

from typing import Any

import factory
from factory.django import DjangoModelFactory

from django_shopcore.catalog.conf import app_settings


class CategoryFactory(DjangoModelFactory[Any]):
    """A root, unless it is given a ``parent``."""

    class Meta:
        # A label: factory-boy finds the model when the first row is made.
        model = app_settings.CATEGORY_MODEL

    name = factory.Sequence(lambda number: f"Category {number}")


class ProductFactory(DjangoModelFactory[Any]):
    """A published product in a category of its own."""

    class Meta:
        model = app_settings.PRODUCT_MODEL

    name = factory.Sequence(lambda number: f"Product {number}")
    price = "10.00"
    category = factory.SubFactory(CategoryFactory)
