"""What a product is shown with that a site may know better than its table: the price, and whether it is in stock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from django_shopcore.core.adapters import adapter

from .abstract_models import AbstractProduct
from .conf import CatalogSettings


@dataclass(frozen=True)
class Price:
    """An amount with the currency's ISO 4217 code, and the amount that is struck through, if one is."""

    amount: Decimal
    currency: str
    compare_at: Decimal | None = None


class PriceAdapter(Protocol):
    """Says what price a product is shown with, named by ``SHOPCORE_CATALOG_PRICE_ADAPTER``."""

    def price_of(self, product: AbstractProduct, *, request: Any) -> Price:
        """The price for whoever asks. ``request`` is DRF's, or ``None`` where nobody does."""
        ...


class AvailabilityAdapter(Protocol):
    """Says whether a product is shown as in stock, named by ``SHOPCORE_CATALOG_AVAILABILITY_ADAPTER``."""

    def is_in_stock(self, product: AbstractProduct, *, request: Any) -> bool:
        """Whether it is, for whoever asks. ``request`` is DRF's, or ``None`` where nobody does."""
        ...


class StoredPrices:
    """The price in the product's row. What filters and orderings go by, whatever is shown."""

    def price_of(self, product: AbstractProduct, *, request: Any) -> Price:
        return Price(product.price, product.currency, product.compare_at_price)


class StoredAvailability:
    """``in_stock`` of the product's row."""

    def is_in_stock(self, product: AbstractProduct, *, request: Any) -> bool:
        return product.in_stock


PARTS = {"price": "amount", "compare_at_price": "compare_at", "currency": "currency"}


def let_adapters_answer(fields: dict[str, Any], request: Any) -> None:
    """Has the fields of a product show what the site's adapters say; what they take as input stays the same.

    With our own adapters nothing changes: the fields go on showing columns.
    """
    if CatalogSettings.PRICE_ADAPTER.value() != CatalogSettings.PRICE_ADAPTER.default:
        price_of = _once_in_a_row(partial(adapter(CatalogSettings.PRICE_ADAPTER).price_of, request=request))
        for name, part in PARTS.items():
            _show(fields, name, _part(price_of, part))
    if CatalogSettings.AVAILABILITY_ADAPTER.value() != CatalogSettings.AVAILABILITY_ADAPTER.default:
        _show(fields, "in_stock", partial(adapter(CatalogSettings.AVAILABILITY_ADAPTER).is_in_stock, request=request))


def _show(fields: dict[str, Any], name: str, answer: Callable[[Any], Any]) -> None:
    if name in fields:
        fields[name].get_attribute = answer


def _part(price_of: Callable[[Any], Any], part: str) -> Callable[[Any], Any]:
    return lambda product: getattr(price_of(product), part)


def _once_in_a_row(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``ask``, with one question for the fields of a product, which are shown one after the other."""
    last: list[Any] = [None, None]

    def answer(product: Any) -> Any:
        if last[0] is not product:
            last[:] = product, ask(product)
        return last[1]

    return answer
