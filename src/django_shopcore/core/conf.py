"""Settings: one descriptor holds the name, default, kind and documentation of a setting.

A feature declares its settings in its ``conf.py``::

    class CatalogSettings(SettingsGroup, prefix="SHOPCORE_CATALOG_"):
        PAGE_SIZE = Setting(20, positive_int, "Rows on a page when the request names no size.")

    app_settings = CatalogSettings()

``app_settings.PAGE_SIZE`` reads ``settings.SHOPCORE_CATALOG_PAGE_SIZE`` at each use, never at import, so
``override_settings`` works. The system checks, the reference page and the example project's environment
variables are all made from the same descriptors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from django.conf import Settings, settings

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What values a setting takes: how they are named, told apart and read from a text.

    ``parse`` turns the text of an environment variable into a value and raises ``ValueError`` for a wrong
    one; ``None`` for kinds that only Python can express.
    """

    name: str
    accepts: Callable[[Any], bool]
    parse: Callable[[str], T] | None = None


def _parse_bool(text: str) -> bool:
    words = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise ValueError("expected on or off") from None


def _parse_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_words(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


RATE = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,4})?([smhd])")


def _parse_rate(text: str) -> str | None:
    text = text.strip()
    if text.lower() in ("", "none", "off"):
        return None
    if not RATE.fullmatch(text):
        raise ValueError("expected a rate such as 10/m, or none")
    return text


boolean: Kind[bool] = Kind("a switch (True or False)", lambda value: isinstance(value, bool), _parse_bool)
positive_int: Kind[int] = Kind("a whole number above 0", lambda value: _is_int(value) and value > 0, int)
natural: Kind[int] = Kind("a whole number, 0 or more", lambda value: _is_int(value) and value >= 0, int)
text: Kind[str] = Kind("a text", lambda value: isinstance(value, str), str)
words: Kind[list[str]] = Kind("a list of texts", _is_words, _parse_list)
rate: Kind[str | None] = Kind(
    'a rate such as "10/m" (number / s, m, h or d; "5/10m" for ten minutes), or None for no limit',
    lambda value: value is None or (isinstance(value, str) and bool(RATE.fullmatch(value))),
    _parse_rate,
)
dotted_path: Kind[str | None] = Kind(
    "a dotted path, or None", lambda value: value is None or (isinstance(value, str) and "." in value), str
)
dotted_paths: Kind[list[str] | None] = Kind(
    "a list of dotted paths, or None", lambda value: value is None or _is_words(value), _parse_list
)
model_label: Kind[str] = Kind(
    'a model as "app_label.Model"', lambda value: isinstance(value, str) and value.count(".") == 1, str
)


def _parse_days(text: str) -> int | None:
    return None if text.strip().lower() in ("", "none", "off") else int(text)


optional_days: Kind[int | None] = Kind(
    "a whole number above 0, or None", lambda value: value is None or (_is_int(value) and value > 0), _parse_days
)


def one_of(*choices: str) -> Kind[str]:
    """The kind of a setting that is one of a few words."""
    named = " or ".join(f'"{choice}"' for choice in choices)

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in choices:
            raise ValueError(f"expected {named}")
        return word

    return Kind(f"one of {named}", lambda value: isinstance(value, str) and value in choices, parse)


@dataclass(frozen=True)
class AdapterKind(Kind[str]):
    """The kind of a setting that names an adapter; see ``adapters``."""

    methods: tuple[str, ...] = ()


def adapter_class(*methods: str) -> AdapterKind:
    """A dotted path to a class that is made without arguments and has these ``methods``."""
    named = ", ".join(f"`{method}`" for method in methods)
    return AdapterKind(
        f"a dotted path to a class with {named}", lambda value: isinstance(value, str) and "." in value, str, methods
    )


# What LazySettings keeps its settings in; its own attributes are slow to read.
_lazy: dict[str, Any] = object.__getattribute__(settings, "__dict__")


class Setting(Generic[T]):
    """One setting: a default, a kind and its documentation. Read through a ``SettingsGroup``.

    Raises ``ImproperlyConfigured`` nowhere: a wrong value is reported by the system checks, which run
    before a server starts.
    """

    name: str

    def __init__(self, default: T, kind: Kind[Any], doc: str) -> None:
        self.default = default
        self.kind = kind
        self.doc = doc

    def __set_name__(self, owner: type[SettingsGroup], name: str) -> None:
        self._attribute = name

    @overload
    def __get__(self, instance: None, owner: type[SettingsGroup]) -> Setting[T]: ...
    @overload
    def __get__(self, instance: SettingsGroup, owner: type[SettingsGroup]) -> T: ...
    def __get__(self, instance: SettingsGroup | None, owner: type[SettingsGroup]) -> Setting[T] | T:
        return self if instance is None else self.value()

    def value(self) -> T:
        """What the site's settings say now."""
        # Reading through LazySettings takes microseconds for a name that it does not have: most of ours.
        wrapped = _lazy["_wrapped"]
        held = wrapped.__dict__ if type(wrapped) is Settings else None
        found: T = getattr(settings, self.name, self.default) if held is None else held.get(self.name, self.default)
        return found


class SettingsGroup:
    """The settings of one feature; subclasses name the common prefix."""

    registry: dict[str, Setting[Any]] = {}

    def __init_subclass__(cls, *, prefix: str) -> None:
        for attribute, value in vars(cls).items():
            if isinstance(value, Setting):
                value.name = f"{prefix}{attribute}"
                SettingsGroup.registry[value.name] = value


def declared_settings() -> Iterator[Setting[Any]]:
    """Every setting of the features imported so far, by name."""
    yield from (SettingsGroup.registry[name] for name in sorted(SettingsGroup.registry))


class CoreSettings(SettingsGroup, prefix="SHOPCORE_"):
    MAX_JSON_BODY = Setting(
        1024 * 1024, positive_int, "Largest JSON request body, in bytes; above it the answer is 413."
    )
    MAX_JSON_DEPTH = Setting(64, positive_int, "Deepest nesting of a JSON request body; deeper is 400.")
    PAGE_SIZE = Setting(20, positive_int, "Rows on a page when the request names no size.")
    MAX_PAGE_SIZE = Setting(100, positive_int, "Rows on a page at most; a larger size is served as this.")
    COUNT_BOUND = Setting(
        10_000,
        positive_int,
        "Lists count their matching rows exactly up to this many. Above it PostgreSQL answers with the planner's "
        "estimate (`count_is_exact` is false); other databases go on counting.",
    )
    TRUSTED_PROXIES = Setting(
        0, natural, "Number of proxies in front whose `X-Forwarded-For` entries are trusted for the client's address."
    )
    RATE_LIMITS = Setting(True, boolean, "Whether rate limits are enforced at all; off only for load tests.")
    RATE_LIMIT_CACHE = Setting("default", text, "Alias of the Django cache that holds rate limits when it is shared.")
    SITE_URL = Setting(
        "",
        text,
        "What links in mails start with, `https://shop.example` for one; never taken from a request's `Host`.",
    )
    AUTHENTICATION_CLASSES = Setting[list[str] | None](
        None,
        dotted_paths,
        "DRF authentication classes of our views. None: those of the installed accounts feature, otherwise the "
        "host's `DEFAULT_AUTHENTICATION_CLASSES`.",
    )
    PERMISSION_CLASSES = Setting[list[str] | None](
        None,
        dotted_paths,
        "DRF permission classes that every view of ours asks after its own access policy: they can only refuse more.",
    )
    THROTTLE_CLASSES = Setting[list[str] | None](
        None, dotted_paths, "DRF throttle classes that every view of ours asks before its own rate limits."
    )
    ADMIN_ADAPTER = Setting(
        "django_shopcore.core.adapters.ColumnAdmins",
        adapter_class("is_admin", "admins", "column"),
        "Says which users are admins. See [](../how-to/adapters.md).",
    )
    LINK_ADAPTER = Setting(
        "django_shopcore.core.adapters.SiteLinks",
        adapter_class("url"),
        "Says where the links in mails lead. See [](../how-to/adapters.md).",
    )
    REPLICAS = Setting[list[str]](
        [],
        words,
        "Aliases of `DATABASES` that are replicas of `default`; the catalogue is read from them as long as they hold "
        "its present state. See [](../how-to/replica.md).",
    )
    REPLICA_MODELS = Setting[list[str]](
        [],
        words,
        "Models (`blog.Post`) or apps (`blog`) of the site's own that are read from replicas too, each client seeing "
        "what it has written itself. See [](../how-to/replica.md).",
    )
    REPLICA_TIMEOUT = Setting(
        2, positive_int, "Seconds that a read waits for a replica on PostgreSQL before it turns to the primary."
    )


core_settings = CoreSettings()


class CacheSettings(SettingsGroup, prefix="SHOPCORE_CATALOG_"):
    """Of the cache of responses; they bear the name of what it is there for."""

    CACHE = Setting(
        600,
        natural,
        "Seconds that a response of the catalogue to an anonymous reader is kept. It is shown only while it is right, "
        "however long that is. 0: nothing is kept.",
    )
    CACHE_ALIAS = Setting("default", text, "Alias of the Django cache that holds responses when it is shared.")
    CACHE_LEASE = Setting(
        2,
        positive_int,
        "Seconds that a process may trust what the shared cache says without asking the database. A write waits a "
        "little longer than that when the cache does not answer. The same in all processes.",
    )
    CACHE_RECHECK_MS = Setting(
        2,
        natural,
        "Milliseconds for which a process that has asked the shared cache does not ask it again: for answers, and for "
        "rate limits of reads that are far from reached. A write waits as long before it answers. At most a lease; "
        "the same in all processes. 0: each read asks.",
    )


cache_settings = CacheSettings()
