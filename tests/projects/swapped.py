"""A site whose Product is its own; its app's label sorts behind ours."""

from .base import *  # noqa: F403
from .base import DJANGO_APPS

AUTH_USER_MODEL = "shopcore_accounts.User"
SHOPCORE_CATALOG_PRODUCT_MODEL = "store.Product"
INSTALLED_APPS = [
    "django_shopcore.core",
    "django_shopcore.catalog",
    "django_shopcore.accounts",
    "django_shopcore.notifications",
    "tests.projects.store",
    *DJANGO_APPS,
]
