"""The example project's settings with an access token that lasts as long as the requests of ``nox -s fuzz``."""

from datetime import timedelta

from shop.settings import *  # noqa: F403
from shop.settings import SIMPLE_JWT

SIMPLE_JWT = {**SIMPLE_JWT, "ACCESS_TOKEN_LIFETIME": timedelta(hours=6)}
