from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "django_shopcore.notifications"
    label = "shopcore_notifications"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_shopcore.core import periodic

        from . import (
            checks,  # noqa: F401 - importing registers the checks
            digests,
            doctor,
            outbox,
            personal,
            services,
            waking,  # noqa: F401 - importing connects it
        )

        periodic.register("notifications.prune_outbox", every=timedelta(hours=1), run=outbox.prune)
        periodic.register("notifications.prune_inbox", every=timedelta(hours=1), run=services.prune_inbox)
        periodic.register("notifications.digests", every=timedelta(minutes=1), run=digests.post_due)
        doctor.register()
        personal.register()
