"""Catalogue and accounts, with our user, and no notifications."""

from .base import *  # noqa: F403
from .base import DJANGO_APPS

AUTH_USER_MODEL = "shopcore_accounts.User"
INSTALLED_APPS = ["django_shopcore.core", "django_shopcore.catalog", "django_shopcore.accounts", *DJANGO_APPS]
