"""A site's own one-to-one models beside ours: shown, written, imported and administered with what they extend.

A site registers one in the ``ready()`` of an app of its own; neither our tables nor our migrations change::

    class StoreConfig(AppConfig):
        name = "store"

        def ready(self):
            from django_shopcore.catalog import get_product_model
            from django_shopcore.core.extensions import register_extension

            from .models import Spec

            register_extension(get_product_model(), Spec, serializer="store.serializers.SpecSerializer", name="spec")
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import models
from django.utils.module_loading import import_string

from .announcing import is_watched, unwatch, watch
from .locking import lock_rows


@dataclass(frozen=True, eq=False)
class Extension:
    """One registered model. ``relation`` is the reverse side of its one-to-one field."""

    name: str
    model: type[models.Model]
    relation: models.OneToOneRel
    serializer: Any

    @property
    def related_model(self) -> Any:
        return self.relation.related_model

    @property
    def field(self) -> Any:
        """The one-to-one field."""
        return self.relation.field

    @property
    def accessor(self) -> str:
        """The attribute of the extended model's instances."""
        return str(self.relation.get_accessor_name())

    @property
    def lookup(self) -> str:
        """The name of the relation in queries."""
        return self.relation.name

    @property
    def serializer_class(self) -> Any:
        """Raises ``ImportError`` for a path that leads nowhere; the check ``shopcore.E009`` says so earlier."""
        return import_string(self.serializer) if isinstance(self.serializer, str) else self.serializer

    def row_of(self, instance: Any) -> Any:
        """The row of ``instance``, or ``None``."""
        return getattr(instance, self.accessor, None)


@dataclass(frozen=True)
class Extendable:
    """A model that shows its extensions, and the serializer whose fields their names must differ from."""

    model: Callable[[], Any]
    serializer_class: Callable[[], Any]


# Filled by features as their apps get ready: core does not know them.
extendables: list[Extendable] = []
_registered: dict[type[models.Model], tuple[Extension, ...]] = {}


def extend_by(model: Callable[[], Any], serializer_class: Callable[[], Any]) -> None:
    """Has a model, named by a function that returns it, take extensions."""
    if all(place.model is not model for place in extendables):  # apps may get ready more than once
        extendables.append(Extendable(model, serializer_class))


def register_extension(
    model: type[models.Model], extension: type[models.Model], *, serializer: Any, name: str
) -> Extension:
    """Shows and writes the rows of ``extension`` as the object ``name`` of ``model``'s.

    ``model`` is the site's Product (``get_product_model()``), Category (``get_category_model()``) or user model.
    ``extension`` is an ordinary model with a ``OneToOneField`` to it. ``serializer`` is a DRF serializer's class, or
    a dotted path to one, which is imported when it is first wanted. Call it in ``AppConfig.ready()``.

    Raises ``ImproperlyConfigured`` when there is no such field, or more than one, and when ``name`` is taken.
    """
    if model._meta.swapped:
        raise ImproperlyConfigured(
            f"{model._meta.label} is swapped for {model._meta.swapped}: pass what get_product_model(), "
            "get_category_model() or get_user_model() returns."
        )
    relation = _relation(model, extension)
    _refuse_taken(model, extension, relation, name)
    registered = Extension(name, model, relation, serializer)
    _registered[model] = (*extensions_of(model), registered)
    if not is_watched(extension):
        watch(lambda: extension)
    return registered


def _relation(model: type[models.Model], extension: type[models.Model]) -> models.OneToOneRel:
    one_to_one = [field for field in extension._meta.concrete_fields if isinstance(field, models.OneToOneField)]
    fields = [field for field in one_to_one if field.related_model is model and not field.remote_field.parent_link]
    if len(fields) != 1:
        found = "several" if fields else "no"
        raise ImproperlyConfigured(
            f"{extension._meta.label} has {found} OneToOneField to {model._meta.label}; an extension has exactly one."
        )
    relation: Any = fields[0].remote_field
    if relation.hidden:
        raise ImproperlyConfigured(
            f"{extension._meta.label}.{fields[0].name} has a related_name that ends in +: it cannot be read from "
            f"{model._meta.label}. Give it another one."
        )
    return relation  # type: ignore[no-any-return]


def _refuse_taken(model: Any, extension: Any, relation: Any, name: str) -> None:
    if not name.isidentifier():
        raise ImproperlyConfigured(f"The extension's name {name!r} is no identifier.")
    for other in extensions_of(model):
        if name == other.name or extension is other.related_model:
            raise ImproperlyConfigured(
                f"{model._meta.label} has the extension {other.name!r} ({other.related_model._meta.label}) already."
            )
    try:
        taken = model._meta.get_field(name)
    except FieldDoesNotExist:
        return
    if taken is not relation:
        raise ImproperlyConfigured(f"{model._meta.label} has a field {name!r} already: choose another name.")


def unregister_extension(extension: type[models.Model]) -> None:
    """Takes back the registration of this model, whose writes are announced no longer. For tests."""
    for model, registered in _registered.items():
        _registered[model] = tuple(one for one in registered if one.related_model is not extension)
    unwatch(extension)


@contextmanager
def extended(
    model: type[models.Model], extension: type[models.Model], *, serializer: Any, name: str
) -> Iterator[Extension]:
    """``register_extension`` for as long as the context lasts. For tests."""
    registered = register_extension(model, extension, serializer=serializer, name=name)
    try:
        yield registered
    finally:
        unregister_extension(extension)


def extensions_of(model: type[models.Model]) -> tuple[Extension, ...]:
    """What is registered for ``model``, in that order."""
    return _registered.get(model, ())


def all_extensions() -> list[Extension]:
    return [extension for registered in _registered.values() for extension in registered]


def joined(queryset: Any) -> Any:
    """``queryset`` whose instances come with their extensions, by a LEFT JOIN each."""
    names = [extension.lookup for extension in extensions_of(queryset.model)]
    return queryset.select_related(*names) if names else queryset


def lock_extensions(rows: Collection[Any]) -> None:
    """Gives ``rows``, which are locked, their extensions as they are now, locked too: a statement each.

    What a statement that has waited for a lock joins is of before it waited.
    """
    for extension in extensions_of(type(next(iter(rows)))) if rows else ():
        field = extension.field
        found = lock_rows(extension.related_model._base_manager.filter(**{f"{field.name}__in": rows}))
        by_key = {getattr(row, field.attname): row for row in found}
        for row in rows:
            present = by_key.get(getattr(row, field.target_field.attname))
            if present is None:
                extension.relation.set_cached_value(row, None)
            else:
                setattr(row, extension.accessor, present)
