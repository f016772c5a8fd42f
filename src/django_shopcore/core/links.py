"""Links to the site's front end, for mails."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from .conf import core_settings


def site_url() -> str:
    """``SHOPCORE_SITE_URL`` without a slash at its end."""
    return core_settings.SITE_URL.rstrip("/")


def site_host() -> str:
    """The host name in it; ``""`` where the setting is missing."""
    return urlsplit(site_url()).hostname or ""


def site_link(path: str, **query: str) -> str:
    """An absolute link to ``path`` of the front end. It is made of settings only, never of a request.

    The links of our own mails go by ``SHOPCORE_LINK_ADAPTER`` besides.
    """
    link = f"{site_url()}/{path.lstrip('/')}"
    return f"{link}?{urlencode(query)}" if query else link
