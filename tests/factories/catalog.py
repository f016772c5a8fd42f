"""Rows of the site's catalogue models: the library's own factories."""

from django_shopcore.testing import CategoryFactory, ProductFactory

__all__ = ["CategoryFactory", "ProductFactory"]
