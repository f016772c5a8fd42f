from datetime import timedelta

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "django_shopcore.audit"
    label = "shopcore_audit"
    verbose_name = _("Audit log")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_shopcore.core import changes, periodic

        from . import (
            checks,  # noqa: F401 - importing registers the checks
            personal,
            upkeep,
        )

        changes.keep()
        periodic.register("audit.prune", every=timedelta(hours=1), run=upkeep.prune)
        periodic.register("audit.forget", every=timedelta(hours=1), run=upkeep.forget_the_deleted)
        personal.register()
        if apps.is_installed("django.contrib.admin"):
            from . import admin_site  # noqa: F401 - importing connects it
