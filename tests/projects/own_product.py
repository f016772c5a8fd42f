"""A site whose Product has columns that must be given and foreign keys of its own, in all that its API shows."""

from .base import *  # noqa: F403
from .base import DJANGO_APPS

SHOPCORE_CATALOG_PRODUCT_MODEL = "boutique.Product"
SHOPCORE_CATALOG_PRODUCT_SERIALIZER = "tests.projects.boutique.api.ProductSerializer"
SHOPCORE_CATALOG_PRODUCT_FILTERSET = "tests.projects.boutique.api.ProductFilterSet"
INSTALLED_APPS = ["tests.projects.boutique", "django_shopcore.core", "django_shopcore.catalog", *DJANGO_APPS]
