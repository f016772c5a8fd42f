"""System checks of settings and views. Each has an id, and a hint that says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

import django
from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from .access import policy_for
from .adapters import fault_of
from .conf import (
    AdapterKind,
    CoreSettings,
    Setting,
    SettingsGroup,
    cache_settings,
    core_settings,
    declared_settings,
    dotted_path,
    dotted_paths,
)
from .leases import is_divided
from .users import ADMIN, column, user_model
from .views import ShopcoreView

PREFIX = "SHOPCORE_"

# The first patch release of each series without a known hole.
SECURE_RELEASES = {(5, 2): 19, (6, 0): 10, (6, 1): 3}
LOCALE_MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"

AppConfigs = Sequence[AppConfig] | None


@register(Tags.compatibility)
def check_settings(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """E001: a value of the wrong kind. E002: a dotted path that does not import. W001: an unknown name."""
    messages: list[CheckMessage] = []
    for name in sorted(name for name in dir(settings) if name.startswith(PREFIX)):
        setting = SettingsGroup.registry.get(name)
        value = getattr(settings, name)
        if setting is None:
            hint = f"Did you mean {near}?" if (near := _likely(name)) else "No installed feature has such a setting."
            messages.append(Warning(f"Unknown setting {name}.", hint=hint, id="shopcore.W001"))
        elif not setting.kind.accepts(value):
            messages.append(Error(f"{name} must be {setting.kind.name}.", hint=setting.doc, id="shopcore.E001"))
        elif (setting.kind in (dotted_path, dotted_paths) or _is_adapter(setting)) and value is not None:
            messages += _check_paths(name, [value] if isinstance(value, str) else value)
    return messages


def _likely(name: str) -> str | None:
    """The known setting most like ``name``, the common prefix left aside."""
    known = {setting.removeprefix(PREFIX): setting for setting in SettingsGroup.registry}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1)
    return known[near[0]] if near else None


def _check_paths(name: str, paths: Sequence[str]) -> Iterator[CheckMessage]:
    for path in paths:
        try:
            import_string(path)
        except ImportError as exc:
            yield Error(f"{name}: {path} cannot be imported.", hint=str(exc), id="shopcore.E002")


def _is_adapter(setting: Setting[Any]) -> bool:
    return isinstance(setting.kind, AdapterKind)


@register(Tags.compatibility)
def check_adapters(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """E007: an adapter that is no class, cannot be made without arguments, or lacks a method."""
    found = ((setting, fault_of(setting)) for setting in declared_settings() if _is_adapter(setting))
    return [
        Error(
            f"{setting.name}: {setting.value()} {fault}.",
            hint=f"Name {setting.kind.name}, made without arguments.",
            id="shopcore.E007",
        )
        for setting, fault in found
        if fault
    ]


@register(Tags.models)
def check_admins(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """W008: nobody can be an admin. W009: the admin site asks for what the user model does not have."""
    try:
        model: Any = user_model()
    except ImproperlyConfigured:
        return []  # Django reports it
    messages: list[CheckMessage] = []
    if CoreSettings.ADMIN_ADAPTER.default == core_settings.ADMIN_ADAPTER and column(*ADMIN) is None:
        hint = "Add a BooleanField is_staff to it, or name a class in SHOPCORE_ADMIN_ADAPTER that knows the admins."
        text = "Nobody is an admin: AUTH_USER_MODEL has neither is_admin nor is_staff."
        messages.append(Warning(text, hint=hint, id="shopcore.W008"))
    if not hasattr(model, "is_staff") and _asks_for_staff():
        hint = "Give it a property is_staff, or let the default_site of an AdminConfig ask core.access.is_admin."
        text = "Signing in to the admin fails: AUTH_USER_MODEL has no is_staff."
        messages.append(Warning(text, hint=hint, id="shopcore.W009"))
    return messages


def _asks_for_staff() -> bool:
    if not apps.is_installed("django.contrib.admin"):
        return False
    from django.contrib.admin import AdminSite, site

    ways = [vars(cls)["has_permission"] for cls in site.__class__.__mro__ if "has_permission" in vars(cls)]
    # One that only refuses more, after its base class has allowed it, says so.
    return next(way for way in ways if not getattr(way, "refuses_more", False)) is AdminSite.has_permission


@register(Tags.security)
def check_django_release(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """W002: a Django patch level with known security holes."""
    series, patch = django.VERSION[:2], django.VERSION[2]
    secure = SECURE_RELEASES.get(series)
    if secure is None or patch >= secure:
        return []
    return [
        Warning(
            f"Django {django.get_version()} has known security holes.",
            hint=f"Upgrade to {series[0]}.{series[1]}.{secure} or later.",
            id="shopcore.W002",
        )
    ]


@register(Tags.security, deploy=True)
def check_rate_limits(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """W003: rate limits are switched off."""
    if not core_settings.RATE_LIMITS:
        return [Warning("Rate limits are off.", hint="Remove SHOPCORE_RATE_LIMITS = False.", id="shopcore.W003")]
    return []


@register(Tags.caches)
def check_rate_limit_cache(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """E011: the cache of rate limits does not exist, so reads go without limits."""
    alias = core_settings.RATE_LIMIT_CACHE
    if alias in settings.CACHES:
        return []
    hint = "Name an alias of CACHES, or remove the setting."
    return [Error(f"SHOPCORE_RATE_LIMIT_CACHE: there is no cache {alias!r}.", hint=hint, id="shopcore.E011")]


@register(Tags.caches)
def check_response_cache(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """E004: the cache of responses does not exist. W004: it has several servers, so each process keeps its own."""
    alias = cache_settings.CACHE_ALIAS
    if not cache_settings.CACHE:
        return []
    if alias not in settings.CACHES:
        hint = "Name an alias of CACHES, or set SHOPCORE_CATALOG_CACHE = 0."
        return [Error(f"SHOPCORE_CATALOG_CACHE_ALIAS: there is no cache {alias!r}.", hint=hint, id="shopcore.E004")]
    if is_divided(alias):
        hint = "Name a cache with one server in SHOPCORE_CATALOG_CACHE_ALIAS."
        return [
            Warning(f"The cache {alias!r} has several servers: no response is shared.", hint=hint, id="shopcore.W004")
        ]
    return []


@register(Tags.translation)
def check_translations(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """W007: the site speaks another language than English, and lacks Django REST framework's translations."""
    other = not settings.LANGUAGE_CODE.startswith("en") or LOCALE_MIDDLEWARE in settings.MIDDLEWARE
    if not (settings.USE_I18N and other) or apps.is_installed("rest_framework"):
        return []
    return [
        Warning(
            "The messages of Django REST framework are in English only.",
            hint='Add "rest_framework" to INSTALLED_APPS: its translations come with the app.',
            id="shopcore.W007",
        )
    ]


@register(Tags.urls)
def check_access_policies(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    """E003: a routed view of ours with an action that declares no access policy."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    missing = {
        f"{view_class.__module__}.{view_class.__qualname__}, action {action!r}"
        for view_class, actions in shopcore_routes(get_resolver())
        for action in actions
        if policy_for(view_class.access, action) is None
    }
    return [
        Error(
            f"No access policy: {place}.",
            hint="Declare it in the view's `access`, e.g. {'list': ANYONE}. Until then it is refused.",
            id="shopcore.E003",
        )
        for place in sorted(missing)
    ]


def shopcore_routes(resolver: URLResolver) -> Iterator[tuple[type[ShopcoreView], list[str]]]:
    """Our views in the URLconf, each with the actions that are routed to it."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from shopcore_routes(entry)
        elif isinstance(entry, URLPattern):
            view_class = getattr(entry.callback, "cls", None)
            if view_class is not None and issubclass(view_class, ShopcoreView):
                actions = getattr(entry.callback, "actions", None)
                yield view_class, sorted(set(actions.values()) if actions else _methods(view_class))


def _methods(view_class: type[ShopcoreView]) -> set[str]:
    ignored = {"options", "head", "trace"}
    return {method for method in view_class.http_method_names if hasattr(view_class, method)} - ignored
