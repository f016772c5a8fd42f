"""Every interleaving of a read or write with another process: at each of its steps, each of the interferences.

Two processes are two memories of what is trusted; their clock is one that a waiting writer puts forward. The
cache's keys never expire here, so that all depends on the protocol, and nothing on the cache's clock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from django_shopcore.catalog import get_product_model
from django_shopcore.core import breakers, leases, response_cache, shared_cache
from django_shopcore.core.response_cache import Answer, fetch, peek
from tests.core.cached_answers import SCRIPTED, CacheError, ScriptedCache, names, tables
from tests.factories.catalog import ProductFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]


Interference = list[Callable[[], None]]


class World:
    """Processes ``a`` and ``b``, the row whose versions they read and write, and the steps of a read of ``a``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.version = 0
        self.wrong: list[str] = []
        self._trust: dict[str, Any] = {}
        self._process = "a"
        self._steps = 0
        self._stop_at = 0
        self._interference: Interference = []
        self._present_tokens = leases.present_tokens
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep)
        for module in (leases, breakers):
            monkeypatch.setattr(module, "time", clock)
        # One process stands still while the other one interferes: waiting for it would be in vain.
        monkeypatch.setattr(response_cache, "PATIENCE", 0)
        monkeypatch.setattr(shared_cache, "PATIENCE", 60.0)
        monkeypatch.setattr(leases, "_trust", None)
        monkeypatch.setattr(leases, "present_tokens", lambda: self._around(self._present_tokens))
        self.product = ProductFactory(name="0")

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    @contextmanager
    def process(self, name: str) -> Iterator[None]:
        """What happens inside happens in that process."""
        before, self._process = self._process, name
        self._trust[before] = leases._trust
        leases._trust = self._trust.get(name)
        try:
            yield
        finally:
            self._trust[name] = leases._trust
            leases._trust = self._trust[before]
            self._process = before

    def _step(self, *_: str) -> None:
        """One step of ``a``; at the chosen one another process interferes."""
        if self._process != "a":
            return
        self.now += 0.0003
        self._steps += 1
        if self._steps == self._stop_at:
            with self.process("b"):
                for one in self._interference:
                    one()

    def _around(self, action: Callable[[], Any]) -> Any:
        self._step()
        result = action()
        self._step()
        return result

    def read(self) -> int:
        """What version a read of ``a`` shows."""
        ScriptedCache.script[:] = [self._step]
        try:
            return self._look(lambda: self._around(self.snapshot))
        finally:
            ScriptedCache.script.clear()

    def read_quietly(self) -> None:
        self._look(self.snapshot)

    def _look(self, compute: Callable[[], Answer]) -> int:
        """A read must not be older than what stood when it began."""
        begun = self.version
        shown = int((peek("row") or fetch("row", tables(), compute)).body.split()[0])
        # No assertion here: the cache's users take every error for one of the cache.
        if shown < begun:
            self.wrong.append(f"{shown} was replaced by {begun}")
        return shown

    @staticmethod
    def snapshot() -> Answer:
        return names()

    def interrupted(self, act: Callable[[], Any], step: int, interference: Interference) -> bool:
        """``a`` acts, with an interference at that step; whether it had so many steps."""
        self._steps, self._stop_at, self._interference = 0, step, interference
        with contextlib.suppress(CacheError):
            act()
        ScriptedCache.script.clear()
        self._stop_at = 0
        return self._steps >= step

    def write(self) -> None:
        get_product_model().objects.update(name=str(self.version + 1))
        self.version += 1

    def write_in_steps(self) -> None:
        ScriptedCache.script[:] = [self._step]
        self.write()
        ScriptedCache.script.clear()

    def write_unheard(self) -> None:
        """The cache does not answer the writer."""
        heard = list(ScriptedCache.script)
        ScriptedCache.script[:] = [self.fail]
        try:
            self.write()
        finally:
            ScriptedCache.script[:] = heard

    def nothing(self) -> None:
        pass

    def fail(self, *_: str) -> None:
        raise CacheError

    def lose_everything(self) -> None:
        ScriptedCache.entries.clear()

    def lose_the_nonce(self) -> None:
        ScriptedCache.entries.pop(leases.NONCE, None)

    def wait(self) -> None:
        self.now += 10

    def wait_a_moment(self) -> None:
        """So long that who has looked into the cache has to look again."""
        self.now += 0.0021

    def read_elsewhere(self) -> None:
        with self.process("b"):
            self.read_quietly()


@pytest.fixture(params=[0, 2], ids=["each read looks", "a look counts for a moment"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    ScriptedCache.reset()
    with override_settings(CACHES=SCRIPTED, SHOPCORE_CATALOG_CACHE_RECHECK_MS=request.param):
        yield World(monkeypatch)
    ScriptedCache.reset()


def around_a_read(world: World) -> list[Interference]:
    write, unheard, other = world.write, world.write_unheard, world.read_quietly
    return [
        [world.fail],
        [write],
        [unheard],
        [write, other],
        [unheard, other],
        [other, write],
        [write, other, write, other],
        [world.lose_everything],
        [world.lose_the_nonce, other],
        [write, world.lose_everything],
        [write, world.lose_everything, other],
        [world.lose_everything, other, write],
        [other, unheard, world.lose_the_nonce, other],
        [write, world.fail],
    ]


def around_a_write(world: World) -> list[Interference]:
    other = world.read_quietly
    return [
        [world.fail],
        [other],
        [other, other],
        [other, world.fail],
        [world.lose_everything, other, other],
        [world.lose_the_nonce, other],
        [other, world.lose_the_nonce, other],
        [world.wait, other, other],
        [world.wait_a_moment, other, other],
    ]


# What process ``a`` has done before, by names of methods of the world.
STARTS = {
    "nothing is kept": [],
    "all is kept": ["read", "read", "read", "wait_a_moment"],
    "both have just looked": ["read_elsewhere", "read_elsewhere", "read", "read"],
    "the trust has ended": ["read", "read", "wait"],
    "another process keeps it": ["read_elsewhere", "read_elsewhere"],
    "the nonce is lost": ["read", "read", "lose_the_nonce"],
    "it was written to": ["read", "read", "write"],
}
each_start = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)


def explore(world: World, start: list[str], act: Callable[[], Any], interferences: list[Interference]) -> int:
    """The number of interleavings; fails with the first in which a later read shows what was replaced."""
    explored = 0
    for interference in interferences:
        step, there = 1, True
        while there:
            ScriptedCache.reset()
            world._trust.clear()
            leases._trust = None
            breakers.close_all()
            for name in start:
                getattr(world, name)()
            there = world.interrupted(act, step, interference)
            for _ in range(2):
                world.read()
                world.read_elsewhere()
            assert world.wrong == []
            explored += there
            step += 1
    return explored


@each_start
def test_whatever_comes_between_the_steps_of_a_read_no_later_read_is_old(world: World, start: list[str]) -> None:
    explored = explore(world, start, world.read, around_a_read(world))
    # Who has just looked takes no step between which anything could come.
    assert explored >= 14 * 2 or (start is STARTS["both have just looked"] and explored == 0)


@each_start
def test_whatever_comes_between_the_steps_of_a_write_no_later_read_is_old(world: World, start: list[str]) -> None:
    assert explore(world, start, world.write_in_steps, around_a_write(world)) >= 9 * 2


def test_without_the_announcement_one_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "announce", world.nothing)
    with pytest.raises(AssertionError, match="was replaced by"):
        explore(world, STARTS["nothing is kept"], world.read, around_a_read(world))


def test_without_the_waiting_one_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases.time, "sleep", lambda seconds: None)
    with pytest.raises(AssertionError, match="was replaced by"):
        explore(world, STARTS["all is kept"], world.read, around_a_read(world))


@pytest.mark.parametrize("world", [2], indirect=True)
def test_with_a_writer_who_does_not_wait_for_those_who_have_just_looked_one_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlast = leases._outlast
    monkeypatch.setattr(leases, "_outlast", lambda seconds: outlast(seconds) if seconds > 0.1 else None)
    with pytest.raises(AssertionError, match="was replaced by"):
        explore(world, STARTS["both have just looked"], world.write_in_steps, around_a_write(world))


def test_with_tokens_that_were_read_before_the_nonce_one_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    renew, present = leases.renew, leases.present_tokens

    def renew_from_before(cache: Any, nonce: Any) -> Any:
        tokens = present()
        nonce = cache.get(leases.NONCE)
        with monkeypatch.context() as early:
            early.setattr(leases, "present_tokens", lambda: tokens)
            return renew(cache, nonce)

    monkeypatch.setattr(leases, "renew", renew_from_before)
    with pytest.raises(AssertionError, match="was replaced by"):
        explore(world, STARTS["the trust has ended"], world.read, around_a_read(world))


def test_a_nonce_that_comes_back_is_not_trusted_by_one_who_saw_another(world: World) -> None:
    """As from a snapshot that Redis loads when it starts again."""
    world.read()
    world.read()
    snapshot = dict(ScriptedCache.entries)
    world.write()
    world.read()
    world.read()
    ScriptedCache.entries.update(snapshot)
    assert world.read() == 1


def test_one_who_saw_no_other_trusts_it_no_longer_than_a_lease(world: World) -> None:
    world.read()
    world.read()
    snapshot = dict(ScriptedCache.entries)
    with world.process("b"):
        world.write()
    ScriptedCache.entries.update(snapshot)
    world.read()
    assert world.wrong == ["0 was replaced by 1"]
    world.now += 2
    assert world.read() == 1
