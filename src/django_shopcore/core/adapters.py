"""Questions that a site answers itself: classes of its own, named by settings ``SHOPCORE_…_ADAPTER``.

A feature declares a protocol, a default class and the setting that names it::

    PRICE_ADAPTER = Setting("shop.prices.ColumnPrices", adapter_class("price_of"), "Answers what a product costs.")

and asks ``adapter(CatalogSettings.PRICE_ADAPTER)``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, cast
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.module_loading import import_string

from .conf import AdapterKind, CoreSettings, Setting
from .users import ADMIN, column


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


class AdminAdapter(Protocol):
    """Who has the role admin; ``SHOPCORE_ADMIN_ADAPTER``. The two questions must have the same answer for each user.

    Whether the account is active is not asked here: an inactive one has no rights, whatever its role.
    """

    @abstractmethod
    def is_admin(self, user: Any) -> bool:
        """Whether ``user``, of the site's model, has the role. It is asked several times in a request."""

    @abstractmethod
    def admins(self) -> Q:
        """The condition, on the user model, for those who have the role."""

    def column(self) -> str | None:
        """The column of the user model that alone says it, which the API then writes.

        ``None``: the API shows the role and refuses to change it.
        """
        return None


class ColumnAdmins:
    """The default: the user model's column ``is_admin``, otherwise its ``is_staff``."""

    def is_admin(self, user: Any) -> bool:
        value = getattr(user, "is_admin", getattr(user, "is_staff", False))
        return bool(value) and not callable(value)  # a method of that name would be true of everybody

    def admins(self) -> Q:
        name = self.column()
        return Q(pk__in=[]) if name is None else Q(**{name: True})

    def column(self) -> str | None:
        return column(*ADMIN)


def admin_adapter() -> AdminAdapter:
    return cast(AdminAdapter, adapter(CoreSettings.ADMIN_ADAPTER))


@dataclass(frozen=True)
class Link:
    """A link for a mail, as the settings would have it.

    ``purpose`` is ``password_reset``, ``email_verification``, ``email_change`` or ``unsubscribe``. ``page`` is
    where it leads, an absolute address without a query, and ``query`` what that page must get. ``user`` is
    ``None`` where there is no account yet; ``address`` is where the mail goes, ``language`` the recipient's.
    """

    purpose: str
    page: str
    query: Mapping[str, str] = field(default_factory=dict)
    user: Any = None
    address: str = ""
    language: str = ""

    def at(self, page: str) -> str:
        """The link with ``page`` in place of its own."""
        return f"{page}?{urlencode(self.query)}"


class LinkAdapter(Protocol):
    """Where the links in mails lead; ``SHOPCORE_LINK_ADAPTER``. There is no request to ask: a worker writes them."""

    @abstractmethod
    def url(self, link: Link) -> str:
        """The absolute address for ``link``, its query included."""


class SiteLinks:
    """The default: the pages that the settings name."""

    def url(self, link: Link) -> str:
        return link.at(link.page)


def link_adapter() -> LinkAdapter:
    return cast(LinkAdapter, adapter(CoreSettings.LINK_ADAPTER))
