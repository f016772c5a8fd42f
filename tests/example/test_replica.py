"""The site on PostgreSQL with a replica, pools of connections and binding on the server; served as in production."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import servers
from tests.core.streaming_replica import StreamingReplica
from tests.example.site import PRODUCTION, Server, Site, free_port

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there."),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="Replicates a server of the tests' own."),
]

NAME = "shop_with_replica"
OPTIONS = "?pool=4&server_side_binding=on"
PRODUCTS = "/api/v1/products/"
FILL = """
from django_shopcore.catalog import get_category_model, get_product_model
category = get_category_model().objects.create(name="shelf")
get_product_model().objects.create(name="lamp", price=10, category=category)
"""
REPRICE = "from django_shopcore.catalog import get_product_model as p; p().objects.update(price={})"


@pytest.fixture(scope="module")
def replica() -> Iterator[StreamingReplica]:
    replica = StreamingReplica(servers.database_url())
    replica.on_primary(f"CREATE DATABASE {NAME}")
    yield replica
    replica.on_primary(f"DROP DATABASE {NAME} WITH (FORCE)")
    replica.remove()


@pytest.fixture
def variables(replica: StreamingReplica) -> dict[str, str]:
    primary = servers.database_url().rpartition("/")[0]
    address = primary.rpartition(":")[0]
    return {
        **PRODUCTION,
        "DATABASE_URL": f"{primary}/{NAME}{OPTIONS}",
        "DATABASE_REPLICA_URL": f"{address}:{replica.port}/{NAME}{OPTIONS}",
        "SHOPCORE_CATALOG_CACHE": "0",
    }


@pytest.fixture
def server(site: Site, variables: dict[str, str], replica: StreamingReplica) -> Iterator[Server]:
    done = site.manage("migrate", "--verbosity=0", variables=variables)
    assert done.returncode == 0, done.stderr
    done = site.manage("shell", "--verbosity=0", "-c", FILL, variables=variables)
    assert done.returncode == 0, done.stderr
    replica.catch_up()
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "2", "shop.wsgi"]
    with site.serve(*command, variables=variables, port=port) as server:
        yield server


def price(server: Server) -> Any:
    answer = server.get(PRODUCTS)
    assert answer.status == 200, answer.text
    return answer.json["results"][0]["price"]


def was_asked(run: Any) -> bool:
    """Whether the list was the last that the site asked of the server."""
    found: int = run(
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{NAME}' AND query LIKE '%(SELECT token FROM%'"
    )
    return found > 0


def test_the_site_reads_from_its_replica_and_shows_what_was_written(
    server: Server, site: Site, variables: dict[str, str], replica: StreamingReplica
) -> None:
    assert price(server) == "10.00"
    assert was_asked(replica.run)
    assert not was_asked(replica.on_primary)

    replica.pause()
    try:
        site.manage("shell", "--verbosity=0", "-c", REPRICE.format(20), variables=variables)
        assert price(server) == "20.00"
        assert was_asked(replica.on_primary)
    finally:
        replica.resume()

    replica.kill()
    try:
        site.manage("shell", "--verbosity=0", "-c", REPRICE.format(30), variables=variables)
        started = time.monotonic()
        assert [price(server) for _ in range(5)] == ["30.00"] * 5
        assert time.monotonic() - started < 5
    finally:
        replica.start()
    assert price(server) == "30.00"
