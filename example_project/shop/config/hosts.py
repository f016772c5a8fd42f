"""Names of hosts, origins, and the site's own address."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from .words import items

LOCAL = ("localhost", "127.0.0.1", "[::1]")
HOST = re.compile(r"\*|\.?(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+|\[[0-9A-Fa-f:.]+\]")
# What a browser sends from a page on the developer's own machine, whatever port its server has.
LOCAL_ORIGIN = r"^https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$"


def hosts(text: str) -> list[str]:
    """``ALLOWED_HOSTS``. Django compares without the port, so one here would never match."""
    found = items(text)
    for host in found:
        if not HOST.fullmatch(host):
            raise ValueError("expected host names without scheme, port or path, such as shop.example.com")
    return found


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid or url.username or url.password or url.query or url.fragment or re.search(r"\s", text):
        raise ValueError("expected an address such as https://shop.example.com")
    return url


def site_url(text: str) -> str:
    """The site's address without a slash at the end; links in mail are made by appending to it."""
    _split(text)
    return text.rstrip("/")


def origin(text: str) -> str:
    """Scheme, host and port."""
    url = _split(text)
    return f"{url.scheme}://{url.netloc}"


def origins(text: str) -> list[str]:
    found = items(text)
    for item in found:
        if origin(item) != item:
            raise ValueError("expected origins without a path, such as https://shop.example.com")
    return found


def exact_origins(text: str) -> list[str]:
    """Origins without wildcards: CORS has none."""
    if "*" in text:
        raise ValueError("a wildcard is not allowed; name each origin")
    return origins(text)


def is_local(url: str) -> bool:
    """Whether ``url`` leads to this machine only."""
    hostname = urlsplit(url).hostname
    return hostname in ("localhost", "127.0.0.1", "::1")


def sender(site: str) -> str:
    """The address that mail comes from unless another one is given."""
    return f"noreply@{urlsplit(site).hostname}"
