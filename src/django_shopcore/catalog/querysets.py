"""The vocabulary of reading the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import connections, models
from django.db.models.expressions import RawSQL

from django_shopcore.core.access import is_admin

from . import get_category_model

M = TypeVar("M", bound=models.Model)

DESCENDANTS = """
WITH RECURSIVE tree(id) AS (
  SELECT {pk} FROM {table} WHERE {pk} IN ({places})
  UNION
  SELECT child.{pk} FROM {table} child JOIN tree ON child.{parent} = tree.id
) SELECT id FROM tree"""

ANCESTORS = """
WITH RECURSIVE line(id, parent) AS (
  SELECT {pk}, {parent} FROM {table} WHERE {pk} IN ({places})
  UNION
  SELECT above.{pk}, above.{parent} FROM {table} above JOIN line ON above.{pk} = line.parent
) SELECT id FROM line"""


class CategoryQuerySet(models.QuerySet[M]):
    def _walk(self, sql: str, ids: list[Any]) -> RawSQL:
        quote = connections[self.db].ops.quote_name
        meta: Any = self.model._meta
        key = meta.pk
        values = [key.get_db_prep_value(value, connections[self.db]) for value in ids]
        names = {
            "pk": quote(key.column),
            "table": quote(meta.db_table),
            "parent": quote(meta.get_field("parent").column),
        }
        return RawSQL(sql.format(**names, places=", ".join(["%s"] * len(values))), values)  # noqa: S611 - names only

    def with_descendants(self, ids: Iterable[Any]) -> models.QuerySet[M]:
        """The categories ``ids`` and everything beneath them, found by one recursive query."""
        ids = list(ids)
        return self.filter(pk__in=self._walk(DESCENDANTS, ids)) if ids else self.none()

    def descendant_ids(self, ids: Iterable[Any]) -> RawSQL:
        """The keys of ``with_descendants`` as a subquery, for ``filter(category_id__in=…)``."""
        return self._walk(DESCENDANTS, list(ids))

    def with_ancestors(self, *ids: Any) -> models.QuerySet[M]:
        """The categories ``ids`` and the lines above them up to their roots."""
        return self.filter(pk__in=self._walk(ANCESTORS, list(ids))) if ids else self.none()


class ProductQuerySet(models.QuerySet[M]):
    def visible_to(self, user: Any) -> models.QuerySet[M]:
        """What ``user`` may see: unpublished products exist only for admins."""
        return self.all() if is_admin(user) else self.filter(is_published=True)

    def in_categories(self, ids: Iterable[Any]) -> models.QuerySet[M]:
        """Products of the categories ``ids`` or of anything beneath them."""
        categories: Any = get_category_model()._default_manager
        return self.filter(category_id__in=categories.descendant_ids(ids))
