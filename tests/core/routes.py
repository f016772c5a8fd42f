"""The routes of ours in the URLconf at hand, read from it rather than written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver

from django_shopcore import urls

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    path: str
    """Relative to where the library is mounted, a key as ``{id}``."""
    view: Any
    methods: frozenset[str]

    def url(self, key: Any = None) -> str:
        return "/api/v1/" + self.path.replace("{id}", str(key))


def routes() -> list[Route]:
    return [
        Route(re.sub(r"<(\w+:)?pk>", "{id}", path), callback, _methods(callback))
        for path, callback in _walk(urls.urlpatterns)
    ]


def _walk(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, path)
        elif isinstance(entry, URLPattern):
            yield path, entry.callback


def _methods(callback: Any) -> frozenset[str]:
    actions = getattr(callback, "actions", None)
    names = set(actions) if actions else set(dir(callback.cls))
    return frozenset(method for method in METHODS if method.lower() in names)
