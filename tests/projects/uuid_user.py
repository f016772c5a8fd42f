"""A site with a user of its own that has a UUID as key and no ``is_staff``: an adapter knows the admins.

Its apps come last: nothing of ours may ask for the user model while models load.
"""

from .base import *  # noqa: F403
from .base import DJANGO_APPS
from .base import MIDDLEWARE as DJANGO_MIDDLEWARE

AUTH_USER_MODEL = "members.Member"
SHOPCORE_ADMIN_ADAPTER = "tests.projects.members.adapters.OwnersAreAdmins"
INSTALLED_APPS = [
    "django_shopcore.core",
    "django_shopcore.catalog",
    "django_shopcore.accounts",
    "django_shopcore.mfa",
    "django_shopcore.notifications",
    "django_shopcore.audit",
    *(app for app in DJANGO_APPS if app != "django.contrib.admin"),
    "tests.projects.members",
    "tests.projects.members.admin_apps.MembersAdminConfig",
]
MIDDLEWARE = [*DJANGO_MIDDLEWARE, "django_shopcore.audit.middleware.AuditMiddleware"]
