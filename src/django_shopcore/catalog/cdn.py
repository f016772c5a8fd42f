"""What a public answer tells a CDN. By default it keeps nothing unasked, as everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django_shopcore.core.keys import parse_key

from . import get_category_model, get_product_model
from .conf import app_settings

EVERYTHING = "catalogue"  # the key of every answer


def public_headers(view: Any, kwargs: Mapping[str, Any]) -> dict[str, str]:
    """The headers of an answer of ``view`` that anybody may have, ``kwargs`` being those of its route."""
    headers = {"Cache-Control": _cache_control()}
    if app_settings.SURROGATE_KEYS:
        headers["Surrogate-Key"] = " ".join(_keys(view, kwargs))
    return headers


def _cache_control() -> str:
    age, stale = app_settings.CDN_MAX_AGE, app_settings.STALE_WHILE_REVALIDATE
    if not age and not stale:
        return "public, no-cache"
    while_revalidating = f", stale-while-revalidate={stale}" if stale else ""
    return f"public, max-age=0, s-maxage={age}{while_revalidating}"


def _keys(view: Any, kwargs: Mapping[str, Any]) -> list[str]:
    """One for each collection that a change of may change the answer; for an object of one, the object's own."""
    keys = [EVERYTHING]
    collections = (("product", "products", get_product_model()), ("category", "categories", get_category_model()))
    for one, all_of_them, model in collections:
        if model._meta.db_table not in view.tables:
            continue
        if "pk" in kwargs and model is view.model:
            keys.append(f"{one}-{quote(str(parse_key(model, kwargs['pk'])), safe='')}")
        else:
            keys.append(all_of_them)
    return keys
