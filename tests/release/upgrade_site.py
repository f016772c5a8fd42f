"""Settings of a site with every feature of the django_shopcore that is on the path, whichever release it is."""

import json
import os
from pathlib import Path

import django_shopcore
from tests.projects.base import *  # noqa: F403
from tests.projects.base import DJANGO_APPS

FEATURES = sorted(path.parent.name for path in Path(django_shopcore.__file__).parent.glob("*/apps.py"))

AUTH_USER_MODEL = "shopcore_accounts.User"
INSTALLED_APPS = [*(f"django_shopcore.{feature}" for feature in FEATURES), *DJANGO_APPS]
DATABASES = {"default": json.loads(os.environ["UPGRADE_DATABASE"])}
SHOPCORE_RATE_LIMITS = False
