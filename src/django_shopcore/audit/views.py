from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_view

from django_shopcore.core.access import ADMIN
from django_shopcore.core.filters import ShopcoreFilterBackend
from django_shopcore.core.schema import describe
from django_shopcore.core.views import PrivateView, ShopcoreViewSet

from .filters import AuditFilterSet
from .models import AuditEntry
from .serializers import AuditEntrySerializer


@extend_schema_view(
    list=describe(
        summary="List the audit log",
        description="Who did what, the latest first. Entries are only ever added, and there is no request that "
        "changes one.",
    )
)
class AuditViewSet(PrivateView, ShopcoreViewSet):
    access = {"list": ADMIN}
    schema_tag = "audit"
    schema_name = "audit"
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilterSet
    filter_backends = [ShopcoreFilterBackend]

    def get_queryset(self) -> QuerySet[Any]:
        """From the database that is written to: a replica may not know the latest yet."""
        return AuditEntry.objects.fresh().order_by("-created_at")
