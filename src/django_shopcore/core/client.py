"""Who is calling, as far as the network tells."""

from __future__ import annotations

import functools
import ipaddress
from typing import Any

from .conf import core_settings


def client_address(request: Any) -> str:
    """The caller's IP address as text, or ``""`` when unknown (a unix socket).

    ``X-Forwarded-For`` counts only for ``SHOPCORE_TRUSTED_PROXIES`` entries from the right: each trusted
    proxy appends the address it was called from, everything left of those is the caller's own claim.
    """
    proxies = core_settings.TRUSTED_PROXIES
    if proxies:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(forwarded) >= proxies:
            address = _parse(forwarded[-proxies])
            if address:
                return address
    return _parse(request.META.get("REMOTE_ADDR", ""))


def client_network(request: Any) -> str:
    """The caller's address for counting: IPv4 as it is, IPv6 by its /64, which one subscriber holds."""
    address = client_address(request)
    if ":" in address:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return address


@functools.lru_cache(maxsize=1024)
def _parse(text: str) -> str:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
