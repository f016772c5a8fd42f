"""A site whose Product and Category are its own; its app's label sorts before ours. For migration tests."""

from .base import *  # noqa: F403
from .base import DJANGO_APPS

SHOPCORE_CATALOG_PRODUCT_MODEL = "goods.Product"
SHOPCORE_CATALOG_CATEGORY_MODEL = "goods.Category"
INSTALLED_APPS = ["tests.projects.goods", "django_shopcore.core", "django_shopcore.catalog", *DJANGO_APPS]
