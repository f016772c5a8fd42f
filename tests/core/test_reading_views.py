"""A site's own view, manager or queryset: what it does for one request is never kept for another."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings
from django.urls import include, path
from rest_framework import serializers
from rest_framework.filters import SearchFilter
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.serializers import ProductSerializer
from django_shopcore.catalog.views import CategoryViewSet, ProductViewSet
from django_shopcore.core.access import ANYONE
from django_shopcore.core.pagination import ShopcorePagination
from django_shopcore.core.views import ShopcoreViewSet
from tests.catalog.plain_way import published, shown_plainly, stock, view_of, way
from tests.catalog.shapes import PRODUCTS, path_of
from tests.fixtures import client_of
from tests.users import make_user

# With transactions of their own, so that tokens, entity tags and kept responses take part.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full", "swapped"),
    pytest.mark.urls("tests.core.test_reading_views"),
]


class ByTenant(ProductViewSet):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(name=self.request.headers.get("X-Tenant", "P0"))


class EditedList(ProductViewSet):
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().list(request, *args, **kwargs)
        response.data["tenant"] = request.headers.get("X-Tenant")
        return response

    def retrieve(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().retrieve(request, *args, **kwargs)
        response.data["tenant"] = request.headers.get("X-Tenant")
        return response


class OwnPage(ShopcorePagination):
    def get_paginated_response(self, data: Any) -> Response:
        return Response({"rows": data, "tenant": self.request.headers.get("X-Tenant")})


class OwnPagination(ProductViewSet):
    pagination_class = OwnPage


class ForeignPagination(ProductViewSet):
    pagination_class = LimitOffsetPagination  # type: ignore[assignment]


class Unpaginated(ProductViewSet):
    pagination_class = None  # type: ignore[assignment]


class OwnContext(ProductViewSet):
    """Everybody sees all fields where the header says so."""

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "complete": self.request.headers.get("X-Tenant") == "all"}


class Short(serializers.Serializer[Any]):
    id = serializers.ReadOnlyField()
    title = serializers.CharField(source="name")


class OwnSerializerClass(ProductViewSet):
    def get_serializer_class(self) -> Any:
        return Short if self.request.headers.get("X-Tenant") == "short" else ProductSerializer


class OwnBackends(ProductViewSet):
    filter_backends: ClassVar[Any] = [SearchFilter]
    search_fields = ("name",)


class ByFields(ProductViewSet):
    """django-filter's short way, without a filterset."""

    filterset_class = None  # type: ignore[assignment]
    filterset_fields = ("name",)


class NotThatOne(BasePermission):
    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return bool(obj.name != "P1")


class ByObject(ProductViewSet):
    permission_classes = [NotThatOne]


class OwnList(ShopcoreViewSet):
    """Not a view of the catalogue's at all."""

    access: ClassVar[Any] = {"list": ANYONE}
    serializer_class = Short

    def get_queryset(self) -> Any:
        return published().filter(name__gte=self.request.headers.get("X-Tenant", "P0"))


class ByHeader(ProductSerializer):
    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.context["request"].headers.get("X-Tenant") != "all":
            del fields["sku"]
        return fields


class User:
    """A site's middleware that knows who asks without a header of HTTP's or a cookie."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        if "HTTP_X_USER" in request.META:
            request.user = get_user_model().objects.get(pk=request.META["HTTP_X_USER"])
        return self.get_response(request)


VIEWS = [
    ProductViewSet, ByTenant, EditedList, OwnPagination, ForeignPagination, Unpaginated, OwnContext,
    OwnSerializerClass, OwnBackends, ByFields, ByObject, OwnList, CategoryViewSet,
]  # fmt: skip
urlpatterns = [
    *(path(f"{view.__name__}/", view.as_view({"get": "list"})) for view in VIEWS),
    *(path(f"{view.__name__}/<pk>/", view.as_view({"get": "retrieve"})) for view in VIEWS if view is not OwnList),
    path("api/v1/", include("django_shopcore.urls")),
]


def names(client: APIClient, url: str, tenant: str | None = None, **more: Any) -> list[str]:
    headers = {"HTTP_X_TENANT": tenant} if tenant else {}
    response = client.get(url, **headers, **more)
    assert response.status_code == 200, response.content
    body = response.json()
    rows = body if isinstance(body, list) else body.get("results", body.get("rows"))
    return [row.get("name", row.get("title")) for row in rows]


def test_a_queryset_by_the_requests_header_is_made_for_each_request(anonymous: APIClient) -> None:
    rows = stock()
    assert way(ByTenant) == "columns"
    for _ in range(2):
        for tenant in ("P1", "P2", None):
            assert names(anonymous, "/ByTenant/", tenant) == [tenant or "P0"]
            for row in rows:
                headers = {"HTTP_X_TENANT": tenant} if tenant else {}
                status = anonymous.get(f"/ByTenant/{row.pk}/", **headers).status_code
                assert status == (200 if row.name == (tenant or "P0") else 404)


def test_the_tag_of_one_tenants_list_is_not_a_match_for_anothers(anonymous: APIClient) -> None:
    stock()
    for url in ("/ByTenant/", "/OwnPagination/", "/OwnSerializerClass/", "/EditedList/", "/OwnContext/"):
        tags = {tenant: anonymous.get(url, HTTP_X_TENANT=tenant)["ETag"] for tenant in ("P1", "P2", "short", "all")}
        for tenant, tag in tags.items():
            for other in tags:
                response = anonymous.get(url, HTTP_X_TENANT=other, HTTP_IF_NONE_MATCH=tag)
                fresh = anonymous.get(url, HTTP_X_TENANT=other)
                same = fresh.content == anonymous.get(url, HTTP_X_TENANT=tenant).content
                assert response.status_code == (304 if same else 200), (url, tenant, other)


def test_a_list_and_a_detail_that_the_site_edits_are_shown_edited(anonymous: APIClient) -> None:
    [row, *_] = stock()
    assert way(EditedList) == "view"
    for tenant in ("P1", "P2"):
        body = anonymous.get("/EditedList/?size=2", HTTP_X_TENANT=tenant).json()
        assert (body["tenant"], body["results"]) == (tenant, shown_plainly(published()[:2]))
        one = anonymous.get(f"/EditedList/{row.pk}/", HTTP_X_TENANT=tenant).json()
        [plain] = shown_plainly([published().get(pk=row.pk)])
        assert one == {**plain, "tenant": tenant}


def test_a_paginator_of_the_site_says_what_a_page_looks_like(anonymous: APIClient) -> None:
    stock()
    assert [way(view) for view in (OwnPagination, ForeignPagination, Unpaginated)] == ["compiled", "view", "view"]
    for tenant in ("a", "b"):
        body = anonymous.get("/OwnPagination/?size=2", HTTP_X_TENANT=tenant).json()
        assert body == {"rows": shown_plainly(published()[:2]), "tenant": tenant}
    assert names(anonymous, "/ForeignPagination/?limit=2&offset=1&ordering=name") == ["P1", "P2"]
    assert anonymous.get("/Unpaginated/?ordering=name").json() == shown_plainly(published().order_by("name"))


def test_a_context_or_serializer_of_the_sites_view_is_asked_at_each_request(anonymous: APIClient) -> None:
    [row, *_] = stock()
    assert (way(OwnContext), way(OwnSerializerClass)) == ("columns", "compiled")
    for _ in range(2):
        for tenant in ("all", "none"):
            for url, rows in (("/OwnContext/", published()), (f"/OwnContext/{row.pk}/", [row])):
                view = view_of(OwnContext, HTTP_X_TENANT=tenant)
                context = view.get_serializer_context()
                plain = ProductSerializer(rows, many=True, context=context).data
                body = anonymous.get(url, HTTP_X_TENANT=tenant).json()
                shown = body.get("results", [body])
                assert [set(found) for found in shown] == [set(found) for found in plain]
        for tenant, fields in (("short", {"id", "title"}), ("long", set(ProductSerializer().fields))):
            for url in ("/OwnSerializerClass/", f"/OwnSerializerClass/{row.pk}/"):
                body = anonymous.get(url, HTTP_X_TENANT=tenant).json()
                found = set((body["results"][0] if "results" in body else body).keys())
                assert found == fields - {"private_metadata"}


@override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{__name__}.ByHeader")
def test_fields_by_a_header_are_kept_for_nobody_else(anonymous: APIClient) -> None:
    [row, *_] = stock()
    for _ in range(2):
        for tenant in ("all", "none"):
            for url in (PRODUCTS, path_of(row)):
                body = anonymous.get(url, HTTP_X_TENANT=tenant).json()
                assert ("sku" in json.dumps(body)) == (tenant == "all")


@override_settings(
    MIDDLEWARE=[f"{__name__}.User"],
    SHOPCORE_AUTHENTICATION_CLASSES=["rest_framework.authentication.SessionAuthentication"],
)
def test_what_a_user_of_the_sites_middleware_is_shown_is_kept_for_nobody_else(anonymous: APIClient) -> None:
    [row, *_] = stock()
    get_product_model().objects.filter(pk=row.pk).update(is_published=False)
    admin = make_user(admin=True)
    for url, hidden in ((PRODUCTS, b"P0"), (path_of(row), b"P0")):
        assert hidden in anonymous.get(url, HTTP_X_USER=str(admin.pk)).content
        assert hidden not in anonymous.get(url).content


def test_other_filter_backends_filter(anonymous: APIClient) -> None:
    stock()
    assert (way(OwnBackends), way(ByFields)) == ("columns", "columns")
    for _ in range(2):
        assert names(anonymous, "/OwnBackends/?search=P3") == ["P3"]
        assert names(anonymous, "/OwnBackends/?search=P4") == ["P4"]
        assert names(anonymous, "/ByFields/?name=P3") == ["P3"]
        assert names(anonymous, "/ByFields/?name=P4") == ["P4"]


def test_a_permission_for_an_object_is_asked(anonymous: APIClient) -> None:
    for row in stock(3):
        status = anonymous.get(f"/ByObject/{row.pk}/").status_code
        assert status == (401 if row.name == "P1" else 200)


def test_a_view_that_says_nothing_of_its_audience_is_made_for_each_request(anonymous: APIClient) -> None:
    stock()
    assert way(OwnList) == "columns"
    for tenant in ("P3", "P1", "P4"):
        plain = [{"id": row["id"], "title": row["name"]} for row in shown_plainly(published()) if row["name"] >= tenant]
        assert anonymous.get("/OwnList/", HTTP_X_TENANT=tenant).json()["results"] == plain


def test_the_ways_are_told_of_the_catalogues_own_views(anonymous: APIClient) -> None:
    assert [way(ProductViewSet), way(CategoryViewSet)] == ["compiled", "compiled"]


def test_admins_and_others_are_told_apart_however_they_come(anonymous: APIClient) -> None:
    [row, *_] = stock()
    get_product_model().objects.filter(pk=row.pk).update(is_published=False)
    admin, customer = client_of(make_user(admin=True)), client_of(make_user())
    for _ in range(2):
        for client, count in ((admin, 5), (customer, 4), (anonymous, 4), (admin, 5)):
            body = client.get("/ProductViewSet/?size=2").json()
            assert body["count"] == count
            assert ("private_metadata" in json.dumps(body)) == (client is admin)
    assert AnonymousUser().pk is None


@override_settings(SHOPCORE_CATALOG_CACHE=0)
def test_nothing_of_it_hangs_on_the_response_cache(anonymous: APIClient) -> None:
    stock()
    for tenant in ("P1", "P2"):
        assert names(anonymous, "/ByTenant/", tenant) == [tenant]
