"""A site's own manager or queryset, which may go by the tenant: its SQL is never kept for another request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import models
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.querysets import ProductQuerySet
from tests.catalog.plain_way import stock, way
from tests.core.test_reading_views import names

# With transactions of their own, so that tokens, entity tags and kept responses take part.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full", "swapped"),
    pytest.mark.urls("tests.core.test_reading_views"),
]


@contextmanager
def manager(owner: Any, manager: Any) -> Iterator[None]:
    """``owner``'s ``objects`` as a site would declare it."""
    managers, inherited = list(owner._meta.local_managers), vars(owner).get("objects")
    try:
        owner._meta.local_managers = [found for found in managers if found.name != "objects"]
        manager.contribute_to_class(owner, "objects")
        yield
    finally:
        owner._meta.local_managers = managers
        if inherited is None:
            del owner.objects
        else:
            owner.objects = inherited
        owner._meta._expire_cache()


class Tenant:
    name = "P1"


class TenantManager(models.Manager.from_queryset(ProductQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(name=Tenant.name)


class ByTenantQuerySet(ProductQuerySet[Any]):
    def visible_to(self, user: Any) -> Any:
        return super().visible_to(user).filter(name=Tenant.name)


class ByTenantProperty(ProductQuerySet[Any]):
    @property
    def db(self) -> Any:
        # What a property does, nobody can tell: this one stands for all.
        return super().db

    @classmethod
    def _of_tenant(cls) -> str:
        return Tenant.name


class InAnyCategory(ProductQuerySet[Any]):
    def in_categories(self, ids: Any) -> Any:
        return self.filter(name=Tenant.name)


@pytest.mark.parametrize("kind", ["manager", "queryset"])
def test_a_manager_that_goes_by_the_tenant_shows_each_its_own(anonymous: APIClient, kind: str) -> None:
    rows = {row.name: row for row in stock()}
    own: Any = TenantManager() if kind == "manager" else ByTenantQuerySet.as_manager()
    with manager(get_product_model(), own):
        assert way() == "columns"
        for name in ("P1", "P2", "P1"):
            Tenant.name = name
            for query in ("", "?cursor=", "?min_price=0", "?fields=name"):
                assert names(anonymous, f"/ProductViewSet/{query}") == [name]
                assert names(anonymous, f"/api/v1/products/{query}") == [name]
            for row in rows.values():
                assert anonymous.get(f"/api/v1/products/{row.pk}/").status_code == (200 if row.name == name else 404)


def test_a_queryset_with_a_category_of_its_own_is_asked(anonymous: APIClient) -> None:
    [row, *_] = stock()
    with manager(get_product_model(), InAnyCategory.as_manager()):
        for name in ("P1", "P2"):
            Tenant.name = name
            assert names(anonymous, f"/api/v1/products/?category={row.category_id}") == [name]


def test_a_property_makes_a_queryset_of_the_sites_own_too() -> None:
    with manager(get_product_model(), ByTenantProperty.as_manager()):
        assert way() == "columns"
    assert way() == "compiled"


def test_what_base_manager_hides_from_relations_is_not_hidden_from_a_list(anonymous: APIClient) -> None:
    stock()
    model = get_product_model()
    hiding = TenantManager()
    hiding.name, hiding.model = "hiding", model
    vars(model._meta)["base_manager"] = hiding
    try:
        assert names(anonymous, "/ByTenant/", "P3") == ["P3"]
        assert names(anonymous, "/OwnContext/?ordering=name&size=3") == ["P0", "P1", "P2"]
    finally:
        model._meta._expire_cache()
