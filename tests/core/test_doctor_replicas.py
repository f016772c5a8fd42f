"""What ``shopcore_doctor`` says of a real streaming replica."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from django.db import connection, connections

from django_shopcore.core import examinations
from django_shopcore.core.doctor import NOTE, OK, WRONG
from tests.core.doctors import advice, findings, report
from tests.core.replicated import replica, server
from tests.factories.catalog import ProductFactory

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "replica"]),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL streams."),
    pytest.mark.skipif(sys.platform == "win32", reason="Processes are killed and stopped by signals."),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="Replicates a server of the tests' own."),
]

__all__ = ["replica", "server"]


def test_a_replica_follows_is_late_or_away(replica: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    replica.catch_up()
    assert findings("Replicas") == [(OK, "follows the primary")]
    replica.pause()
    ProductFactory.create()
    replica.on_primary("SELECT pg_logical_emit_message(true, 'tests', '')")  # flushes
    while replica.run("SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"):
        pass
    with monkeypatch.context() as impatient:
        impatient.setattr(examinations, "LATE", 0)
        [(level, said)] = findings("Replicas")
    assert (level, said.split()[-2:]) == (NOTE, ["seconds", "behind"])
    replica.resume()
    replica.catch_up()
    assert findings("Replicas") == [(OK, "follows the primary")]
    connections["replica"].close()
    replica.kill()
    [(level, said)] = findings("Replicas")
    assert (level, said.partition(":")[0]) == (WRONG, "cannot be reached")
    assert advice("Replicas", "replica") == ["Reads go to the primary meanwhile."]
    assert report()[0] == 1
    replica.start()


def test_the_tables_of_a_replica_can_be_looked_at(replica: Any) -> None:
    replica.catch_up()
    code, found = report(database="replica")
    assert (code, found["database"]) == (0, "replica")
    assert [one["level"] for one in found["sections"]["Catalogue"]][:3] == [OK, OK, OK]
