"""The library's settings: a variable for each, by its own name."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django_shopcore.core.conf import Setting, declared_settings

from ..env import Environment

PREFIX = "SHOPCORE_"


def library_settings(env: Environment, installed_apps: Iterable[str]) -> dict[str, Any]:
    """The values of the ``SHOPCORE_…`` variables that are set."""
    known = _known_settings(installed_apps)
    values: dict[str, Any] = {}
    for name in env.starting_with(PREFIX):
        if name in known:
            values[name] = env.read(name, lambda text, setting=known[name]: _parse(setting, text), None)  # type: ignore[misc]
        else:
            # Perhaps of another release: the library's own check (shopcore.W001) warns of it.
            values[name] = env.get(name)
    return values


def _known_settings(installed_apps: Iterable[str]) -> dict[str, Setting[Any]]:
    """A feature declares its settings when its ``conf`` is imported, which needs no settings yet."""
    features = {".".join(app.split(".")[:2]) for app in installed_apps if app.startswith("django_shopcore.")}
    for feature in sorted(features):
        if find_spec(f"{feature}.conf"):
            import_module(f"{feature}.conf")
    return {setting.name: setting for setting in declared_settings()}


def _parse(setting: Setting[Any], text: str) -> Any:
    kind = setting.kind
    if kind.parse is None:
        raise ValueError("can be set in Python only")
    try:
        value = kind.parse(text)
    except ValueError:
        raise ValueError(f"expected {kind.name}") from None
    if not kind.accepts(value):
        raise ValueError(f"expected {kind.name}")
    return value
