"""Writing extensions with the rows that they extend, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import models, router
from rest_framework.validators import UniqueValidator

from .extension_fields import ExtensionField
from .extensions import Extension, extensions_of

# What is to become of each extension's row; ``None``: it is deleted.
Extended = Mapping[Extension, Mapping[str, Any] | None]


def split(model: type[models.Model], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[Extension, Any]]:
    """Validated ``values`` of a serializer: those of ``model``'s own fields, and those of its extensions."""
    extensions = {extension.accessor: extension for extension in extensions_of(model)}
    own = {name: value for name, value in values.items() if name not in extensions}
    return own, {extensions[name]: value for name, value in values.items() if name in extensions}


def note_new(instance: Any) -> None:
    """Lets an ``instance`` that is not saved yet know that it has no extensions."""
    for extension in extensions_of(type(instance)):
        extension.relation.set_cached_value(instance, None)


def write(instance: Any, extended: Extended) -> None:
    """Makes, changes or deletes the extensions of a saved ``instance``, by their ``save()`` and ``delete()``."""
    for extension, values in extended.items():
        row = extension.row_of(instance)
        if values is None:
            if row is not None:
                row.delete()
            extension.relation.set_cached_value(instance, None)
            continue
        is_new = row is None  # and what has been looked for is known
        row = _filled(extension, instance, values)
        row.save(using=instance._state.db, force_insert=is_new)
        setattr(instance, extension.accessor, row)


def write_many(model: type[models.Model], rows: Iterable[tuple[Any, Extended]]) -> None:
    """The same for many saved rows of ``model``, in at most three statements for an extension.

    Like ``bulk_create`` and ``bulk_update`` it calls no ``save()``. ``lock_extensions`` has told what is there.
    """
    rows = [(instance, extended) for instance, extended in rows if extended]
    for extension in extensions_of(model) if rows else ():
        each = [(instance, extended[extension]) for instance, extended in rows if extension in extended]
        doomed = [row for instance, values in each if values is None and (row := _known_row(extension, instance))]
        present = [(instance, values) for instance, values in each if values is not None]
        manager = extension.related_model._base_manager.using(router.db_for_write(model))
        if doomed:
            manager.filter(pk__in=[row.pk for row in doomed]).delete()
        new = [_filled(extension, one, values) for one, values in present if _known_row(extension, one) is None]
        changed = [(one, values) for one, values in present if _known_row(extension, one) is not None]
        if new:
            manager.bulk_create(new)
        if changed:
            _update(manager, extension, changed)


def _update(manager: Any, extension: Extension, changed: list[tuple[Any, Mapping[str, Any]]]) -> None:
    names = {name for _instance, values in changed for name in values}
    filled = [_filled(extension, instance, values) for instance, values in changed]
    automatic = [field for field in extension.related_model._meta.concrete_fields if getattr(field, "auto_now", False)]
    for field in automatic:
        for row in filled:
            field.pre_save(row, False)
    if names:
        manager.bulk_update(filled, {*names, *(field.name for field in automatic)})


def _known_row(extension: Extension, instance: Any) -> Any:
    """The row that ``instance`` has been given; asks nothing."""
    return extension.relation.get_cached_value(instance, None)


def _filled(extension: Extension, instance: Any, values: Mapping[str, Any]) -> Any:
    row = _known_row(extension, instance)
    if row is None:
        row = extension.related_model(**{extension.field.name: instance})
    for name, value in values.items():
        setattr(row, name, value)
    return row


def differences(extension: Extension, instance: Any, values: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Of ``values`` those that the extension's row does not have yet: names with the old and the new value."""
    row = extension.row_of(instance) if instance is not None else None
    each = [(name, None if row is None else getattr(row, name), value) for name, value in values.items()]
    return [(name, old, value) for name, old, value in each if row is None or old != value]


def taken_values(
    field: ExtensionField, rows: Sequence[tuple[Any, Mapping[str, Any]]], leaving: Collection[Any] = ()
) -> Iterator[tuple[int, str, Any]]:
    """Values of unique columns that another row has, or another one of ``rows``: a statement for each such column.

    ``rows`` are the extended instance (``None`` for a new one) and the values of its extension. Rows of the
    instances ``leaving`` are about to be deleted. Yields the place in ``rows``, the field's name and what to say.
    """
    extension = field.extension
    shown = {inner.source: name for name, inner in field.serializer.fields.items()}
    manager = extension.related_model._base_manager.using(router.db_for_write(extension.model))
    owner = extension.field
    for column in extension.related_model._meta.concrete_fields:
        name = column.name
        wanted = [(place, *row) for place, row in enumerate(rows) if column.unique and row[1].get(name) is not None]
        if column is owner or not wanted:
            continue
        found = manager.filter(**{f"{name}__in": {values[name] for _place, _instance, values in wanted}})
        others = found.exclude(**{f"{owner.name}__in": leaving}) if leaving else found
        holders = dict(others.values_list(name, owner.attname))
        for place, instance, values in wanted:
            holder = object() if instance is None else getattr(instance, owner.target_field.attname)
            if holders.setdefault(values[name], holder) != holder:
                yield place, shown.get(name, name), UniqueValidator.message
