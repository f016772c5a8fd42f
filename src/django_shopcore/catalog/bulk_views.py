from __future__ import annotations

import functools
from typing import Any

from django.db import IntegrityError, router
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.core.access import ADMIN
from django_shopcore.core.extensions import joined
from django_shopcore.core.garbage import few_collections
from django_shopcore.core.representation import representation_of
from django_shopcore.core.row_statements import KeysStatement
from django_shopcore.core.schema import describe
from django_shopcore.core.views import ShopcoreView
from django_shopcore.core.writes import atomic_write

from . import get_product_model, limits
from .bulk import bulk_write
from .serializers import PRODUCT_EXAMPLE, product_serializer_class
from .views import CatalogResponses


@functools.cache
def bulk_update_class(product_class: Any) -> Any:
    """The serializer of a change of one product: its key, and the fields of ``product_class``."""

    def get_fields(self: Any) -> dict[str, Any]:
        fields: dict[str, Any] = product_class.get_fields(self)
        return {**fields, "id": serializers.JSONField(help_text="Key of the product.")}

    describe_update = extend_schema_serializer(component_name="BulkUpdate", examples=[])
    parts = {"__doc__": "A change of one product: its key, and the fields to change.", "get_fields": get_fields}
    return describe_update(type("BulkUpdateSerializer", (product_class,), parts))


@extend_schema_serializer(component_name="BulkRequest")
class BulkRequestSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        product_class = product_serializer_class()
        keys = serializers.ListField(child=serializers.JSONField(), required=False, help_text="Keys of products.")
        return {
            "create": product_class(many=True, required=False),
            "update": bulk_update_class(product_class)(many=True, partial=True, required=False),
            "delete": keys,
        }


@extend_schema_serializer(component_name="BulkResult")
class BulkResultSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        product_class = product_serializer_class()
        keys = serializers.ListField(child=serializers.JSONField(), help_text="Keys of products.")
        return {"created": product_class(many=True), "updated": product_class(many=True), "deleted": keys}


class ProductBulkView(CatalogResponses, ShopcoreView):
    access = {"post": ADMIN}
    limits = {"post": [limits.WRITE]}
    error_codes = {"post": [409]}
    conditional = False

    @describe(
        operation_id="products_bulk",
        summary="Create, update and delete many products",
        description=(
            "Carried out in the order delete, update, create; all or nothing. An error names its place, such as "
            "`update.3.price`."
        ),
        request=BulkRequestSerializer,
        responses=BulkResultSerializer,
        examples=[
            OpenApiExample(
                "All three",
                {
                    "create": [{"name": "Aero 14 laptop", "price": "1299.00", "category": 2}],
                    "update": [{"id": 7, "in_stock": False}],
                    "delete": [8],
                },
                request_only=True,
            ),
            OpenApiExample(
                "All three",
                {
                    "created": [PRODUCT_EXAMPLE | {"id": 9}],
                    "updated": [PRODUCT_EXAMPLE | {"in_stock": False}],
                    "deleted": [8],
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        with few_collections():
            return Response(self._written(request))

    def _written(self, request: Request) -> dict[str, Any]:
        data = request.data
        model = get_product_model()
        serializer_class = product_serializer_class()
        context = {"request": request, "view": self}
        queryset = model.objects.visible_to(request.user)
        with atomic_write(model):
            result = bulk_write(
                data, queryset=queryset, serializer_class=serializer_class, context=context, actor=request.user
            )
            # Within the transaction: later they may be somebody else's version, or gone.
            keys = [*result.created, *result.updated]
            shown = _shown(queryset, keys, serializer_class(context=context))
            if len(shown) < len(set(keys)):
                raise IntegrityError("What they refer to is gone: the commit would fail too.")
        created, updated = ([shown[key] for key in keys] for keys in (result.created, result.updated))
        return {"created": created, "updated": updated, "deleted": result.deleted}


def _shown(queryset: QuerySet[Any], keys: list[Any], serializer: Any) -> dict[Any, Any]:
    """The products with these keys by key, as the serializer shows them."""
    shown = representation_of(serializer, queryset.model)
    if shown is None:
        rows = joined(queryset.select_related("category")).in_bulk(keys)
        return {key: serializer.to_representation(row) for key, row in rows.items()}
    rows = queryset.using(router.db_for_write(queryset.model))
    return KeysStatement(rows, shown.lookups, shown.texts).run(keys, shown)[1] if keys else {}
