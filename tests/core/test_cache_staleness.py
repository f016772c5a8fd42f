"""No read returns what a write had replaced before it began: processes at random, while Redis is being tormented.

``SHOPCORE_TEST_SECONDS`` lets it run longer than the few seconds it runs by default.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests import servers
from tests.core import staleness
from tests.core.staleness import AT_ONCE, GUARDED, NOT_WAITING, OVER, PROCESSES, UNANNOUNCED, UNCHECKED, Board
from tests.factories.catalog import CategoryFactory
from tests.faults import FailingRedis, Way

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

ROOT = Path(__file__).parent.parent.parent
SECONDS = float(os.environ.get("SHOPCORE_TEST_SECONDS", "5"))


class Crowd:
    """The processes, and what they have counted so far."""

    def __init__(self, folder: Path, urls: list[str], stack: ExitStack) -> None:
        CategoryFactory(name="0", slug="of-the-crowd")
        path = folder / "board"
        path.write_bytes(bytes(staleness.SIZE))
        self.board = Board(path)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
        database = connection.settings_dict["NAME"]
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.core.staleness", str(path), str(number), str(database), url],
                cwd=ROOT, env=environment, stdin=subprocess.PIPE,
            )
            for number, url in zip(range(PROCESSES), urls, strict=True)
        ]  # fmt: skip
        stack.callback(self._end)
        give_up = time.monotonic() + 60
        while not all(self.board.numbers[staleness.FIRST_READY + number] for number in range(PROCESSES)):
            assert time.monotonic() < give_up, "the processes do not start"
            assert all(process.poll() is None for process in self._processes)
            time.sleep(0.02)

    def run(self, mode: int, seconds: float, torment: Callable[[], Any], *, until_wrong: bool = False) -> int:
        """How many violations there were in so many seconds, or until the first."""
        before = self.board.total(staleness.VIOLATIONS)
        self.board.mode = mode
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (until_wrong and self.board.total(staleness.VIOLATIONS) > before):
            torment()
        return self.board.total(staleness.VIOLATIONS) - before

    def _end(self) -> None:
        self.board.mode = OVER
        for process in self._processes:
            assert process.stdin
            process.stdin.close()
        for process in self._processes:
            process.wait(30)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Tormentor:
    """One act of violence at a time."""

    def __init__(self, redis: FailingRedis, way: Way) -> None:
        self.redis, self.way = redis, way
        self._chance = random.Random(5)

    def __call__(self) -> None:
        acts = [self.nothing, self.nothing, self.flush, self.forget, self.pause, self.kill, self.cut]
        self._chance.choice(acts)()
        time.sleep(self._chance.uniform(0, 0.2))

    def nothing(self) -> None:
        time.sleep(0.2)

    def flush(self) -> None:
        with self.redis.client() as client:
            client.flushall()

    def forget(self) -> None:
        with self.redis.client() as client:
            for key in client.scan_iter():
                if self._chance.random() < 0.5:
                    client.delete(key)

    def pause(self) -> None:
        self.redis.pause()
        time.sleep(self._chance.uniform(0, 0.6))
        self.redis.resume()

    def kill(self) -> None:
        self.redis.kill()
        time.sleep(self._chance.choice([0, 0.1, 0.5]))
        self.redis.start()

    def cut(self) -> None:
        self.way.cut()
        time.sleep(self._chance.uniform(0, 1))
        self.way.mend()


@pytest.fixture
def tormentor(tmp_path: Path, stack: ExitStack) -> Tormentor:
    try:
        redis = FailingRedis(tmp_path)
    except servers.ServerError as error:
        pytest.skip(f"no Redis server runs here: {error}")
    stack.callback(redis.kill)
    way = Way(redis.port)
    stack.callback(way.close)
    return Tormentor(redis, way)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="many writers at once")
def test_with_a_shared_cache_nobody_reads_what_was_replaced(tmp_path: Path, stack: ExitStack, tormentor: Any) -> None:
    crowd = Crowd(tmp_path, [tormentor.redis.url, tormentor.redis.url, tormentor.way.url], stack)
    board = crowd.board
    assert crowd.run(GUARDED, SECONDS, tormentor) == 0
    assert board.total(staleness.ERRORS) == 0
    # Otherwise it would prove nothing.
    assert board.total(staleness.HITS) > board.total(staleness.READS) / 10
    assert board.total(staleness.WRITES) > 10

    # The negative controls: without any one of the guards they do.
    assert crowd.run(UNANNOUNCED, 10, tormentor.nothing, until_wrong=True)
    crowd.run(GUARDED, 0.5, tormentor.nothing)
    assert crowd.run(NOT_WAITING, 20, tormentor.cut, until_wrong=True)
    crowd.run(GUARDED, 0.5, tormentor.nothing)
    assert crowd.run(AT_ONCE, 20, tormentor.nothing, until_wrong=True)
    crowd.run(GUARDED, 0.5, tormentor.nothing)
    assert crowd.run(UNCHECKED, 10, tormentor.nothing, until_wrong=True)


def test_in_the_memory_of_processes_nobody_reads_what_was_replaced(tmp_path: Path, stack: ExitStack) -> None:
    crowd = Crowd(tmp_path, [""] * PROCESSES, stack)
    board = crowd.board
    assert crowd.run(GUARDED, SECONDS / 2, lambda: time.sleep(0.1)) == 0
    assert board.total(staleness.ERRORS) == 0
    assert board.total(staleness.HITS) > board.total(staleness.READS) / 10
    assert crowd.run(UNCHECKED, 10, lambda: time.sleep(0.1), until_wrong=True)
