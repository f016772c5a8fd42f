from datetime import timedelta

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "django_shopcore.core"
    label = "shopcore_core"
    verbose_name = "Shopcore"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import (
            checks,  # noqa: F401 - importing registers the checks
            limits,
            periodic,
        )

        periodic.register("core.prune_rate_limits", every=timedelta(hours=1), run=limits.prune_windows)
