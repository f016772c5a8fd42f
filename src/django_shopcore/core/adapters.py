"""Questions that a site answers itself: classes of its own, named by settings ``SHOPCORE_…_ADAPTER``.

A feature declares a protocol, a default class and the setting that names it::

    PRICE_ADAPTER = Setting("shop.prices.ColumnPrices", adapter_class("price_of"), "Answers what a product costs.")

and asks ``adapter(CatalogSettings.PRICE_ADAPTER)``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from .conf import AdapterKind, Setting


def adapter(setting: Setting[str]) -> Any:
    """The adapter that ``setting`` names now: one instance of each class, made when it is first asked for."""
    return _instance(setting.value())


@cache
def _instance(path: str) -> Any:
    return import_string(path)()


def fault_of(setting: Setting[Any]) -> str | None:
    """What is wrong with the class that ``setting`` names, for a system check.

    ``None`` also for a value that is no dotted path or does not import, which is reported of every setting.
    """
    path = setting.value()
    if not isinstance(setting.kind, AdapterKind) or not setting.kind.accepts(path):
        return None
    try:
        found = import_string(path)
    except ImportError:
        return None
    if not isinstance(found, type):
        return "is no class"
    try:
        made = found()
    except Exception as exc:  # noqa: BLE001 - code of the site's
        return f"cannot be made: {exc}"
    missing = [name for name in setting.kind.methods if not callable(getattr(made, name, None))]
    return f"has no {', '.join(missing)}" if missing else None
