from datetime import timedelta

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

AUTHENTICATOR = "django_shopcore.accounts.authentication.SessionTokenAuthentication"


class AccountsConfig(AppConfig):
    name = "django_shopcore.accounts"
    label = "shopcore_accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from django_shopcore.core import extensions, periodic
        from django_shopcore.core.users import user_model
        from django_shopcore.core.views import default_authenticators

        from . import (
            attempts,
            checks,  # noqa: F401 - importing registers the checks
            key_checks,  # noqa: F401
            mail_requests,
            personal,
            registration,
            serializers,
            services,
            signals,
        )

        periodic.register("accounts.prune_sessions", every=timedelta(hours=1), run=services.prune_sessions)
        periodic.register("accounts.prune_registrations", every=timedelta(hours=1), run=registration.prune)

        user_logged_in.connect(attempts.remember_client, dispatch_uid="shopcore_accounts.known_clients")
        signals.user_password_changed.connect(mail_requests.allow_resets, dispatch_uid="shopcore_accounts.resets")
        personal.register()
        extensions.extend_by(user_model, lambda: serializers.AdminUserSerializer)
        if AUTHENTICATOR not in default_authenticators:
            default_authenticators.append(AUTHENTICATOR)
        if apps.is_installed("django_shopcore.notifications"):
            from . import notifications  # noqa: F401 - importing declares them
        if apps.is_installed("django_shopcore.audit"):
            from . import audit

            audit.listen()
