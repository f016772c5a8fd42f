"""Writes that have effects beyond one row. Each runs in the caller's transaction and sends its event there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from django_shopcore.core import extension_writes
from django_shopcore.core.errors import Conflict
from django_shopcore.core.locking import lock_rows

from . import get_category_model, get_product_model, signals
from .abstract_models import AbstractCategory, AbstractProduct, SluggedModel
from .conf import app_settings

M = TypeVar("M", bound=SluggedModel)


class CatalogService:
    """What a request that writes one product or category does. ``SHOPCORE_CATALOG_SERVICE`` names a site's subclass.

    ``values`` are validated field values (of an extension, a mapping under the name by which instances have it, or
    ``None`` for no row), ``actor`` is the user who asked. An instance is locked. A method that
    raises undoes the write: a problem of ``django_shopcore.core.errors`` or of DRF is the request's answer. Writes of
    many rows (bulk, import) and the admin do not come here; for those there are the signals.
    """

    def create_product(self, *, values: Mapping[str, Any], actor: Any) -> AbstractProduct:
        """Saves a new product and sends ``products_created``."""
        product = _save(get_product_model()(), values)
        signals.products_created.send(sender=type(product), products=[product], actor=actor)
        return product

    def update_product(self, product: AbstractProduct, *, values: Mapping[str, Any], actor: Any) -> AbstractProduct:
        """Saves changes of a product and sends ``products_updated``."""
        _save(product, values)
        signals.products_updated.send(sender=type(product), products=[product], actor=actor)
        return product

    def delete_product(self, product: AbstractProduct, *, actor: Any) -> None:
        """Deletes a product and sends ``products_deleted``. Raises ``ProtectedError`` when something refers to it."""
        pk = product.pk
        product.delete()
        product.pk = pk
        signals.products_deleted.send(sender=type(product), products=[product], actor=actor)

    def create_category(self, *, values: Mapping[str, Any], actor: Any) -> AbstractCategory:
        """Saves a new category and sends ``categories_created``."""
        category = _save(get_category_model()(), values)
        signals.categories_created.send(sender=type(category), categories=[category], actor=actor)
        return category

    def update_category(self, category: AbstractCategory, *, values: Mapping[str, Any], actor: Any) -> AbstractCategory:
        """Saves changes of a category and sends ``categories_updated``. The tree is locked when it moves."""
        _save(category, values)
        signals.categories_updated.send(sender=type(category), categories=[category], actor=actor)
        return category

    def delete_category(self, category: AbstractCategory, *, actor: Any) -> None:
        """Deletes an empty category and sends ``categories_deleted``; ``Conflict`` with products or children."""
        if category.products.exists() or category.children.exists():  # type: ignore[attr-defined]
            raise Conflict(_("The category still has products or categories beneath it."), code="category_not_empty")
        pk = category.pk
        category.delete()
        category.pk = pk
        signals.categories_deleted.send(sender=type(category), categories=[category], actor=actor)


def service() -> CatalogService:
    """The site's service, or ours."""
    path = app_settings.SERVICE
    made: CatalogService = import_string(path)() if path else CatalogService()
    return made


def lock_tree() -> None:
    """Waits for other moves of categories: two at once could each be fine and together make a cycle."""
    lock_rows(get_category_model()._default_manager.only("pk"))


def _save(instance: M, values: Mapping[str, Any]) -> M:
    own, extended = extension_writes.split(type(instance), values)
    if instance._state.adding:
        extension_writes.note_new(instance)
    for name, value in own.items():
        setattr(instance, name, value)
    instance.save()
    extension_writes.write(instance, extended)
    return instance
