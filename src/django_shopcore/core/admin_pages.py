"""What admin pages over large tables have in common."""

from __future__ import annotations

from typing import Any, cast

from django.core.paginator import Paginator
from django.db import models
from django.utils.functional import cached_property

from .pagination import bounded_count


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Does not count millions of rows for the sake of a number at the foot of the page."""

    @cached_property
    def count(self) -> int:
        return bounded_count(cast("models.QuerySet[Any]", self.object_list))[0]
