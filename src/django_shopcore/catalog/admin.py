"""The catalogue in Django's admin.

The site's models are registered when nobody else has. To change a page, unregister it and register a subclass::

    admin.site.unregister(get_product_model())

    @admin.register(get_product_model())
    class ShopProductAdmin(ProductAdmin): ...

An app with a Product or Category of its own that imports this module in its ``admin.py`` registers its models
itself, without ``unregister``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.utils.module_loading import module_has_submodule

from . import get_category_model, get_product_model
from .admin_categories import CategoryAdmin
from .admin_products import BaseProductAdmin, ProductAdmin

__all__ = ["BaseProductAdmin", "CategoryAdmin", "ProductAdmin"]


def is_left_to_its_app(model: type[Any]) -> bool:
    """Whether the admin module of the model's app is being imported right now, and imports us.

    Otherwise the module is imported first, so that what it registers counts whatever the order of
    ``INSTALLED_APPS`` is: registering before it would end in its ``AlreadyRegistered``.
    """
    config = apps.get_app_config(model._meta.app_label)
    name = f"{config.name}.admin"
    if name == __name__:
        return False
    module = sys.modules.get(name)
    if module is None and module_has_submodule(config.module, "admin"):
        import_module(name)
    return module is not None and getattr(module.__spec__, "_initializing", False)


def register_models() -> None:
    for getter, admin_class in ((get_category_model, CategoryAdmin), (get_product_model, ProductAdmin)):
        try:
            model: Any = getter()
        except (LookupError, ValueError):
            continue  # reported by the check shopcore.E101, which runs later
        if not is_left_to_its_app(model) and not admin.site.is_registered(model):
            admin.site.register(model, admin_class)


register_models()
