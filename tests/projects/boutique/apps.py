from django.apps import AppConfig


class BoutiqueConfig(AppConfig):
    name = "tests.projects.boutique"
    label = "boutique"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_shopcore.core.announcing import watch

        from .models import Maker

        watch(lambda: Maker)
