"""Throughput and latency of servers side by side, in short rounds in which each has its turn."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from . import load
from .peers import Server
from .scenarios import Scenario

CONNECTIONS = 4
# So many requests must fit into a turn, or wrk would see the end of too few of them.
FEW = 50


@dataclass(frozen=True)
class Result:
    """Medians over the rounds; a ratio is the median of the ratios within a round."""

    requests_per_second: float
    ratio: float | None
    p50: float  # milliseconds, on one connection
    p99: float


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: int
    generator: str
    alone: bool = True  # whether latency is measured too: on one connection, in turns of their own


def measure(scenario: Scenario, servers: list[Server], plan: Plan) -> dict[str, Result]:
    """By peer. The first server is what the others are compared with, where it takes part."""
    able = [server for server in servers if server.peer.dialect in scenario.paths]
    rounds = [{} for _ in range(plan.rounds)]
    with tempfile.TemporaryDirectory(prefix="shopcore-bench-") as folder:
        prepared = [prepare(scenario, server, plan, Path(folder)) for server in able]
        for one in rounds:
            for target in prepared:
                one[target.server.peer.name] = turn(target, plan)
    floor = "floor" if any(server.peer.name == "floor" for server in able) else None
    return {server.peer.name: result(server.peer.name, floor, rounds) for server in able}


@dataclass(frozen=True)
class Target:
    """A server, and what is sent to it by what."""

    server: Server
    paths: Path
    headers: dict[str, str]
    generator: str


def prepare(scenario: Scenario, server: Server, plan: Plan, folder: Path) -> Target:
    """Every path is asked for once before it counts."""
    paths, headers = scenario.paths[server.peer.dialect], {}
    answer = server.fetch(paths[0])
    if scenario.conditional and "ETag" in answer.headers:
        headers = {"If-None-Match": answer.headers["ETag"]}
        if (status := server.fetch(paths[0], headers).status) != 304:
            raise SystemExit(f"{server.peer.name} answers its own tag with {status}")
    for path in paths[1:]:
        server.fetch(path)
    begin = time.perf_counter()
    server.fetch(paths[0], headers)
    slow = (time.perf_counter() - begin) * FEW > plan.seconds
    file = folder / f"{server.peer.name}.txt"
    file.write_text("\n".join(paths) + "\n")
    return Target(server, file, headers, "python" if slow else plan.generator)


def turn(target: Target, plan: Plan) -> tuple[load.Sample, load.Sample]:
    """A turn with several connections and one with a single one."""
    samples = [
        load.send(
            target.generator,
            target.server.port,
            target.paths,
            connections=number,
            seconds=plan.seconds,
            headers=target.headers,
        )
        for number in ((CONNECTIONS, 1) if plan.alone else (CONNECTIONS,))
    ]
    if errors := sum(sample.errors for sample in samples):
        raise SystemExit(f"{target.server.peer.name} failed to answer {errors} requests")
    return samples[0], samples[-1]


def anew(server: Server, path: str, database_url: str, times: int) -> float:
    """Milliseconds of the first request after a write, which makes everything wrong that is known of the tables."""
    taken = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(times):
            connection.execute("UPDATE shopcore_catalog_product SET sku = sku WHERE id = 1")
            begin = time.perf_counter()
            server.fetch(path)
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1000


def result(name: str, floor: str | None, rounds: list[dict[str, tuple[load.Sample, load.Sample]]]) -> Result:
    ratios = [one[name][0].requests_per_second / one[floor][0].requests_per_second for one in rounds if floor]
    return Result(
        statistics.median(one[name][0].requests_per_second for one in rounds),
        statistics.median(ratios) if ratios else None,
        statistics.median(one[name][1].p50 for one in rounds),
        statistics.median(one[name][1].p99 for one in rounds),
    )
