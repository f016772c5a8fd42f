"""Classes of the site that settings name: permissions and throttles of all our views, the service of the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from rest_framework.permissions import BasePermission
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from django_shopcore.catalog import get_product_model, services, signals
from django_shopcore.core.errors import Conflict
from tests.catalog.shapes import path_of
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "host_user", "swapped_both")]

HERE = __name__
LIST = "/api/v1/products/"


class NotOnSundays(BasePermission):
    message = "Closed."

    def has_permission(self, request: Any, view: Any) -> bool:
        return "HTTP_X_SUNDAY" not in request.META

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return bool(obj.name != "secret")


class OncePerClient(SimpleRateThrottle):
    rate = "1/day"
    scope = "tests"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return "the-only-client"


class Careful(services.CatalogService):
    def create_product(self, *, values: Any, actor: Any) -> Any:
        return super().create_product(values={**values, "name": values["name"].title()}, actor=actor)

    def update_product(self, product: Any, *, values: Any, actor: Any) -> Any:
        super().update_product(product, values=values, actor=actor)
        if product.price > 1000:
            raise Conflict("Too dear.", code="too_dear")
        return product

    def delete_product(self, product: Any, *, actor: Any) -> None:
        product.is_published = False
        product.save()


PERMISSION = {"SHOPCORE_PERMISSION_CLASSES": [f"{HERE}.NotOnSundays"]}


def test_a_permission_of_the_site_is_asked_by_each_view_also_where_answers_are_kept(
    anonymous: APIClient, admin_client: APIClient
) -> None:
    product = ProductFactory.create(name="lamp")
    paths = (LIST, path_of(product), f"{LIST}facets/", "/api/v1/categories/", "/api/v1/categories/tree/")
    for path in paths:
        assert anonymous.get(path, headers={"x-sunday": "1"}).status_code == 200
    with override_settings(**PERMISSION):
        for path in paths:
            assert anonymous.get(path).status_code == 200
            refused = anonymous.get(path, headers={"x-sunday": "1"})
            assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated"), path
        refused = admin_client.patch(path_of(product), {"name": "new"}, headers={"x-sunday": "1"})
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert get_product_model().objects.get().name == "lamp"


def test_a_permission_for_an_object_is_asked_by_reads_and_writes_of_it(
    anonymous: APIClient, admin_client: APIClient
) -> None:
    product, other = ProductFactory.create(name="secret"), ProductFactory.create(name="lamp")
    assert anonymous.get(path_of(product)).status_code == 200
    with override_settings(**PERMISSION):
        assert anonymous.get(path_of(product)).status_code == 401
        assert anonymous.get(path_of(other)).status_code == 200
        for status, write in (
            (403, admin_client.patch(path_of(product), {"price": "1.00"})),
            (403, admin_client.delete(path_of(product))),
            (200, admin_client.patch(path_of(other), {"price": "1.00"})),
        ):
            assert write.status_code == status
    product.refresh_from_db()
    assert product.price != 1


def test_a_policy_still_refuses_what_the_site_s_permission_allows(customer_client: APIClient) -> None:
    with override_settings(**PERMISSION):
        assert customer_client.post(LIST, {"name": "lamp"}).status_code == 403


def test_a_throttle_of_the_site_is_asked_also_where_answers_are_kept(anonymous: APIClient) -> None:
    cache.clear()
    assert anonymous.get(LIST).status_code == 200
    with override_settings(SHOPCORE_THROTTLE_CLASSES=[f"{HERE}.OncePerClient"]):
        assert anonymous.get(LIST).status_code == 200
        refused = anonymous.get(LIST)
        assert refused.status_code == 429
        assert int(refused["Retry-After"]) > 80_000
        assert refused.headers["Content-Type"] == "application/problem+json"
    assert anonymous.get(LIST).status_code == 200


@override_settings(SHOPCORE_CATALOG_SERVICE=f"{HERE}.Careful")
def test_the_service_of_the_site_writes_single_objects(admin_client: APIClient) -> None:
    body = {"name": "a lamp", "price": "10.00", "category": CategoryFactory.create().pk}
    created = admin_client.post(LIST, body)
    assert (created.status_code, created.json()["name"]) == (201, "A Lamp")
    path = created["Location"]

    dear = admin_client.patch(path, {"price": "2000.00"})
    assert (dear.status_code, dear.json()["code"]) == (409, "too_dear")
    assert admin_client.get(path).json()["price"] == "10.00"

    assert admin_client.delete(path).status_code == 204
    assert get_product_model().objects.get().is_published is False


def test_without_a_setting_the_service_is_ours(admin_client: APIClient) -> None:
    sent: list[Any] = []

    def note(sender: Any, products: Any, actor: Any, **kwargs: Any) -> None:
        sent.append((products[0].name, actor is not None))

    signals.products_created.connect(note)
    try:
        body = {"name": "a lamp", "price": "10.00", "category": CategoryFactory.create().pk}
        assert admin_client.post(LIST, body).json()["name"] == "a lamp"
    finally:
        signals.products_created.disconnect(note)
    assert sent == [("a lamp", True)]
