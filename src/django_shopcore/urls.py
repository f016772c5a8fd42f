"""All routes of the features that are installed, for ``path("api/v1/", include("django_shopcore.urls"))``."""

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

FEATURES = ["catalog", "accounts", "mfa", "notifications", "audit"]

app_name = "shopcore"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(f"django_shopcore.{feature}.urls"))
    for feature in FEATURES
    if apps.is_installed(f"django_shopcore.{feature}")
]
