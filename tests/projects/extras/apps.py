from django.apps import AppConfig


class ExtrasConfig(AppConfig):
    name = "tests.projects.extras"
    label = "extras"

    def ready(self) -> None:
        from django.contrib.auth import get_user_model

        from django_shopcore.catalog import get_category_model, get_product_model
        from django_shopcore.core.extensions import register_extension

        from .models import Display, Profile, Spec

        serializers = "tests.projects.extras.serializers"
        register_extension(get_product_model(), Spec, serializer=f"{serializers}.SpecSerializer", name="spec")
        register_extension(get_category_model(), Display, serializer=f"{serializers}.DisplaySerializer", name="display")
        register_extension(get_user_model(), Profile, serializer=f"{serializers}.ProfileSerializer", name="profile")
