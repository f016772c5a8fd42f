"""The category tree in memory during an import: paths to keys, and the missing ones made level by level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import router

from .. import get_category_model
from ..csv_format import Path
from ..slugs import numbered, slug_base


class CategoryTree:
    """Loaded in one query. Names are matched exactly among their siblings."""

    def __init__(self) -> None:
        self.model = get_category_model()
        self.manager = self.model._default_manager.using(router.db_for_write(self.model))
        self.created: list[Any] = []
        self._keys: dict[tuple[Any, str], Any] = {}
        self._slugs: set[str] = set()
        self._numbers: dict[str, Iterator[str]] = {}
        for pk, parent, name, slug in self.manager.values_list("pk", "parent_id", "name", "slug").iterator():
            self._keys[parent, name] = pk
            self._slugs.add(slug)

    def find(self, path: Path) -> Any:
        """The key of the category at ``path``, or ``None``."""
        key = None
        for name in path:
            key = self._keys.get((key, name))
            if key is None:
                return None
        return key

    def ensure(self, paths: Iterable[Path]) -> None:
        """Makes what is missing of ``paths``: one statement for each level, not for each category."""
        missing = {path for path in paths if self.find(path) is None}
        for depth in range(max(map(len, missing), default=0)):
            level = {path[: depth + 1] for path in missing if len(path) > depth}
            self._create(sorted(path for path in level if self.find(path) is None))

    def _create(self, paths: list[Path]) -> None:
        rows = [self._row(path) for path in paths]
        for row in self.manager.bulk_create(rows):
            self._keys[row.parent_id, row.name] = row.pk
            self.created.append(row)

    def _row(self, path: Path) -> Any:
        row: Any = self.model()
        row.name, row.parent_id, row.slug = path[-1], self.find(path[:-1]), self._free_slug(path[-1])
        return row

    def _free_slug(self, name: str) -> str:
        base = slug_base(name, self.model.slug_fallback)
        # One iterator for each base: a thousand "Accessories" must not each count up from two.
        candidates = self._numbers.setdefault(base, iter(numbered(base)))
        slug = next(candidate for candidate in candidates if candidate not in self._slugs)
        self._slugs.add(slug)
        return slug
