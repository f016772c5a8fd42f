"""Writes that have effects beyond one row. Each runs in the caller's transaction and sends its event there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from django_shopcore.core.errors import Conflict
from django_shopcore.core.locking import lock_rows

from . import get_category_model, get_product_model, signals
from .abstract_models import AbstractCategory, AbstractProduct, SluggedModel

M = TypeVar("M", bound=SluggedModel)


def _save(instance: M, values: Mapping[str, Any]) -> M:
    for name, value in values.items():
        setattr(instance, name, value)
    instance.save()
    return instance


def create_product(*, values: Mapping[str, Any], actor: Any) -> AbstractProduct:
    """Saves a new product and sends ``products_created``. ``values`` are validated field values."""
    product = _save(get_product_model()(), values)
    signals.products_created.send(sender=type(product), products=[product], actor=actor)
    return product


def update_product(product: AbstractProduct, *, values: Mapping[str, Any], actor: Any) -> AbstractProduct:
    """Saves changes of a locked product and sends ``products_updated``."""
    _save(product, values)
    signals.products_updated.send(sender=type(product), products=[product], actor=actor)
    return product


def delete_product(product: AbstractProduct, *, actor: Any) -> None:
    """Deletes a product and sends ``products_deleted``. Raises ``ProtectedError`` when something refers to it."""
    pk = product.pk
    product.delete()
    product.pk = pk
    signals.products_deleted.send(sender=type(product), products=[product], actor=actor)


def create_category(*, values: Mapping[str, Any], actor: Any) -> AbstractCategory:
    """Saves a new category and sends ``categories_created``."""
    category = _save(get_category_model()(), values)
    signals.categories_created.send(sender=type(category), categories=[category], actor=actor)
    return category


def update_category(category: AbstractCategory, *, values: Mapping[str, Any], actor: Any) -> AbstractCategory:
    """Saves changes of a category and sends ``categories_updated``. Hold ``lock_tree`` to move one."""
    _save(category, values)
    signals.categories_updated.send(sender=type(category), categories=[category], actor=actor)
    return category


def lock_tree() -> None:
    """Waits for other moves of categories: two at once could each be fine and together make a cycle."""
    lock_rows(get_category_model()._default_manager.only("pk"))


def delete_category(category: AbstractCategory, *, actor: Any) -> None:
    """Deletes an empty category and sends ``categories_deleted``; ``Conflict`` with products or children."""
    if category.products.exists() or category.children.exists():  # type: ignore[attr-defined]
        raise Conflict(_("The category still has products or categories beneath it."), code="category_not_empty")
    pk = category.pk
    category.delete()
    category.pk = pk
    signals.categories_deleted.send(sender=type(category), categories=[category], actor=actor)
