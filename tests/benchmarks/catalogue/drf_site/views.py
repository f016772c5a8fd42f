import django_filters
from rest_framework import pagination, serializers, viewsets

from .models import Product


class ProductSerializer(serializers.ModelSerializer):
    category_name = serializers.CharField(source="category.name", read_only=True)

    class Meta:
        model = Product
        fields = [
            *("id", "name", "slug", "sku", "description", "price", "compare_at_price", "currency", "category"),
            *("category_name", "in_stock", "is_published", "image_url", "metadata", "created_at", "updated_at"),
        ]


class ProductFilter(django_filters.FilterSet):
    min_price = django_filters.NumberFilter(field_name="price", lookup_expr="gte")
    max_price = django_filters.NumberFilter(field_name="price", lookup_expr="lte")

    class Meta:
        model = Product
        fields = ["category", "in_stock"]


class NumberedPages(pagination.PageNumberPagination):
    page_size = 20

    def get_paginated_response(self, data):
        response = super().get_paginated_response(data)
        response.data["count_is_exact"] = True
        return response


class KeysetPages(pagination.CursorPagination):
    page_size = 20
    ordering = ("-created_at", "-id")


class ProductViewSet(viewsets.ModelViewSet):
    queryset = Product.objects.filter(is_published=True).select_related("category")
    serializer_class = ProductSerializer
    pagination_class = NumberedPages
    filterset_class = ProductFilter
    search_fields = ["name", "description"]
    ordering_fields = ["price", "name", "created_at", "id"]


class KeysetViewSet(ProductViewSet):
    pagination_class = KeysetPages
    # Its paginator orders by itself.
    filter_backends = []
