"""What DRF's ordinary way answers: the serializer itself on instances, whatever our views do to be faster."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.renderers import JSONRenderer
from rest_framework.test import APIRequestFactory, force_authenticate

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.serializers import product_serializer_class
from django_shopcore.catalog.views import ProductViewSet
from django_shopcore.core.reading import way_of
from tests.catalog.shapes import PRODUCTS
from tests.factories.catalog import CategoryFactory, ProductFactory


def view_of(view_class: Any = ProductViewSet, query: Any = None, user: Any = None, **headers: Any) -> Any:
    """A list view as it is when it is about to answer."""
    raw = APIRequestFactory().get(PRODUCTS, query or {}, **headers)
    force_authenticate(raw, user or AnonymousUser())
    view = view_class()
    view.action_map, view.action, view.args, view.kwargs = {"get": "list"}, "list", (), {}
    view.format_kwarg = None
    view.request = view.initialize_request(raw)
    return view


def way(view_class: Any = ProductViewSet, query: Any = None, user: Any = None, **headers: Any) -> str:
    """How such a request is read."""
    return way_of(view_of(view_class, query, user, **headers))


def shown_plainly(rows: Any, view: Any = None, serializer_class: Any = None) -> Any:
    """``rows`` as JSON, shown by a serializer that was given the instances."""
    view = view or view_of()
    context = {"request": view.request, "view": view, "format": None}
    serializer = (serializer_class or product_serializer_class())(rows, many=True, context=context)
    return json.loads(JSONRenderer().render(serializer.data))


def published() -> Any:
    """The public list in its default order, as the ORM has it."""
    return get_product_model().objects.filter(is_published=True).order_by("-created_at", "-pk")


def stock(number: int = 5) -> list[Any]:
    """Products in two categories, every second one in a root and the others beneath it."""
    root = CategoryFactory.create(name="Root")
    below = CategoryFactory.create(name="Below", parent=root)
    return [
        ProductFactory.create(
            name=f"P{place}",
            price=f"{place}.50",
            sku=f"S{place}" if place % 2 else None,
            category=below if place % 2 else root,
            metadata={"place": place} if place % 3 else {},
        )
        for place in range(number)
    ]
