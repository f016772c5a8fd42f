"""Exactly so many from real processes with threads each, on a real database and a real Redis, and while that dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from django_shopcore.core.models import RateLimitWindow
from tests.core.counting_process import DATABASE_CLOCK, ONE_STEP, OWN_COMMANDS
from tests.faults import FailingRedis

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

ROOT = Path(__file__).parent.parent.parent
PROCESSES, THREADS, EACH = 3, 14, 5  # 210 requests
ADMITTED = 50
TRIES = 6  # a race that nothing prevents need not be lost each time


def admitted(meanwhile: Callable[[], object] | None = None, skews: tuple[int, ...] = (0,), **wish: Any) -> int:
    """How many requests all processes admit together; ``meanwhile`` is done while they count."""
    common = {
        "database": str(connection.settings_dict["NAME"]),
        "redis": "",
        "rate": f"{ADMITTED}/h",
        "durable": False,
        "threads": THREADS,
        "each": EACH,
        "pace": 0,
        "reads": False,
        "without": "",
        **wish,
    }
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    RateLimitWindow.objects.all().delete()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.core.counting_process", json.dumps({**common, "skew": skew})],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for skew in (skews * PROCESSES)[:PROCESSES]
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        if meanwhile is not None:
            meanwhile()
        answers = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return sum(int(answer) for answer in answers)


def test_in_the_database() -> None:
    assert admitted() == ADMITTED


def test_control_in_two_steps_there_are_more() -> None:
    assert any(admitted(without=ONE_STEP) > ADMITTED for _ in range(TRIES))


def test_in_the_database_by_processes_whose_clocks_differ() -> None:
    assert admitted(skews=(0, 7200, -7200)) == ADMITTED


def test_control_by_their_own_clocks_there_are_more() -> None:
    assert any(admitted(skews=(0, 7200, -7200), without=DATABASE_CLOCK) > ADMITTED for _ in range(TRIES))


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[FailingRedis]:
    server = FailingRedis(tmp_path)
    yield server
    server.kill()


def test_in_redis(redis: FailingRedis) -> None:
    assert admitted(redis=redis.url) == ADMITTED
    assert not RateLimitWindow.objects.exists()


def test_reads_that_are_counted_here_and_there_while_the_limit_is_far(redis: FailingRedis) -> None:
    quota = 2000
    found = admitted(redis=redis.url, rate=f"{quota}/h", reads=True, threads=4, each=250)
    # What a process still owes when the others have used the rest: a share of 1 in 256, and it has to stand still.
    assert quota <= found <= quota + PROCESSES * (quota // 256)


def test_in_any_cache_that_counts_in_one_step(redis: FailingRedis) -> None:
    assert admitted(redis=redis.url, without=OWN_COMMANDS) == ADMITTED
    assert not RateLimitWindow.objects.exists()


def test_a_durable_limit_with_redis(redis: FailingRedis) -> None:
    assert admitted(redis=redis.url, durable=True) == ADMITTED


def dying(redis: FailingRedis) -> Callable[[], None]:
    def die_and_come_back() -> None:
        for _ in range(2):
            time.sleep(0.2)
            redis.kill()
            time.sleep(0.2)
            redis.start()  # empty

    return die_and_come_back


def admitted_while_it_dies(redis: FailingRedis, *, durable: bool) -> int:
    return admitted(dying(redis), redis=redis.url, durable=durable, each=60, pace=0.04)


def test_a_durable_limit_while_redis_dies_and_comes_back_empty(redis: FailingRedis) -> None:
    assert admitted_while_it_dies(redis, durable=True) == ADMITTED


def test_another_limit_admits_as_many_by_each_that_counts_for_it(redis: FailingRedis) -> None:
    """The control of the test above, and what the manual says: one Redis after the other, and the database."""
    found = [admitted_while_it_dies(redis, durable=False) for _ in range(2)]
    assert max(found) <= 4 * ADMITTED
    assert max(found) > ADMITTED
