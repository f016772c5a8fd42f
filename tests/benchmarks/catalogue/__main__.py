"""``python3 dev.py bench``: how fast the catalogue is read, beside a plain REST framework and a floor.

It makes its data, starts PostgreSQL, Redis and the servers by itself and measures them on this machine. DATABASE_URL
and REDIS_URL name others to use instead: databases called shopcore_bench_… are made and dropped there, and the Redis
database is emptied.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from tests import servers

from . import guards, loading, report
from .comparing import DifferenceError, compare
from .counting import count
from .data import Catalogue
from .load import generators
from .measuring import Plan, anew, measure
from .peers import ROOT, Peer, Server, peers
from .scenarios import Scenario, scenarios

AFTER_A_WRITE = 11  # requests
# The first is what the others are measured by.
PEERS = ("floor", "shopcore", "shopcore-cached", "drf")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("dev.py bench", description=__doc__)
    add = parser.add_argument
    add("--products", type=int, nargs="+", default=[100_000], metavar="N", help="sizes of the catalogue")
    add("--categories", type=int, default=200, metavar="N")
    add("--seed", type=int, default=1, metavar="N", help="another one makes other products")
    add("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="besides the floor, which is always there")
    add("--scenarios", nargs="+", metavar="NAME", help="list, middle, filter, keyset, common, rare, detail, …")
    add("--server", choices=["sync", "gthread"], default="sync", help="gunicorn's worker class")
    add("--rounds", type=int, default=5, metavar="N")
    add("--seconds", type=int, default=3, metavar="N", help="length of a turn")
    add("--generator", choices=generators(), default=generators()[0], help="what sends the requests")
    add("--reuse", action="store_true", help="keep the databases, and take those of an earlier run")
    add("--out", type=Path, default=ROOT / "build/bench", metavar="FOLDER", help="where table, plots and JSON go")
    add("--record", action="store_true", help="put them into the documentation as well")
    add("--check", action="store_true", help="a small run with bounds on ratios, statements and rows")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if find_spec("gunicorn") is None:
        print("gunicorn does not run here, so nothing is measured")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    if options.check:
        options.products, options.rounds, options.seconds = [10_000], 3, 1
    if redis := os.environ.get("REDIS_URL"):
        os.environ[servers.REDIS] = redis
    database_url, redis_url = servers.database_url(), servers.redis_url()
    if redis_url is None:
        print(f"No Redis, so no cache: {servers.redis_missing()}")
    runs = []
    for size in options.products:
        catalogue = Catalogue(size, options.categories, options.seed)
        begin = time.monotonic()
        url = loading.database(database_url, catalogue, reuse=options.reuse)
        print(f"{size:,} products are there after {time.monotonic() - begin:.0f} s", flush=True)
        try:
            runs.append({**report.circumstances(url, options, arguments), **run(options, catalogue, url, redis_url)})
        finally:
            if not options.reuse:
                with psycopg.connect(database_url, autocommit=True) as server:
                    loading.drop(server, url.rpartition("/")[2])
    if options.check:
        return guards.judge(runs[0])
    report.write(runs, options.out, record=options.record)
    return 0


def run(options: argparse.Namespace, catalogue: Catalogue, url: str, redis_url: str | None) -> dict[str, Any]:
    """Everything that is measured with one catalogue."""
    chosen = {
        name: peer for name, peer in peers(url, redis_url).items() if name in {"floor", "shopcore", *options.peers}
    }
    if redis_url:
        empty(redis_url)
    plan = Plan(options.rounds, options.seconds, options.generator, alone=not options.check)
    with ExitStack() as stack:
        log = stack.enter_context((options.out / "servers.log").open("ab"))
        running = [start(peer, options.server, log, stack) for peer in chosen.values()]
        found = scenarios(catalogue, next(server for server in running if server.peer.name == "shopcore"))
        found = [one for one in found if one.name in (options.scenarios or one.name)]
        results: dict[str, Any] = {}
        counts = {peer.name: count(peer, found) for peer in chosen.values()}
        for scenario in found:
            results[scenario.name] = measured(scenario, running, plan, counts, check=options.check)
            if not options.check:
                ours = next(server for server in running if server.peer.name == "shopcore")
                path = scenario.paths["shopcore"][0]
                results[scenario.name]["peers"]["shopcore"]["anew"] = anew(ours, path, url, AFTER_A_WRITE)
        memory = {server.peer.name: server.memory() for server in running}
    return {"scenarios": results, "memory": memory}


def start(peer: Peer, worker: str, log: Any, stack: ExitStack) -> Server:
    server = Server(peer, worker, log)
    stack.callback(server.stop)
    return server


def measured(
    scenario: Scenario, running: list[Server], plan: Plan, counts: dict[str, Any], *, check: bool
) -> dict[str, Any]:
    agree(scenario, running)
    names = [server.peer.name for server in running if server.peer.dialect in scenario.paths]
    figures: dict[str, Any] = {name: {} for name in names}
    loaded = [server for server in running if not check or server.peer.name in guards.COMPARED]
    if not check or scenario.name in guards.RATIOS:
        figures |= {name: vars(result) for name, result in measure(scenario, loaded, plan).items()}
    # Once more, now that every cache is warm.
    agree(scenario, running)
    for name in names:
        counted = counts[name][scenario.name]
        figures[name] = {**figures[name], "statements": counted.statements, "rows": counted.rows}
        print(report.line(scenario, name, figures[name]), flush=True)
    return {"title": scenario.title, "peers": figures}


def agree(scenario: Scenario, running: list[Server]) -> None:
    try:
        compare(scenario, running)
    except DifferenceError as error:
        sys.exit(str(error))


def empty(redis_url: str) -> None:
    """Answers about another catalogue must not be found there."""
    from redis import Redis

    with Redis.from_url(redis_url) as client:
        client.flushdb()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
