"""The example project's settings with short lives for all that it forgets; see ``pace``."""

import os
from datetime import timedelta

from shop.settings import *  # noqa: F403
from shop.settings import INSTALLED_APPS, MIDDLEWARE, SILENCED_SYSTEM_CHECKS, SIMPLE_JWT

from django_shopcore.core.conf import declared_settings
from tests.soak.pace import DAY, Pace

PACE = Pace.from_text(os.environ["SOAK_PACE"])
SOAK_TROUBLES = os.environ.get("SOAK_TROUBLES", "").split()

SIMPLE_JWT = {
    **SIMPLE_JWT,
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=PACE.access),
    "REFRESH_TOKEN_LIFETIME": timedelta(seconds=PACE.refresh),
}
PASSWORD_HASHERS = ["tests.soak.hashing.CheapArgon2"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.soak.hurry.HurryConfig"]
if SOAK_TROUBLES:
    _after = MIDDLEWARE.index("shop.middleware.RequestMiddleware") + 1
    MIDDLEWARE = [*MIDDLEWARE[:_after], "tests.soak.troubles.TroubleMiddleware", *MIDDLEWARE[_after:]]

if "limits" in SOAK_TROUBLES:
    SHOPCORE_RATE_LIMITS = False
for _setting in declared_settings():
    if "_RETENTION" in _setting.name:
        # A part of a day; a check asks for whole ones.
        globals()[_setting.name] = PACE.kept / DAY
    elif _setting.name.endswith("MAIL_RATE"):
        # The same few addresses ask for mails all the time.
        globals()[_setting.name] = None
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "shopcore.E001"]
