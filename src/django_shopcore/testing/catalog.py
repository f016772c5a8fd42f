"""Rows of the site's catalogue models, ours or the site's own.

A model with required columns of its own gets them in a subclass::

    class BookFactory(ProductFactory):
        isbn = factory.Sequence(lambda number: f"{number:013}")
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from django_shopcore.catalog import get_category_model, get_product_model

from ._factory_boy import DjangoModelFactory, factory

if not apps.is_installed("django_shopcore.catalog"):
    raise ImproperlyConfigured("These factories need django_shopcore.catalog in INSTALLED_APPS.")


class CategoryFactory(DjangoModelFactory[Any]):
    """A root, unless it is given a ``parent``."""

    class Meta:
        model = get_category_model()

    name = factory.Sequence(lambda number: f"Category {number}")


class ProductFactory(DjangoModelFactory[Any]):
    """A published product in a category of its own."""

    class Meta:
        model = get_product_model()

    name = factory.Sequence(lambda number: f"Product {number}")
    price = "10.00"
    category = factory.SubFactory(CategoryFactory)
