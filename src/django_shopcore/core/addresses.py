"""Addresses of requests and of pages."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus


def absolute_url(request: Any) -> str:
    """The request's URL with host and query, as Django's ``build_absolute_uri`` says; it is made out once.

    Raises ``DisallowedHost``.
    """
    plain = getattr(request, "_request", request)
    own = plain.__dict__
    if "shopcore_url" not in own:
        # Django takes the parts, quoted already, apart once more; a path with dots it resolves.
        dotted = "/." in plain.path
        if "shopcore_origin" not in own:
            own["shopcore_origin"] = f"{plain.scheme}://{plain.get_host()}"
        whole = own["shopcore_origin"] + plain.get_full_path()
        own["shopcore_url"] = plain.build_absolute_uri() if dotted else whole
    url: str = own["shopcore_url"]
    return url


def url_with(request: Any, parameters: Mapping[str, Any]) -> str:
    """The request's URL with ``parameters`` as its query: values or lists of them, by name; without ``None``."""
    pairs = [
        f"{_quoted(name)}={_quoted(str(value))}"
        for name, values in sorted(parameters.items())
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
    address = absolute_url(request).partition("?")[0]
    return f"{address}?{'&'.join(pairs)}" if pairs else address


_quoted = functools.lru_cache(maxsize=1024)(quote_plus)
