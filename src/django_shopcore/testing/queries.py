"""Budgets of SQL statements: how many a piece of code may send, and that rows do not make more of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from .clients import ShopcoreClient

# What differs between two statements of one kind: texts and numbers, with their casts, and how many are in a list.
VALUES = re.compile(r"(?:'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b)(?:::\w+)?")
LISTS = re.compile(r"IN \(\?(?:, \?)*\)")


@contextmanager
def query_budget(most: int, *, using: str = DEFAULT_DB_ALIAS) -> Iterator[CaptureQueriesContext]:
    """Fails with the statements if the block sends more than ``most`` of them to the database ``using``."""
    with CaptureQueriesContext(connections[using]) as captured:
        yield captured
    if len(captured) > most:
        raise AssertionError(f"{len(captured)} statements; the budget is {most}:\n{_listed(_sql(captured))}")


def assert_constant_queries(
    path: str,
    make_rows: Callable[[int], Any],
    *,
    client: Client | None = None,
    rows: tuple[int, int] = (1, 10),
    using: str = DEFAULT_DB_ALIAS,
) -> int:
    """That ``GET path`` takes as many statements with many rows as with few. Returns how many that are.

    ``make_rows(number)`` makes ``number`` more rows that the answer shows; it is called with ``rows[0]`` twice, for
    a first request that does not count and one that does, and then with ``rows[1]``. The client is an anonymous
    ``ShopcoreClient`` unless another is given. Nothing comes from the response cache.

    Raises ``AssertionError`` with the statements that there are more of; also where the request fails, and where
    the answer does not grow with the rows, as then nothing was shown.
    """
    client = client or ShopcoreClient()
    few, many = rows
    with override_settings(SHOPCORE_CATALOG_CACHE=0):
        make_rows(few)
        _get(client, path, using)
        make_rows(few)
        body, first = _get(client, path, using)
        make_rows(many)
        longer, second = _get(client, path, using)
    if len(longer) <= len(body):
        raise AssertionError(f"GET {path} shows nothing of the rows that were made: it has to be another path or more.")
    if len(second) > len(first):
        more = Counter(map(_kind, second)) - Counter(map(_kind, first))
        raise AssertionError(
            f"GET {path}: {len(first)} statements with {2 * few} rows, {len(second)} with {2 * few + many}. "
            f"There are more of:\n" + "\n".join(f"{number} x {sql}" for sql, number in more.most_common())
        )
    return len(second)


class QueryBudgetMixin:
    """``query_budget`` and ``assert_constant_queries`` as methods of a test class, Django's ``TestCase`` or another."""

    def assertQueryBudget(self, most: int, *, using: str = DEFAULT_DB_ALIAS) -> Any:  # noqa: N802 - as unittest's are
        """``with self.assertQueryBudget(3): …`` fails if the block sends more than three statements."""
        return query_budget(most, using=using)

    def assert_constant_queries(self, path: str, make_rows: Callable[[int], Any], **options: Any) -> int:
        """See ``assert_constant_queries``; the client is the test's own where it has one."""
        options.setdefault("client", getattr(self, "client", None))
        return assert_constant_queries(path, make_rows, **options)


def _get(client: Client, path: str, using: str) -> tuple[bytes, Sequence[str]]:
    with CaptureQueriesContext(connections[using]) as captured:
        response: Any = client.get(path)
        body = b"".join(response.streaming_content) if response.streaming else response.content
    if response.status_code != 200:
        raise AssertionError(f"GET {path} answered {response.status_code}: {body[:500].decode(errors='replace')}")
    return body, _sql(captured)


def _sql(captured: CaptureQueriesContext) -> list[str]:
    return [str(query["sql"]) for query in captured.captured_queries]


def _listed(statements: Sequence[str]) -> str:
    return "\n".join(f"{place}. {sql}" for place, sql in enumerate(statements, 1))


def _kind(sql: str) -> str:
    """The statement without its values."""
    return LISTS.sub("IN (...)", VALUES.sub("?", sql))
