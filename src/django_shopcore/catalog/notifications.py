"""What the catalogue announces: to admins, one message for a write however many products it made or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_shopcore.core.users import email_of
from django_shopcore.notifications import Audience, Message, NotificationKind, register
from django_shopcore.notifications.recipients import admin_messages, one_line

from . import signals
from .importing import ImportReport

MAX_SHOWN = 10
MAX_IDS = 100


def _data(products: Sequence[Any], count: int, actor: Any) -> dict[str, Any]:
    """What is told of ``count`` products, of which ``products`` are the first."""
    shown = [
        {"id": _id(row), "name": one_line(row.name), "sku": one_line(row.sku or "")} for row in products[:MAX_SHOWN]
    ]
    return {
        "count": count,
        "products": shown,
        "more": count - len(shown),
        "ids": [_id(row) for row in products[:MAX_IDS]],
        "actor": one_line(email_of(actor) or actor.get_username()) if actor is not None else "",
    }


def _id(product: Any) -> int | str:
    return product.pk if isinstance(product.pk, int) else str(product.pk)


def _created(
    *, products: Sequence[Any] = (), report: ImportReport | None = None, actor: Any = None, **event: Any
) -> list[Message]:
    if report is None:
        return admin_messages(_data(products, len(products), actor))
    if not report.created:
        return []
    imported = {"created": report.created, "updated": report.updated}
    return admin_messages({**_data(report.first_created, report.created, actor), "imported": imported})


def _deleted(*, products: Sequence[Any], actor: Any = None, **event: Any) -> list[Message]:
    return admin_messages(_data(products, len(products), actor))


register(
    NotificationKind(
        name="product_created",
        title=_("New products"),
        event=[signals.products_created, signals.products_imported],
        messages=_created,
        audience=Audience.ADMINS,
        sample={
            "count": 12,
            "products": [
                {"id": 41, "name": "Walnut desk", "sku": "WD-160"},
                {"id": 42, "name": "Oak chair", "sku": "OC-2"},
                {"id": 43, "name": "Brass lamp", "sku": ""},
            ],
            "more": 9,
            "ids": [41, 42, 43],
            "actor": "grace@example.com",
            "imported": {"created": 12, "updated": 3},
        },
    )
)

register(
    NotificationKind(
        name="product_deleted",
        title=_("Deleted products"),
        event=signals.products_deleted,
        messages=_deleted,
        audience=Audience.ADMINS,
        sample={
            "count": 1,
            "products": [{"id": 42, "name": "Oak chair", "sku": "OC-2"}],
            "more": 0,
            "ids": [42],
            "actor": "grace@example.com",
        },
    )
)
