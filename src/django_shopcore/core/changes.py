"""What rows were before a write, for those who tell of it: nobody has to read them twice.

Whoever loads a row to change it calls ``remember``; a receiver of the domain event asks ``changes_of``. As long as
no installed feature has called ``keep``, nothing is remembered.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from .extensions import Extension, extensions_of

ATTRIBUTE, MORE = "_shopcore_before", "_shopcore_more_changes"
Changes = dict[str, tuple[Any, Any]]

_kept = False


def keep(wanted: bool = True) -> None:
    """Has rows remembered from now on. Call it in ``AppConfig.ready()``."""
    global _kept
    _kept = wanted


def remember(instances: Iterable[Any]) -> None:
    """Keeps the present values of these instances, with them."""
    if not _kept:
        return
    for instance in instances:
        values: dict[Any, Any] = {
            name: _own(value) for name, value in vars(instance).items() if not name.startswith("_")
        }
        values |= {extension: _extended(extension, instance) for extension in extensions_of(type(instance))}
        vars(instance).setdefault(ATTRIBUTE, values)


def remember_values(instance: Any, values: Mapping[str, Any]) -> None:
    """Keeps ``values`` by the names of fields as what ``instance`` was, where it has been changed already."""
    if _kept:
        named = {field.name: field.attname for field in type(instance)._meta.concrete_fields}
        before = {named[name]: value for name, value in values.items() if name in named}
        vars(instance)[ATTRIBUTE] = before


def add(instance: Any, changes: Changes) -> None:
    """Adds what has become of other rows that belong to ``instance``."""
    if _kept and changes:
        vars(instance).setdefault(MORE, {}).update(changes)


def _own(value: Any) -> Any:
    return copy.deepcopy(value) if isinstance(value, (dict, list)) else value


def changes_of(instance: Any) -> Changes | None:
    """The fields that differ from what was remembered: by name, the old and the new value.

    ``None`` for an instance that was not remembered. A reference is shown as the key of its row, a field of an
    extension as ``extension.field``.
    """
    before = vars(instance).get(ATTRIBUTE)
    more: Changes | None = vars(instance).get(MORE)
    if before is None:
        return more
    present = vars(instance)
    found: Changes = {}
    for field in type(instance)._meta.concrete_fields:
        name = field.attname
        if name in before and name in present and differs(before[name], present[name]):
            found[field.name] = (before[name], present[name])
    for extension in extensions_of(type(instance)):
        if extension in before:
            old, new = before[extension], _extended(extension, instance)
            names = [name for name in {**old, **new} if differs(old.get(name), new.get(name))]
            found |= {f"{extension.name}.{name}": (old.get(name), new.get(name)) for name in names}
    return {**found, **(more or {})}


def _extended(extension: Extension, instance: Any) -> dict[str, Any]:
    """The columns of the extension's row as far as it is loaded, without its keys; nothing where there is none."""
    row = extension.relation.get_cached_value(instance, None)
    if row is None:
        return {}
    own = [field for field in row._meta.concrete_fields if not field.primary_key and field != extension.field]
    told = (field for field in own if not getattr(field, "auto_now", False))
    return {field.name: _own(vars(row).get(field.attname)) for field in told}


def differs(old: Any, new: Any) -> bool:
    """Whether the values are not the same; in Python ``True`` equals 1, in JSON it does not."""
    return bool(old != new) or isinstance(old, bool) != isinstance(new, bool)


def values_of(instance: Any) -> dict[str, Any]:
    """All loaded columns of ``instance``, by the names of their fields."""
    present = vars(instance)
    return {
        field.name: present[field.attname] for field in type(instance)._meta.concrete_fields if field.attname in present
    }
