"""Many products in one request: all or nothing, checked and written per set instead of per row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.exceptions import ValidationError

from django_shopcore.core import changes, extension_writes
from django_shopcore.core.errors import InvalidInput, field_error, flatten
from django_shopcore.core.extension_fields import ExtensionField
from django_shopcore.core.extensions import lock_extensions
from django_shopcore.core.keys import parse_key
from django_shopcore.core.locking import lock_rows
from django_shopcore.core.lookups import among
from django_shopcore.core.storing import BulkStore

from . import get_product_model, signals
from .checking import References, RowChecker, differs
from .conf import app_settings
from .serializers import UNIQUE_MESSAGES
from .slugs import free_slugs, slug_base

LISTS = ("create", "update", "delete")


@dataclass
class BulkResult:
    created: list[Any]
    updated: list[Any]
    deleted: list[Any]


@dataclass
class Batch:
    """A bulk request on its way from raw items to rows; ``errors`` collects what is wrong where."""

    items: dict[str, list[Any]]
    serializer_class: Any
    context: Mapping[str, Any]
    errors: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[Any, Any] = field(default_factory=dict)
    doomed: list[Any] = field(default_factory=list)
    changes: list[tuple[int, Any, dict[str, Any]]] = field(default_factory=list)
    additions: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    chained: bool = False
    extensions: list[ExtensionField] = field(default_factory=list)

    def error(self, place: str, code: str, detail: Any) -> None:
        self.errors.append(field_error(place, code, detail))

    def stop_on_errors(self) -> None:
        if self.errors:
            raise InvalidInput(self.errors)


def bulk_write(
    data: Any, *, queryset: Any, serializer_class: Any, context: Mapping[str, Any], actor: Any
) -> BulkResult:
    """Carries out ``{"create": [...], "update": [...], "delete": [...]}`` in the caller's transaction.

    The order is delete, update, create, so a slug or SKU freed by one step is free for the next. Raises
    ``InvalidInput`` with the place of every error, and ``ProtectedError`` when something refers to a product.
    """
    batch = Batch(_items_of(data), serializer_class, context)
    _lock(batch, queryset)
    _validate(batch)
    batch.stop_on_errors()
    for name in UNIQUE_MESSAGES:
        _check_unique(batch, name)
    _check_extensions(batch)
    batch.stop_on_errors()
    deleted = _delete(batch, actor)
    updated = _update(batch, actor)
    created = _create(batch, actor)
    return BulkResult(created, updated, deleted)


def _items_of(data: Any) -> dict[str, list[Any]]:
    if not isinstance(data, dict):
        raise InvalidInput([field_error("", "invalid", _("A JSON object is required."))])
    items = {name: data.get(name, []) for name in LISTS}
    errors = [
        field_error(name, "not_a_list", _("A list is required.")) for name in LISTS if type(items[name]) is not list
    ]
    if errors:
        raise InvalidInput(errors)
    limit = app_settings.MAX_BULK_ITEMS
    if sum(map(len, items.values())) > limit:
        message = ngettext("At most %(limit)d item is allowed.", "At most %(limit)d items are allowed.", limit)
        raise InvalidInput([field_error("", "too_many_items", message % {"limit": limit})])
    return items


def _lock(batch: Batch, queryset: Any) -> None:
    """Locks the rows to change and to delete; reports keys that are unknown or named twice."""
    model = get_product_model()
    places: dict[str, Any] = {}
    for index, raw in enumerate(batch.items["delete"]):
        places[f"delete.{index}"] = parse_key(model, raw)
    for index, item in enumerate(batch.items["update"]):
        if not isinstance(item, dict):
            batch.error(f"update.{index}", "invalid", _("A JSON object is required."))
        elif "id" not in item:
            batch.error(f"update.{index}.id", "required", _("This field is required."))
        else:
            places[f"update.{index}.id"] = parse_key(model, item["id"])
    keys = {key for key in places.values() if key is not None}
    batch.rows = {row.pk: row for row in lock_rows(queryset.filter(among(model, "pk", keys)))} if keys else {}
    lock_extensions(batch.rows.values())
    changes.remember(batch.rows.values())
    seen: set[Any] = set()
    for place, key in places.items():
        if key not in batch.rows:
            batch.error(place, "does_not_exist", _("There is no such product."))
        elif key in seen:
            batch.error(place, "duplicate", _("The product is named twice."))
        seen.add(key)
    if not batch.errors:
        batch.doomed = [batch.rows[key] for place, key in places.items() if place.startswith("delete")]


def _validate(batch: Batch) -> None:
    references = References(batch.serializer_class(context=batch.context))
    references.load([*batch.items["create"], *batch.items["update"]])
    context = {**batch.context, "unchecked": True, "known_keys": references.known}
    # One of each for all items: making a serializer's fields costs more than running them.
    for_present = RowChecker(batch.serializer_class(context=context, partial=True))
    for_new = RowChecker(batch.serializer_class(context=context))
    batch.extensions = [one for one in for_new.serializer.fields.values() if isinstance(one, ExtensionField)]
    for index, item in enumerate(batch.items["update"]):
        row = batch.rows.get(parse_key(get_product_model(), item.get("id"))) if isinstance(item, dict) else None
        if row is not None:
            batch.changes.append((index, row, _values(batch, f"update.{index}", for_present, item, row)))
    for index, item in enumerate(batch.items["create"]):
        batch.additions.append((index, _values(batch, f"create.{index}", for_new, item)))


def _values(batch: Batch, place: str, checker: RowChecker, item: Any, row: Any = None) -> dict[str, Any]:
    checker.serializer.instance, checker.serializer.initial_data = row, item
    try:
        return checker.run(item)
    except ValidationError as exc:
        batch.errors.extend(flatten(exc.detail, place))
        return {}


def _check_unique(batch: Batch, name: str) -> None:
    """Plays the batch through: who holds which value of ``name`` after each step."""
    wanted = {
        values[name] for _index, row, values in batch.changes if values.get(name) and values[name] != getattr(row, name)
    }
    wanted |= {values[name] for _index, values in batch.additions if values.get(name)}
    holders: dict[Any, Any] = {}
    if wanted:
        model = get_product_model()
        rows = model._default_manager.filter(among(model, name, wanted)).order_by()
        holders = dict(rows.exclude(pk__in=[row.pk for row in batch.doomed]).values_list(name, "pk"))
    before = dict(holders)
    for index, row, values in batch.changes:
        if name not in values or values[name] == getattr(row, name):
            continue
        if holders.get(getattr(row, name)) == row.pk:
            del holders[getattr(row, name)]
        if _claim(batch, holders, f"update.{index}.{name}", name, values[name], row.pk):
            batch.chained |= before.get(values[name], row.pk) != row.pk
    for index, values in batch.additions:
        _claim(batch, holders, f"create.{index}.{name}", name, values.get(name), object())


def _check_extensions(batch: Batch) -> None:
    items: list[tuple[str, Any, dict[str, Any]]] = [(f"update.{index}", *change) for index, *change in batch.changes]
    items += [(f"create.{index}", None, values) for index, values in batch.additions]
    for one in batch.extensions:
        given = [item for item in items if item[2].get(one.extension.accessor)]
        rows = [(row, values[one.extension.accessor]) for _place, row, values in given]
        for index, name, message in extension_writes.taken_values(one, rows, leaving=batch.doomed):
            batch.error(f"{given[index][0]}.{one.field_name}.{name}", "unique", message)


def _claim(batch: Batch, holders: dict[Any, Any], place: str, name: str, value: Any, holder: Any) -> bool:
    if not value:
        return False
    if value in holders:
        batch.error(place, "unique", UNIQUE_MESSAGES[name])
        return False
    holders[value] = holder
    return True


def _delete(batch: Batch, actor: Any) -> list[Any]:
    if not batch.doomed:
        return []
    model = get_product_model()
    keys = [row.pk for row in batch.doomed]
    model._default_manager.filter(pk__in=keys).delete()
    signals.products_deleted.send(sender=model, products=batch.doomed, actor=actor)
    return keys


def _update(batch: Batch, actor: Any) -> list[Any]:
    if not batch.changes:
        return []
    model = get_product_model()
    rows: list[Any] = []
    names: set[str] = set()
    extended = []
    for _index, row, values in batch.changes:
        own, others = extension_writes.split(model, values)
        changed = {name for name, value in own.items() if differs(row, name, value)}
        for name in changed:
            setattr(row, name, own[name])
        names |= changed
        rows.append(row)
        extended.append((row, others))
    _fill_slugs(rows, used=[values.get("slug") for _index, values in batch.additions])
    if batch.chained:
        # One statement would check uniqueness row by row in an order of its own.
        for row in rows:
            row.save(update_fields={*names, "updated_at"})
    else:
        _store().update(rows, names)
    extension_writes.write_many(model, extended)
    signals.products_updated.send(sender=model, products=rows, actor=actor)
    return [row.pk for row in rows]


def _create(batch: Batch, actor: Any) -> list[Any]:
    if not batch.additions:
        return []
    model = get_product_model()
    parts = [extension_writes.split(model, values) for _index, values in batch.additions]
    rows = [model(**own) for own, _extended in parts]
    _fill_slugs(rows)
    with _store() as store:
        store.insert(rows)
    extension_writes.write_many(model, zip(rows, (extended for _own, extended in parts), strict=True))
    signals.products_created.send(sender=model, products=rows, actor=actor)
    return [row.pk for row in rows]


def _store() -> BulkStore:
    model = get_product_model()
    return BulkStore(model._default_manager.using(router.db_for_write(model)))


def _fill_slugs(rows: list[Any], used: Iterable[str | None] = ()) -> None:
    nameless = [row for row in rows if not row.slug]
    if nameless:
        taken = [row.slug for row in rows if row.slug] + [slug for slug in used if slug]
        bases = [slug_base(row.name, row.slug_fallback) for row in nameless]
        for row, slug in zip(nameless, free_slugs(get_product_model()._default_manager, bases, taken), strict=True):
            row.slug = slug
