from django.urls import path

from . import views

urlpatterns = [
    path("audit/", views.AuditViewSet.as_view({"get": "list"}), name="audit-list"),
]
