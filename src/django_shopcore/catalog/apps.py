from django.apps import AppConfig, apps


class CatalogConfig(AppConfig):
    name = "django_shopcore.catalog"
    label = "shopcore_catalog"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 - importing registers the checks

        if apps.is_installed("django_shopcore.notifications"):
            from . import notifications  # noqa: F401 - importing declares them
