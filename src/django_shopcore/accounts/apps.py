from django.apps import AppConfig

AUTHENTICATOR = "django_shopcore.accounts.authentication.SessionTokenAuthentication"


class AccountsConfig(AppConfig):
    name = "django_shopcore.accounts"
    label = "shopcore_accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_shopcore.core.views import default_authenticators

        from . import checks  # noqa: F401 - importing registers the checks

        if AUTHENTICATOR not in default_authenticators:
            default_authenticators.append(AUTHENTICATOR)
