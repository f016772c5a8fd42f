"""The catalogue in a site that has Django's user and its own sign-in."""

from .base import *  # noqa: F403
from .base import DJANGO_APPS

INSTALLED_APPS = ["django_shopcore.core", "django_shopcore.catalog", *DJANGO_APPS]
