from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from . import admin_login, docs, errors

admin.site.site_header = admin.site.site_title = "Shop administration"

urlpatterns = [
    # The most asked for first.
    path("api/v1/", include("django_shopcore.urls")),
    path("api/v1/schema/", docs.SchemaView.as_view(), name="schema"),
    path("", RedirectView.as_view(pattern_name="swagger")),
    path("admin/login/", admin_login.login),
    path("admin/", admin.site.urls),
    path("swagger/", docs.swagger, name="swagger"),
    path("redoc/", docs.redoc, name="redoc"),
    # Last: whatever is left beneath /api/, with any character in it.
    re_path(r"^api/[\s\S]*$", errors.unknown_path),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.page_not_found
handler500 = errors.server_error
