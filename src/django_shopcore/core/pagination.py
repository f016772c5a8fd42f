"""Lists by page and by keyset, in one paginator.

``?page=&size=`` gives ``count``, ``count_is_exact``, ``next``, ``previous``, ``results``. ``?cursor=`` gives
``next``, ``previous``, ``results``: keyset pagination, whose cost does not depend on the depth and which
neither skips nor repeats a row when others are inserted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import connections, models
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from .addresses import url_with
from .conf import core_settings
from .errors import InvalidInput, field_error
from .keyset import Cursor, reverse
from .lists import ListShape, Window, instances
from .schema import in_own_version
from .statements import Rows

NUMBER = re.compile(r"0*([1-9][0-9]*)", re.ASCII)
MAX_OFFSET = 2**62  # below the databases' 64-bit OFFSET


def positive_number(request: Request, name: str, default: int) -> int:
    """The query parameter ``name`` as a number above 0; raises 400 for anything else."""
    raw = request.query_params.get(name)
    if raw is None:
        return default
    match = NUMBER.fullmatch(raw)
    if match is None:
        raise InvalidInput([field_error(name, "invalid", _("A positive whole number is required."))])
    digits = match.group(1)
    return int(digits) if len(digits) < 20 else MAX_OFFSET


def page_size(request: Request) -> int:
    return min(positive_number(request, "size", core_settings.PAGE_SIZE), core_settings.MAX_PAGE_SIZE)


def bounded_count(queryset: models.QuerySet[Any]) -> tuple[int, bool]:
    """``(count, is_exact)`` of the matching rows.

    PostgreSQL counts up to ``SHOPCORE_COUNT_BOUND`` rows and takes the planner's estimate above it; databases
    without such an estimate count them all.
    """
    queryset = queryset.order_by()
    if connections[queryset.db].vendor != "postgresql":
        return queryset.count(), True
    bound = core_settings.COUNT_BOUND
    count = queryset[: bound + 1].count()
    if count <= bound:
        return count, True
    plan = queryset.explain(format="json")
    match = re.search(r'"Plan Rows": (\d+)', plan) or re.search(r"'Plan Rows': (\d+)", plan)
    return max(count, int(match.group(1)) if match else 0), False


class ShopcorePagination(BasePagination):
    """The pagination of every list of ours; ``results`` is what the view's serializer makes of the page.

    ``corrected`` holds parameters that the links shall have instead of the request's.
    """

    corrected: Mapping[str, str] = {}

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the asked-for page. Raises 400 for bad parameters and 404 past the end."""
        shape = ListShape(queryset)
        rows = self.paginate(request, shape.ordering, lambda window: shape.read(window, {}))
        return instances(queryset, [key[0] for key in rows.keys])

    def paginate(self, request: Request, ordering: Sequence[str], read: Callable[[Window], Rows]) -> Rows:
        """What ``read`` finds in the asked-for part of a list in ``ordering``, at most a page of it."""
        self.request = request
        self.size = page_size(request)
        self.ordering = list(ordering)
        self.parameters = dict(request.query_params.lists())
        self.keyset = "cursor" in request.query_params
        if not self.keyset:
            return self._by_page(read)
        if "page" in request.query_params:
            raise InvalidInput([field_error("cursor", "invalid_cursor", _("A cursor and a page exclude each other."))])
        return self._by_cursor(read)

    def _by_page(self, read: Callable[[Window], Rows]) -> Rows:
        self.page = positive_number(self.request, "page", 1)
        offset = (self.page - 1) * self.size
        if offset >= MAX_OFFSET:
            raise NotFound(_("There is no such page."))
        found = read(Window(self.ordering, self.size + 1, offset=offset, counted=True))
        if not found.keys and self.page > 1:
            raise NotFound(_("There is no such page."))
        self.has_next = found.cut(self.size)
        end = offset + len(found.keys)
        self.count, self.count_is_exact = end, True
        if self.has_next:
            self.count, self.count_is_exact = max(found.count or 0, end + 1), found.count_is_exact
        return found

    def _by_cursor(self, read: Callable[[Window], Rows]) -> Rows:
        self.cursor = Cursor(self.request.path, self.parameters, self.ordering)
        raw = self.request.query_params["cursor"]
        self.backwards, position = self.cursor.load(raw) if raw else (False, None)
        ordering = reverse(self.ordering) if self.backwards else self.ordering
        found = read(Window(ordering, self.size + 1, position=position))
        more = found.cut(self.size)
        if self.backwards:
            found.reverse()
        self.has_next = bool(found.keys) and (self.backwards or more)
        self.has_previous = bool(found.keys) and (more if self.backwards else position is not None)
        self.ends = [list(key[1:]) for key in (found.keys[:1] + found.keys[-1:])]
        return found

    def get_next_link(self) -> str | None:
        if not self.has_next:
            return None
        if self.keyset:
            return self._link(cursor=self.cursor.dump(False, self.ends[-1]))
        return self._link(page=self.page + 1)

    def get_previous_link(self) -> str | None:
        if self.keyset:
            return self._link(cursor=self.cursor.dump(True, self.ends[0])) if self.has_previous else None
        if self.page == 1:
            return None
        return self._link(page=self.page - 1 if self.page > 2 else None)

    def _link(self, **parameter: Any) -> str:
        return url_with(self.request, {**self.parameters, **self.corrected, **parameter})

    def get_paginated_response(self, data: Any) -> Response:
        return Response(self.page_of(data))

    def page_of(self, data: Any) -> dict[str, Any]:
        """The body of the page with ``data``."""
        counts = {} if self.keyset else {"count": self.count, "count_is_exact": self.count_is_exact}
        links = {"next": self.get_next_link(), "previous": self.get_previous_link()}
        meant = {"did_you_mean": self.corrected["search"]} if "search" in self.corrected else {}
        return {**counts, **links, **meant, "results": data}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        def parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
            return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}

        limit = core_settings.MAX_PAGE_SIZE
        return [
            parameter(
                "page", {"type": "integer", "minimum": 1}, "Number of the page, from 1. Not together with `cursor`."
            ),
            parameter(
                "size",
                {"type": "integer", "minimum": 1, "default": core_settings.PAGE_SIZE},
                f"Rows on a page; more than {limit} is served as {limit}.",
            ),
            parameter(
                "cursor",
                {"type": "string"},
                "Keyset pagination: empty to start, then as found in `next` and `previous`. Constant cost at any "
                "depth, no count; no row is skipped or repeated when others are inserted.",
            ),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = in_own_version({"type": ["string", "null"], "format": "uri", "example": None})
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "count": {
                    "type": "integer",
                    "description": "Matching rows; absent with `cursor`. May be an estimate, see `count_is_exact`.",
                    "example": 123,
                },
                "count_is_exact": {"type": "boolean", "description": "Whether `count` was counted.", "example": True},
                "next": link,
                "previous": link,
                "did_you_mean": {
                    "type": "string",
                    "description": "Of a search that matched nothing: the text whose matches these are.",
                    "example": "laptop",
                },
                "results": schema,
            },
        }
