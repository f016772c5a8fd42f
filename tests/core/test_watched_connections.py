"""Connections go on being watched whatever else wraps their statements."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from django_shopcore.core.announcing import Watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]


def test_a_connection_that_opens_while_statements_are_wrapped_stays_watched() -> None:
    connection.close()
    connection.execute_wrappers.clear()
    seen = []

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(wrapper), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
    assert seen == ["SELECT 1"]
    assert [type(found) for found in connection.execute_wrappers] == [Watch]
