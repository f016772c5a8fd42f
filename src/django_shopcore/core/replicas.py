"""Reads from replicas that are as right as reads from the database that is written to.

A statement of ours returns the tokens of its tables (``tracking``) with the rows. The present tokens are taken
first; what a replica answers counts only if it bears them, for then its rows are the present ones. Otherwise, the
replica being late, away or slow, the primary is read. A replica that was of no use rests for a while.
"""

from __future__ import annotations

import itertools
import logging
import time
import weakref
from collections.abc import Callable, Generator, Mapping
from contextvars import ContextVar
from operator import attrgetter
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, InterfaceError, InternalError, OperationalError, connections, router

from .announcing import is_watched
from .conf import core_settings
from .response_cache import all_tokens

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds that a late replica rests from one kind of reads, twice as long each time; that one which failed rests.
SHORTEST_REST, LONGEST_REST = 0.01, 1.0
REST_AFTER_FAILURE = 5.0

# Of a replica as such (who is None) or for one kind of reads: until when it rests, and for how long that was.
_rests: dict[tuple[str, Any], tuple[float, float]] = {}
_turns = itertools.count()

# Who asks, set by ``ReplicaMiddleware``.
current_client: ContextVar[Any] = ContextVar("shopcore_replica_client", default=None)


def choose(who: Any) -> str | None:
    """One of the replicas that do not rest, in turn."""
    now = time.monotonic()
    awake = [
        alias
        for alias in core_settings.REPLICAS
        if all(_rests[key][0] <= now for key in ((alias, None), (alias, who)) if key in _rests)
    ]
    if not awake:
        return None
    alias = awake[next(_turns) % len(awake)]
    if (alias, None) in _rests:
        _rest(alias, None, REST_AFTER_FAILURE)  # for all but the one who looks whether it is back
    return alias


def note(alias: str, who: Any, useful: bool) -> None:
    """Whether the replica's answer could be used."""
    _rests.pop((alias, None), None)  # it answers
    if useful:
        _rests.pop((alias, who), None)
    else:
        _rest_longer(alias, who)


def read(who: Any, model: Any, ask: Callable[[str], T], tokens_of: Callable[[T], Any] = attrgetter("tokens")) -> T:
    """What ``ask`` returns for a database's alias: for a replica's if that is the present state, or the primary's.

    ``ask`` may be called twice. ``who`` names the kind of reads: each has a lateness of its own, as some tables are
    written to all the time. A ``None`` is always asked of the primary again.
    """
    primary = router.db_for_read(model)
    alias = choose(who) if core_settings.REPLICAS and primary == DEFAULT_DB_ALIAS else None
    if alias is not None and (present := all_tokens()) is not None:
        answer = ask_replica(alias, who, ask)
        if answer is not None:
            useful = _is_present(tokens_of(answer), present)
            note(alias, who, useful)
            if useful:
                return answer
    return ask(primary)


def _is_present(tokens: Mapping[str, str] | None, present: Mapping[str, str]) -> bool:
    return bool(tokens) and all(present.get(table) == token for table, token in tokens.items())  # type: ignore[union-attr]


def ask_replica(alias: str, who: Any, ask: Callable[[str], T]) -> T | None:
    """What ``ask`` returns, or ``None`` where it fails."""
    try:
        return ask(alias)
    except (InterfaceError, InternalError, OperationalError, TimeoutError) as error:
        connection = connections[alias]
        logger.warning("The replica %s failed (%s); reading from the primary.", alias, type(error).__name__)
        if not isinstance(error, TimeoutError) and connection.is_usable():
            _rest_longer(alias, who)  # just this statement: it was in the way of the replication, or too slow
        else:
            connection.close()
            _rest(alias, None, REST_AFTER_FAILURE)
    except Exception:  # not found, or not valid, may be so of old rows only: the primary knows
        logger.debug("The replica %s gave no answer.", alias, exc_info=True)
    return None


def _rest(alias: str, who: Any, seconds: float) -> None:
    _rests[alias, who] = (time.monotonic() + seconds, seconds)


def _rest_longer(alias: str, who: Any) -> None:
    _, last = _rests.get((alias, who), (0.0, 0.0))
    _rest(alias, who, min(max(2 * last, SHORTEST_REST), LONGEST_REST))


def limit_waiting(connection: Any, **kwargs: Any) -> None:
    """Receives ``connection_created``: no read waits for a replica longer than ``SHOPCORE_REPLICA_TIMEOUT``.

    A server or a network that has stopped ends no connection and honours no time-out of the server's.
    """
    if connection.vendor != "postgresql" or connection.alias not in core_settings.REPLICAS:
        return
    raw, seconds = weakref.proxy(connection.connection), core_settings.REPLICA_TIMEOUT
    wait = getattr(type(connection.connection), "wait", None)
    if wait is not None:  # psycopg 3
        connection.connection.wait = lambda steps, *args, **kwargs: wait(
            raw, _in_time(raw, steps, seconds), *args, **kwargs
        )


def _in_time(raw: Any, steps: Generator[Any, Any, T], seconds: float) -> Generator[Any, Any, T]:
    """The ``steps`` of an exchange with the server; closes the connection when they take too long."""
    end = time.monotonic() + seconds
    try:
        waiting_for = next(steps)
        while True:
            ready = yield waiting_for
            if not ready and time.monotonic() > end:
                raw.close()
                raise TimeoutError(f"No answer within {seconds} seconds.")
            waiting_for = steps.send(ready)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


class ReplicaRouter:
    """For ``DATABASE_ROUTERS``: keeps migrations and writes away from replicas.

    Of the models in ``SHOPCORE_REPLICA_MODELS`` a replica is read within requests that ``ReplicaMiddleware`` sees,
    as soon as it holds what the request's client has written.
    """

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        client = current_client.get()
        if client is not None and is_readable(model):
            return client.replica() or DEFAULT_DB_ALIAS
        return _primary_of(hints)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        client = current_client.get()
        if client is not None and is_readable(model):
            client.wrote = True
        return _primary_of(hints)

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        same = {DEFAULT_DB_ALIAS, *core_settings.REPLICAS}
        return True if {one._state.db, other._state.db} <= same else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db in core_settings.REPLICAS else None


def is_readable(model: Any) -> bool:
    """Whether ``SHOPCORE_REPLICA_MODELS`` names the model, which must be one of the site's own."""
    meta = model._meta
    named = {meta.label_lower, meta.app_label} & {name.lower() for name in core_settings.REPLICA_MODELS}
    return bool(named) and not is_ours(model)


def is_ours(model: Any) -> bool:
    """Whether the library promises that all see the model's present rows: its own models, and the catalogue's."""
    return bool(model._meta.app_label.startswith("shopcore_")) or is_watched(model)


def _primary_of(hints: Mapping[str, Any]) -> str | None:
    """An object that was read from a replica is written to the primary, and what it refers to is read there."""
    state = getattr(hints.get("instance"), "_state", None)
    return DEFAULT_DB_ALIAS if state is not None and state.db in core_settings.REPLICAS else None
