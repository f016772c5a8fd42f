from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "django_shopcore.catalog"
    label = "shopcore_catalog"
    verbose_name = _("Catalogue")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_shopcore.core import announcing, extensions

        from . import checks, doctor, get_category_model, get_product_model, restoring, serializers  # noqa: F401 - registers the checks

        announcing.watch(get_category_model, get_product_model)
        extensions.extend_by(get_category_model, serializers.category_serializer_class)
        extensions.extend_by(get_product_model, serializers.product_serializer_class)
        doctor.register()

        # Once for the whole of a migration, whichever app the tables are in.
        post_migrate.connect(restoring.restore_parts, sender=self, dispatch_uid="shopcore_catalog.restore")

        if apps.is_installed("django_shopcore.notifications"):
            from . import notifications  # noqa: F401 - importing declares them
        if apps.is_installed("django_shopcore.audit"):
            from . import audit

            audit.listen()
