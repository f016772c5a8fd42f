from __future__ import annotations

import logging

from django.apps import AppConfig
from django.conf import settings

from .config.hosts import is_local

logger = logging.getLogger(__name__)


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self) -> None:
        from django_shopcore.core.checks import check_settings

        from .metrics import measuring  # noqa: F401 - listens to signals

        if settings.METRICS_FOLDER:
            from .metrics import files

            files.add_up_ended(settings.METRICS_FOLDER)

        for message in check_settings(None):
            # gunicorn runs no system checks.
            logger.warning("%s %s", message.msg, message.hint)
        if not settings.SHOPCORE_RATE_LIMITS:
            logger.warning("Rate limits are off (RATE_LIMITS). That is for load tests only.")
        if not settings.DEBUG and not settings.HTTPS and not is_local(settings.SITE_URL):
            logger.warning("SITE_URL is plain http: passwords and tokens travel unencrypted.")
