from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "django_shopcore.catalog"
    label = "shopcore_catalog"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 - importing registers the checks
