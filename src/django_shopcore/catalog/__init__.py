"""Categories and products over REST."""

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .abstract_models import AbstractCategory, AbstractProduct


def get_product_model() -> "type[AbstractProduct]":
    """The site's Product: ours, or the model named by ``SHOPCORE_CATALOG_PRODUCT_MODEL``."""
    from .conf import swapped_model

    return cast("type[AbstractProduct]", swapped_model("PRODUCT_MODEL"))


def get_category_model() -> "type[AbstractCategory]":
    """The site's Category: ours, or the model named by ``SHOPCORE_CATALOG_CATEGORY_MODEL``."""
    from .conf import swapped_model

    return cast("type[AbstractCategory]", swapped_model("CATEGORY_MODEL"))


__all__ = ["get_category_model", "get_product_model"]
