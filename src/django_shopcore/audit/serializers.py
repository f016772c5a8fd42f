from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from django_shopcore.core.fields import JSONObjectField, UTCDateTimeField, key_field

from .models import AuditEntry


@extend_schema_serializer(
    component_name="AuditEntry",
    examples=[
        OpenApiExample(
            "A changed price",
            {
                "id": 4711,
                "created_at": "2026-01-31T12:00:00Z",
                "action": "product.updated",
                "actor_id": "5f0c1f0e-7a0b-4d7e-9f4c-0d6f3c1b2a90",
                "actor": "ada@example.com",
                "object_type": "shopcore_catalog.product",
                "object_id": "42",
                "object": "Walnut desk",
                "ip_address": "192.0.2.7",
                "user_agent": "Mozilla/5.0",
                "request_id": "5f0c6a3b9d2e4c7f8a1b2c3d4e5f6a7b",
                "changes": {"price": ["19.90", "17.90"]},
                "data": {},
            },
            response_only=True,
        )
    ],
)
class AuditEntrySerializer(serializers.Serializer[Any]):
    # A method: as attributes, one of them would hide the serializer's own `data`.
    def get_fields(self) -> dict[str, Any]:
        text = serializers.CharField
        return {
            "id": key_field(AuditEntry),
            "created_at": UTCDateTimeField(read_only=True),
            "action": text(read_only=True, help_text="A stable code, such as `product.updated`."),
            "actor_id": text(
                source="actor_key", read_only=True, help_text="Key of the user; a pseudonym after an erasure."
            ),
            "actor": text(read_only=True, help_text="What the user was called then; empty after an erasure."),
            "object_type": text(read_only=True, help_text="Model of the object, such as `shopcore_catalog.product`."),
            "object_id": text(source="object_key", read_only=True),
            "object": text(source="object_title", read_only=True, help_text="What the object was called then."),
            "ip_address": text(read_only=True, allow_null=True),
            "user_agent": text(read_only=True),
            "request_id": text(read_only=True),
            "changes": JSONObjectField(read_only=True, help_text="By field: the value before and the value after."),
            "data": JSONObjectField(read_only=True),
        }
