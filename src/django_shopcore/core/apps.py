from datetime import timedelta

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class CoreConfig(AppConfig):
    name = "django_shopcore.core"
    label = "shopcore_core"
    verbose_name = "Shopcore"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import (
            announcing,
            checks,  # noqa: F401 - importing registers the checks
            examinations,
            extension_checks,  # noqa: F401
            failure_checks,  # noqa: F401
            limits,
            periodic,
            personal_data_checks,
            personal_data_of_django,
            replica_checks,  # noqa: F401
            replicas,
            site_examinations,
            view_examinations,
        )

        periodic.register("core.prune_rate_limits", every=timedelta(hours=1), run=limits.prune_windows)
        connection_created.connect(announcing.install, dispatch_uid="shopcore_core.watch")
        connection_created.connect(replicas.limit_waiting, dispatch_uid="shopcore_core.replicas")
        announcing.install_everywhere()
        personal_data_of_django.register()
        site_examinations.register()
        examinations.register()
        view_examinations.register()
        personal_data_checks.register_examination()
