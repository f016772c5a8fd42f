"""A site with a user of its own: an integer key, an address instead of a name, and no more than it must have."""

from .base import *  # noqa: F403
from .base import DJANGO_APPS
from .base import MIDDLEWARE as DJANGO_MIDDLEWARE

AUTH_USER_MODEL = "people.Person"
INSTALLED_APPS = [
    *DJANGO_APPS,
    "tests.projects.people",
    "django_shopcore.core",
    "django_shopcore.catalog",
    "django_shopcore.accounts",
    "django_shopcore.notifications",
    "django_shopcore.audit",
]
MIDDLEWARE = [*DJANGO_MIDDLEWARE, "django_shopcore.audit.middleware.AuditMiddleware"]
