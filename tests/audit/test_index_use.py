"""Each way of asking the log is answered from an index that is in the order of the list."""

from __future__ import annotations

import pytest
from django.db import connection

from django_shopcore.audit.filters import AuditFilterSet
from django_shopcore.audit.models import AuditEntry

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's plans"),
]

ROWS = 100_000
FILL = """
INSERT INTO {table} (created_at, action, actor_key, actor, object_type, object_key, object_title, ip_address, user_agent,
  request_id, changes, data)
SELECT now() - n * interval '1 minute', 'a.b' || n % 50, n % 500, '', 'shop.product', n % 5000, '',
  ('192.0.2.' || n % 250)::inet, '', '', '{{}}', '{{}}'
FROM generate_series(1, {rows}) n
"""


@pytest.fixture
def table() -> str:
    name = AuditEntry._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(table=name, rows=ROWS))
        cursor.execute(f"ANALYZE {name}")
    return name


@pytest.mark.usefixtures("table")
def test_pages_come_from_an_index_without_a_sort() -> None:
    queries = [
        {},
        {"action": "a.b7"},
        {"actor": "7"},
        {"object": "shop.product:7"},
        {"object": "shop.product"},
        {"ip": "192.0.2.7"},
        {"since": "2020-01-01", "until": "2100-01-01"},
        {"ordering": "created_at"},
    ]
    for query in queries:
        rows = AuditFilterSet(query, queryset=AuditEntry.objects.order_by("-created_at")).qs
        order = ("created_at", "id") if query.get("ordering") else ("-created_at", "-id")
        plan = rows.order_by(*order)[:20].explain()
        assert "Index Scan" in plan, (query, plan)
        assert "Sort" not in plan, (query, plan)
        assert "Seq Scan" not in plan, (query, plan)
