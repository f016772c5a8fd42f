"""Settings of a site with every feature of the django_shopcore that is on the path, whichever release it is."""

import json
import os
from pathlib import Path

import django_shopcore
from tests.projects.base import *  # noqa: F403
from tests.projects.base import DJANGO_APPS
from tests.projects.base import MIDDLEWARE as DJANGO_MIDDLEWARE

FEATURES = sorted(path.parent.name for path in Path(django_shopcore.__file__).parent.glob("*/apps.py"))

AUTH_USER_MODEL = "shopcore_accounts.User"
INSTALLED_APPS = [*(f"django_shopcore.{feature}" for feature in FEATURES), *DJANGO_APPS]
MIDDLEWARE = [
    *DJANGO_MIDDLEWARE,
    *(["django_shopcore.audit.middleware.AuditMiddleware"] if "audit" in FEATURES else []),
]
DATABASES = {"default": json.loads(os.environ["UPGRADE_DATABASE"])}
SHOPCORE_RATE_LIMITS = False
