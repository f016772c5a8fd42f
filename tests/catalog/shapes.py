"""What the catalogue's bodies look like, written down apart from the code that makes them."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django_shopcore.catalog import get_category_model, get_product_model

PRODUCTS = "/api/v1/products/"
CATEGORIES = "/api/v1/categories/"
TREE = "/api/v1/categories/tree/"


def path_of(row: Any) -> str:
    """The address of a product or a category."""
    collection = PRODUCTS if isinstance(row, get_product_model()) else CATEGORIES
    return f"{collection}{row.pk}/"


def key_of(row: Any) -> Any:
    """The row's key as JSON has it."""
    return row.pk if isinstance(row.pk, int) else str(row.pk)


def unknown_key(model: Any) -> Any:
    """A well-formed key that no row has."""
    return str(uuid.UUID(int=1)) if model._meta.pk.get_internal_type() == "UUIDField" else 2**62


def unknown_product() -> Any:
    return unknown_key(get_product_model())


def unknown_category() -> Any:
    return unknown_key(get_category_model())


def when(moment: datetime.datetime) -> str:
    """RFC 3339 in UTC with ``Z``."""
    text = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat()
    return f"{text}Z"


def product_body(row: Any, **different: Any) -> dict[str, Any]:
    """The whole body of a product as a customer sees it, made from the row."""
    body = {
        "id": key_of(row),
        "name": row.name,
        "slug": row.slug,
        "sku": row.sku,
        "description": row.description,
        "price": f"{row.price:.2f}",
        "compare_at_price": None if row.compare_at_price is None else f"{row.compare_at_price:.2f}",
        "currency": row.currency,
        "category": row.category_id,
        "category_name": row.category.name,
        "in_stock": row.in_stock,
        "is_published": row.is_published,
        "image_url": row.image_url,
        "metadata": row.metadata,
        "created_at": when(row.created_at),
        "updated_at": when(row.updated_at),
    }
    return body | different


def category_body(row: Any, **different: Any) -> dict[str, Any]:
    body = {
        "id": row.pk,
        "name": row.name,
        "slug": row.slug,
        "parent": row.parent_id,
        "metadata": row.metadata,
        "created_at": when(row.created_at),
    }
    return body | different


def names_in(response: Any) -> list[str]:
    assert response.status_code == 200, response.json()
    return [row["name"] for row in response.json()["results"]]
