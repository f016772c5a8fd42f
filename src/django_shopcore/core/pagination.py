"""Lists by page and by keyset, in one paginator.

``?page=&size=`` gives ``count``, ``count_is_exact``, ``next``, ``previous``, ``results``. ``?cursor=`` gives
``next``, ``previous``, ``results``: keyset pagination, whose cost does not depend on the depth and which
neither skips nor repeats a row when others are inserted.
"""

from __future__ import annotations

import datetime
import decimal
import hashlib
import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.core import signing
from django.db import connections, models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from .conf import core_settings
from .errors import InvalidInput, field_error

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


def total_order(queryset: models.QuerySet[Any]) -> list[str]:
    """The queryset's ordering as names with ``-`` for descending, made total by the primary key."""
    ordering = [str(name) for name in (queryset.query.order_by or queryset.model._meta.ordering)]
    pk = queryset.model._meta.pk.name
    names = [name.lstrip("-") for name in ordering]
    if "pk" in names or pk in names:
        return ordering
    return [*ordering, f"-{pk}" if ordering and ordering[0].startswith("-") else pk]


class Cursor:
    """A place in a list: signed, and bound to the ordering and filters it was made for."""

    signer_salt = "django_shopcore.core.pagination"

    def __init__(self, request: Request, ordering: Sequence[str]) -> None:
        ignored = {"cursor", "size", "fields"}
        parameters = sorted(
            (key, request.query_params.getlist(key)) for key in request.query_params if key not in ignored
        )
        self.scope = hashlib.sha256(repr((request.path, parameters, list(ordering))).encode()).hexdigest()[:16]

    def dump(self, backwards: bool, position: list[Any]) -> str:
        return signing.dumps(
            [self.scope, backwards, [_pack(value) for value in position]], salt=self.signer_salt, compress=True
        )

    def load(self, raw: str) -> tuple[bool, list[Any]]:
        """``(backwards, position)``; raises 400 for a cursor that is not ours or of another list."""
        try:
            scope, backwards, position = signing.loads(raw, salt=self.signer_salt)
        except Exception:  # noqa: BLE001 - whatever is wrong with a foreign cursor, it is not ours
            raise self.invalid(_("This is not a cursor of this list.")) from None
        if scope != self.scope:
            raise self.invalid(_("The cursor was made for another ordering or filter."))
        return bool(backwards), [_unpack(value) for value in position]

    @staticmethod
    def invalid(message: str) -> InvalidInput:
        return InvalidInput([field_error("cursor", "invalid_cursor", message)])


def _pack(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return ["t", value.isoformat()]
    if isinstance(value, decimal.Decimal):
        return ["d", str(value)]
    if isinstance(value, uuid.UUID):
        return ["u", str(value)]
    return ["", value]


def _unpack(packed: Any) -> Any:
    kind, value = packed
    readers: dict[str, Callable[[str], Any]] = {
        "t": datetime.datetime.fromisoformat,
        "d": decimal.Decimal,
        "u": uuid.UUID,
    }
    return readers[kind](value) if kind else value


def after(ordering: Sequence[str], position: Sequence[Any]) -> Q:
    """The condition for rows behind ``position`` in ``ordering``.

    For ``(a, b, id)``: ``a >= x AND (a > x OR (a = x AND (b > y OR …)))``; the bound in front lets the
    database start its index scan there.
    """
    condition = Q()
    for name, value in zip(reversed(ordering), reversed(position), strict=True):
        field = name.lstrip("-")
        strict, loose = ("lt", "lte") if name.startswith("-") else ("gt", "gte")
        if not condition:
            condition = Q(**{f"{field}__{strict}": value})
        else:
            beyond = Q(**{f"{field}__{strict}": value}) | (Q(**{field: value}) & condition)
            condition = Q(**{f"{field}__{loose}": value}) & beyond
    return condition


def reverse(ordering: Sequence[str]) -> list[str]:
    return [name[1:] if name.startswith("-") else f"-{name}" for name in ordering]


class ShopcorePagination(BasePagination):
    """The pagination of every list of ours; ``results`` is what the view's serializer makes of the page."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the asked-for page. Raises 400 for bad parameters and 404 past the end."""
        self.request = request
        self.size = page_size(request)
        self.ordering = total_order(queryset)
        queryset = queryset.order_by(*self.ordering)
        self.keyset = "cursor" in request.query_params
        if not self.keyset:
            return self._by_page(queryset)
        if "page" in request.query_params:
            raise InvalidInput([field_error("cursor", "invalid_cursor", _("A cursor and a page exclude each other."))])
        return self._by_cursor(queryset)

    def _by_page(self, queryset: models.QuerySet[Any]) -> list[Any]:
        self.page = positive_number(self.request, "page", 1)
        offset = (self.page - 1) * self.size
        if offset >= MAX_OFFSET:
            raise NotFound(_("There is no such page."))
        rows = list(queryset[offset : offset + self.size + 1])
        if not rows and self.page > 1:
            raise NotFound(_("There is no such page."))
        self.has_next = len(rows) > self.size
        rows = rows[: self.size]
        if self.has_next:
            self.count, self.count_is_exact = bounded_count(queryset)
        else:
            self.count, self.count_is_exact = offset + len(rows), True
        self.count = max(self.count, offset + len(rows) + self.has_next)
        return rows

    def _by_cursor(self, queryset: models.QuerySet[Any]) -> list[Any]:
        self.cursor = Cursor(self.request, self.ordering)
        raw = self.request.query_params["cursor"]
        self.backwards, position = self.cursor.load(raw) if raw else (False, None)
        ordering = reverse(self.ordering) if self.backwards else self.ordering
        if position is not None:
            queryset = queryset.filter(after(ordering, position))
        names = [name.lstrip("-") for name in self.ordering]
        keys = {f"_key{index}": F(name) for index, name in enumerate(names)}
        rows = list(queryset.order_by(*ordering).annotate(**keys)[: self.size + 1])
        more = len(rows) > self.size
        rows = rows[: self.size]
        if self.backwards:
            rows.reverse()
        self.has_next = bool(rows) and (self.backwards or more)
        self.has_previous = bool(rows) and (more if self.backwards else position is not None)
        self.ends = [[getattr(row, key) for key in keys] for row in (rows[:1] + rows[-1:])]
        return rows

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
        return self._link(page=self.page - 1) if self.page > 2 else remove_query_param(self._url(), "page")

    def _url(self) -> str:
        return self.request.build_absolute_uri()

    def _link(self, **parameter: Any) -> str:
        [(key, value)] = parameter.items()
        return replace_query_param(self._url(), key, value)

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data}
        if self.keyset:
            return Response(links)
        return Response({"count": self.count, "count_is_exact": self.count_is_exact, **links})

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
        link = {"type": ["string", "null"], "format": "uri", "example": None}
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
                "results": schema,
            },
        }
