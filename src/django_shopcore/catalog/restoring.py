"""After every migration: what the catalogue's tables have lost of what our migration operations made."""

from __future__ import annotations

from typing import Any

from django.db import connections, router

from django_shopcore.core.announcing import watched_models
from django_shopcore.core.models import TableVersion
from django_shopcore.core.operations import restore
from django_shopcore.core.tracking import VERSIONS, TrackTable

from . import get_category_model, get_product_model
from .operations import TableOperation, category_operations, product_operations


def parts() -> list[tuple[Any, list[TableOperation]]]:
    """The site's two models with the operations that belong to their tables."""
    category, product = get_category_model(), get_product_model()
    return [
        (category, category_operations(category._meta.model_name or "")),
        (product, product_operations(product._meta.model_name or "")),
    ]


def watched_parts() -> list[tuple[Any, TrackTable]]:
    """The site's other tables that answers may show columns of, with what tracks them."""
    others = {TableVersion, *(model for model, _operations in parts())}
    found = [model for model in watched_models() if model not in others]
    return [(model, TrackTable(model._meta.model_name or "")) for model in found]


def restore_parts(using: str, **kwargs: Any) -> None:
    """Receives ``post_migrate``.

    A table that never had our operations is left alone. One that has lost some (a SQLite table made anew for
    a changed field, a version's row that was flushed with the rest) gets them back.
    """
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    others: list[tuple[Any, list[TableOperation]]] = [(model, [part]) for model, part in watched_parts()]
    for model, operations in [*parts(), *others]:
        if not {model._meta.db_table, VERSIONS} <= tables or not router.allow_migrate_model(using, model):
            continue
        [tracking] = [operation for operation in operations if isinstance(operation, TrackTable)]
        if tracking.is_partly_there(connection, model):
            restore(connection, model, operations if connection.vendor == "sqlite" else [tracking])
