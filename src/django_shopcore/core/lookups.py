"""Looking rows up by many values at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import In

from .plans import InList, ManySlot


class Many(ManySlot):
    """A list of values that are known already."""

    def __init__(self, values: Collection[Any], output_field: models.Field[Any, Any]) -> None:
        super().__init__("many", output_field)
        self.values = values

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self.prepared(self.values, connection),)


def among(model: type[models.Model], name: str, values: Collection[Any]) -> Any:
    """A condition for ``filter``: the same as ``name__in=values``, of a column of ``model``.

    One parameter takes half the time of a thousand.
    """
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    is_plain = not field.is_relation and field.get_lookup("in") is In
    return InList(F(name), Many(values, field)) if is_plain else Q(**{f"{name}__in": values})
