"""Whole responses, kept for as long as they are right: no later read returns what a write has replaced.

A response is kept with the tokens that its tables had in the snapshot it was made from, and shown only while they
are the tables' present tokens. Where all processes share a cache, responses live there and the present tokens
are known without asking the database (``leases``); otherwise they live in this process, and one small statement
reads the tokens. Only responses to requests without credentials belong here.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.db import DatabaseError

import django_shopcore

from . import leases
from .conf import cache_settings
from .shared_cache import SharedCache

logger = logging.getLogger(__name__)

BODY, LOCK = "shopcore:body:", "shopcore:lock:"
# Larger bodies are not kept: in the shared cache, in the memory of each process.
MAX_BODY = 1024 * 1024
MAX_BODY_HERE = 128 * 1024
MAX_BODIES_HERE = 500
# Of two who want the same response one computes; the other one looks again and again, and loses patience; in seconds.
PATIENCE = 1.0
FIRST_LOOK, LAST_LOOK = 0.005, 0.02
LOCKED = 2
# In the place of a lock: what was computed could not be kept, so that nobody should wait for it.
EACH_ALONE = 0


@dataclass
class Answer:
    """A response's body and entity tag, and the tokens of its snapshot by table; without tokens it is not kept."""

    body: bytes
    etag: str
    tokens: Mapping[str, str] | None


Compute = Callable[[], Answer]

# Not one of the host's caches: it must not push out their entries.
_here = LocMemCache("shopcore-responses", {"MAX_ENTRIES": MAX_BODIES_HERE})
_computing_here: dict[str, threading.Lock] = {}


def fetch(key: str, tables: Collection[str], compute: Compute) -> Answer:
    """The answer kept under ``key``, if it is still right; otherwise that of ``compute``, which is made once and kept.

    ``key`` is the absolute URL and the representation, ``tables`` are those the answer is made of in any case.
    """
    if not _usable():
        return compute()
    name = _name(key)
    cache = leases.readable_cache()
    if cache is not None:
        try:
            found = _wait_for(cache, name)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - each cache client has errors of its own
            logger.debug("The cache failed (%s).", type(error).__name__)
        else:
            return found if isinstance(found, Answer) else _compute_for_all(cache, name, found, tables, compute)
    return _fetch_here(name, tables, compute)


def places(key: str) -> tuple[str, str]:
    """What ``judge`` looks at in the shared cache: for a caller who has something else to ask it as well."""
    return leases.NONCE, BODY + _name(key)


def peek(key: str) -> Answer | None:
    """The answer kept under ``key``, if one look into the shared cache can tell that it is right.

    Right after such a look it takes none. Where responses live in this process, one small statement reads the present
    tokens.
    """
    cache, here = leases.readable_cache(), places(key)
    return at_hand(cache, here) or judge(cache, here)


def at_hand(cache: SharedCache | None, places: tuple[str, str]) -> Answer | None:
    """The right answer, if the shared ``cache`` need not be asked for it or about it: it has just been asked."""
    trust = leases.believed() if cache is not None else None
    return trust.at_hand.answers.get(places[1]) if trust is not None and _usable() else None


def to_ask(places: tuple[str, str]) -> Sequence[str]:
    """At which of its places ``judge`` has to look."""
    trust = leases.known()
    return places if trust is None or places[1] not in trust.at_hand.answers else places[:1]


def judge(
    cache: SharedCache | None, places: tuple[str, str], found: Mapping[str, Any] | None = None, asked: float = 0.0
) -> Answer | None:
    """The right answer, if the shared ``cache`` has it. One look into it, unless that is what was ``found``.

    What was found is what it had at the places ``to_ask``, in one step; ``asked`` is ``leases.now()`` before that.
    """
    if not _usable():
        return None
    nonce, body = places
    if cache is None:
        return _look_here(body.removeprefix(BODY))
    try:
        if found is None:
            asked = leases.now()
            found = cache.get_many(to_ask(places))
        trust = leases.trusted(found.get(nonce), asked)
        if trust is None:
            return None
        answer: Answer | None = trust.at_hand.answers.get(body)
        if answer is None and (answer := _valid(found.get(body), trust.tokens)) is not None:
            trust.at_hand.keep(body, answer, len(answer.body))
        return answer
    except Exception:  # noqa: BLE001 - each cache client has errors of its own
        return None


def current_tokens(tables: Collection[str]) -> Mapping[str, str] | None:
    """The present tokens of ``tables``, from the database where the cache does not know them.

    ``None`` inside a transaction, and for tables that are not tracked.
    """
    return _only(tables, all_tokens())


def all_tokens() -> Mapping[str, str] | None:
    """The same of all tracked tables."""
    if leases.in_transaction():
        return None
    tokens = None
    cache = leases.readable_cache() if cache_settings.CACHE else None
    try:
        if cache is not None:
            nonce = cache.get(leases.NONCE)
            tokens = (leases.trusted(nonce) or leases.renew(cache, nonce)).tokens
    except DatabaseError:
        raise
    except Exception:  # noqa: BLE001 - each cache client has errors of its own
        tokens = None
    return tokens or leases.present_tokens()


def is_usable() -> bool:
    """Whether responses are kept at all, and this connection sees what others see."""
    return _usable()


def _usable() -> bool:
    return bool(cache_settings.CACHE) and not leases.in_transaction()


def _name(key: str) -> str:
    # Another release may answer otherwise from the same rows.
    return hashlib.blake2b(f"{django_shopcore.__version__} {key}".encode(), digest_size=16).hexdigest()


def _only(tables: Collection[str], tokens: Mapping[str, str] | None) -> dict[str, str] | None:
    """The tokens of ``tables``, if all are known."""
    if tokens is None or not all(table in tokens for table in tables):
        return None
    return {table: tokens[table] for table in tables}


def _valid(kept: Any, tokens: Mapping[str, str] | None) -> Answer | None:
    """What was kept as an answer, if the tables it was made from have these tokens."""
    if tokens is None or type(kept) is not tuple or len(kept) != 4:
        return None  # nothing, or what another release has left
    body, etag, own, checksum = kept
    if not own or any(tokens.get(table) != token for table, token in own.items()):
        return None
    if checksum != _checksum(body, etag):
        return None
    return Answer(body, etag, own)


def _checksum(body: bytes, etag: str) -> int:
    """Tells an answer from one that was damaged on its way to the cache or back."""
    return zlib.crc32(body, zlib.crc32(etag.encode()))


def _keepable(answer: Answer, tables: Collection[str], largest: int) -> Any:
    """How an answer is kept; ``None`` when it must not be."""
    tokens = answer.tokens if _only(tables, answer.tokens) else None
    if not tokens or len(answer.body) > largest:
        return None
    return answer.body, answer.etag, tokens, _checksum(answer.body, answer.etag)


def _wait_for(cache: SharedCache, name: str) -> Answer | int | None:
    """The right answer as soon as there is one, or the number of the lock under which the caller is to compute it.

    ``None``: compute it without a lock.
    """
    body, lock, mine = BODY + name, LOCK + name, secrets.randbits(62) + 1
    # Whoever was computing while the cache was away could not take the lock away.
    patience = PATIENCE if cache.breaker.closed_for > LOCKED else 0.0
    look, give_up = FIRST_LOOK, time.monotonic() + patience
    while True:
        found = cache.get_many((leases.NONCE, body, lock))
        if (kept := found.get(body)) is not None:
            nonce = found.get(leases.NONCE)
            if answer := _valid(kept, (leases.trusted(nonce) or leases.renew(cache, nonce)).tokens):
                return answer
        if lock not in found and cache.add(lock, mine, timeout=LOCKED):
            return mine
        if found.get(lock) == EACH_ALONE or time.monotonic() > give_up:
            return None
        time.sleep(look)
        look = min(look * 2, LAST_LOOK)


def _compute_for_all(
    cache: SharedCache, name: str, mine: int | None, tables: Collection[str], compute: Compute
) -> Answer:
    started, kept = time.monotonic(), None
    try:
        answer = compute()
        kept = _keepable(answer, tables, MAX_BODY)
        return answer
    finally:
        with contextlib.suppress(Exception):  # each cache client has errors of its own
            _leave(cache, name, kept, locked=mine is not None and time.monotonic() < started + LOCKED / 2)


def _leave(cache: SharedCache, name: str, kept: Any, locked: bool) -> None:
    """Leaves for others what was computed. A lock may be somebody else's by now when computing took long."""
    if kept is not None:
        cache.set(BODY + name, kept, timeout=cache_settings.CACHE)
    if locked and kept is not None:
        cache.delete(LOCK + name)
    elif locked:
        cache.set(LOCK + name, EACH_ALONE, timeout=LOCKED)


def _look_here(name: str) -> Answer | None:
    kept = _here.get(name)
    if kept is None:
        return None
    answer = _valid(kept, leases.present_tokens())
    if answer is None:
        _here.delete(name)
    return answer


def _fetch_here(name: str, tables: Collection[str], compute: Compute) -> Answer:
    """In this process, where a thread waits for another one that is computing the same answer."""
    if answer := _look_here(name):
        return answer
    lock = _computing_here.setdefault(name, threading.Lock())
    at_once = lock.acquire(blocking=False)
    locked = at_once or lock.acquire(timeout=PATIENCE)
    try:
        if not at_once and (answer := _look_here(name)):
            return answer
        answer = compute()
        if kept := _keepable(answer, tables, MAX_BODY_HERE):
            _here.set(name, kept, timeout=cache_settings.CACHE)
        return answer
    finally:
        if locked:
            _computing_here.pop(name, None)
            lock.release()
