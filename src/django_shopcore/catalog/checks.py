from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from django_shopcore.core.conf import words

from . import get_category_model, get_product_model
from .abstract_models import AbstractCategory, AbstractProduct
from .conf import app_settings


@register
def check_models(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E101: a swapped model that does not exist or does not extend the abstract one."""
    messages: list[CheckMessage] = []
    for name, getter, base in (
        ("SHOPCORE_CATALOG_PRODUCT_MODEL", get_product_model, AbstractProduct),
        ("SHOPCORE_CATALOG_CATEGORY_MODEL", get_category_model, AbstractCategory),
    ):
        try:
            model: Any = getter()
        except (LookupError, ValueError) as exc:
            messages.append(Error(f"{name} names no model.", hint=str(exc), id="shopcore.E101"))
            continue
        if not issubclass(model, base):
            hint = f"Subclass django_shopcore.catalog.abstract_models.{base.__name__}."
            messages.append(Error(f"{name} does not extend {base.__name__}.", hint=hint, id="shopcore.E101"))
    return messages


@register
def check_metadata_filters(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E102: a key of the metadata that no request could name."""
    keys = app_settings.METADATA_FILTERS
    if not words.accepts(keys):
        return []  # shopcore.E001
    return [
        Error(f"SHOPCORE_CATALOG_METADATA_FILTERS: {key!r} cannot be filtered by.", hint=hint, id="shopcore.E102")
        for key in keys
        for hint in ["Name a key of `metadata`: text without NUL, as it is written in the object."]
        if not key or "\x00" in key
    ]
