"""Everything we have, with our own user."""

from .base import *  # noqa: F403
from .base import DJANGO_APPS
from .base import MIDDLEWARE as DJANGO_MIDDLEWARE

AUTH_USER_MODEL = "shopcore_accounts.User"
INSTALLED_APPS = [
    "django_shopcore.core",
    "django_shopcore.catalog",
    "django_shopcore.accounts",
    "django_shopcore.mfa",
    "django_shopcore.notifications",
    "django_shopcore.audit",
    "django_shopcore.mfa.admin_apps.MfaAdminConfig",
    *(app for app in DJANGO_APPS if app != "django.contrib.admin"),
]
MIDDLEWARE = [
    *DJANGO_MIDDLEWARE,
    "django_shopcore.core.middleware.AccessMiddleware",
    "django_shopcore.audit.middleware.AuditMiddleware",
]
