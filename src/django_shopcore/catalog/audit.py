"""What of the catalogue goes into the audit log; the only place in the catalogue that knows of it.

One entry for each product and category, also of a bulk request and of an import: what happened to one of them is
asked for by its key.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.dispatch import Signal

from django_shopcore.audit import Line, record, record_many
from django_shopcore.audit.recording import told_elsewhere
from django_shopcore.core import changes
from django_shopcore.core.changes import Changes

from . import get_category_model, get_product_model, signals

EMPTY: tuple[Any, ...] = (None, "", {}, [])


def _created(rows: Iterable[Any]) -> list[Line]:
    return [Line(row, {name: (None, value) for name, value in _columns(row)}, title=row.name) for row in rows]


def _updated(rows: Iterable[Any]) -> list[Line]:
    """Nothing of a row that is as it was; all that is known of one whose values before nobody has kept."""
    found = ((row, _told(row, changes.changes_of(row))) for row in rows)
    return [Line(row, told or {}, title=row.name) for row, told in found if told is None or told]


def _deleted(rows: Iterable[Any]) -> list[Line]:
    return [Line(row, {name: (value, None) for name, value in _columns(row)}, title=row.name) for row in rows]


def _columns(row: Any) -> list[tuple[str, Any]]:
    automatic = _automatic(row.__class__)
    found = changes.values_of(row).items()
    return [(name, value) for name, value in found if name not in automatic and value not in EMPTY]


def _told(row: Any, changed: Changes | None) -> Changes | None:
    if changed is None:
        return None
    automatic = _automatic(row.__class__)
    return {name: pair for name, pair in changed.items() if name not in automatic}


@functools.cache
def _automatic(model: Any) -> set[str]:
    """The key, and the times that are set by every write."""
    times = ("auto_now", "auto_now_add")
    return {
        field.name
        for field in model._meta.concrete_fields
        if field.primary_key or any(getattr(field, name, False) for name in times)
    }


def _listen(signal: Signal, action: str, argument: str, lines_of: Callable[[Sequence[Any]], list[Line]]) -> None:
    def receive(sender: Any, actor: Any = None, **event: Any) -> None:
        record_many(action, lines_of(event[argument]), actor=actor)

    signal.connect(receive, weak=False, dispatch_uid=f"shopcore_audit.{action}")


def _import_goes_on(sender: Any, created: Sequence[Any], updated: Sequence[Any], actor: Any, **event: Any) -> None:
    record_many("product.created", _created(created), actor=actor)
    record_many("product.updated", _updated(updated), actor=actor)


def _imported(sender: Any, report: Any, actor: Any = None, **event: Any) -> None:
    numbers = {name: getattr(report, name) for name in ("created", "updated", "unchanged")}
    record("products.imported", data=numbers, actor=actor)


def listen() -> None:
    for one, all_ in (("product", "products"), ("category", "categories")):
        _listen(getattr(signals, f"{all_}_created"), f"{one}.created", all_, _created)
        _listen(getattr(signals, f"{all_}_updated"), f"{one}.updated", all_, _updated)
        _listen(getattr(signals, f"{all_}_deleted"), f"{one}.deleted", all_, _deleted)
    signals.products_import_goes_on.connect(_import_goes_on, dispatch_uid="shopcore_audit.import_goes_on")
    signals.products_imported.connect(_imported, dispatch_uid="shopcore_audit.products_imported")
    told_elsewhere.update(model._meta.label_lower for model in (get_product_model(), get_category_model()))
