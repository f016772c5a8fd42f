from datetime import timedelta

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class MfaConfig(AppConfig):
    name = "django_shopcore.mfa"
    label = "shopcore_mfa"
    verbose_name = _("Second factor")
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        if not apps.is_installed("django_shopcore.accounts"):
            raise ImproperlyConfigured("django_shopcore.mfa needs django_shopcore.accounts in INSTALLED_APPS.")
        super().import_models()

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from django_shopcore.accounts import second_step
        from django_shopcore.core import access, periodic

        from . import (
            challenges,
            checks,  # noqa: F401 - importing registers the checks
            login,
            personal,
            verification,
        )

        personal.register()
        second_step.register(login.ask, answer="django_shopcore.mfa.serializers.SecondStepSerializer")
        if verification.guard not in access.guards:
            access.guards.append(verification.guard)
        user_logged_in.connect(verification.remember, dispatch_uid="shopcore_mfa.remember")
        periodic.register("mfa.prune_challenges", every=timedelta(hours=1), run=challenges.prune)
        if apps.is_installed("django_shopcore.notifications"):
            from . import notifications  # noqa: F401 - importing declares them
        if apps.is_installed("django_shopcore.audit"):
            from . import audit

            audit.listen()
