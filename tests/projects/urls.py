"""The routes of every test project: ours at ``/api/v1/``, the host's around them."""

from typing import Any

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from .host import HostView


class SchemaView(SpectacularAPIView):
    """The schema, for everybody, whatever the host's defaults are."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    versioning_class = None


def only_ours(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


urlpatterns = [
    path("api/v1/", include("django_shopcore.urls")),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("host/", HostView.as_view(), name="host-view"),
    path("admin/", admin.site.urls),
]
