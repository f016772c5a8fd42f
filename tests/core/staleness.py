"""Readers and writers of the cache of responses, as processes of their own; ``test_cache_staleness`` starts them.

Every row carries a version that its one writer counts up, and says so in memory that all processes share: first
that a version is begun, and when the write has answered, that it stands. A reader notes what stands, reads, and
counts a violation when it got something older. Multiples of seven are deletions.
"""

from __future__ import annotations

import contextlib
import json
import logging
import mmap
import random
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

ROWS, PROCESSES, READERS = 8, 3, 2
MODE, FIRST_READY, FIRST_OF_TALLY = 0, 1, 8
VIOLATIONS, READS, HITS, WRITES, ERRORS = range(5)
TALLIES = PROCESSES * (READERS + 1)
STANDS = FIRST_OF_TALLY + 8 * TALLIES
BEGUN = STANDS + ROWS + 1
SIZE = 8 * (BEGUN + ROWS + 1)
CATEGORY = ROWS  # the category's place behind the rows'
WAITING, GUARDED, UNANNOUNCED, NOT_WAITING, AT_ONCE, UNCHECKED, OVER = range(7)


class Board:
    """The memory that all share: the mode, what every thread has counted, and the versions."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self.numbers = memoryview(mmap.mmap(file.fileno(), SIZE)).cast("q")

    @property
    def mode(self) -> int:
        return self.numbers[MODE]

    @mode.setter
    def mode(self, mode: int) -> None:
        self.numbers[MODE] = mode

    def count(self, thread: int, what: int) -> None:
        self.numbers[FIRST_OF_TALLY + 8 * thread + what] += 1

    def total(self, what: int) -> int:
        return sum(self.numbers[FIRST_OF_TALLY + 8 * thread + what] for thread in range(TALLIES))


def configure(database: str, redis: str) -> None:
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        # Without it, who reads first and writes then fails when somebody else wrote meanwhile.
        settings.DATABASES["default"]["OPTIONS"].update(transaction_mode="IMMEDIATE", timeout=30)
    settings.SHOPCORE_CATALOG_CACHE_LEASE = 1
    if redis:
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as RedisConnectionError
        from redis.retry import Retry

        options = {"socket_connect_timeout": 0.25, "socket_timeout": 0.25}
        options["retry"] = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        backend = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {
            "default": {"BACKEND": backend, "LOCATION": redis, "OPTIONS": options},
        }
    logging.getLogger("django_shopcore").setLevel(logging.ERROR)
    import django

    django.setup()


def take_guards_out(board: Board) -> None:
    """Where the mode says so: the announcement, the waiting of one who cannot announce or of one who can, the tokens."""
    from django_shopcore.core import breakers, leases, response_cache

    # Readers that stay away from a cache for a second after each error would not see what there is to be seen.
    breakers.PAUSE = 0.02
    announce, removed, outlast, valid = leases.announce, leases._removed, leases._outlast, response_cache._valid
    leases.announce = lambda: None if board.mode == UNANNOUNCED else announce()
    leases._removed = lambda cache: removed(cache) or board.mode == NOT_WAITING
    leases._outlast = lambda seconds: None if board.mode == AT_ONCE and seconds < 0.1 else outlast(seconds)
    response_cache._valid = lambda kept, tokens: (
        response_cache.Answer(*kept[:3]) if kept and board.mode == UNCHECKED else valid(kept, tokens)
    )


def snapshot(place: int | None) -> Any:
    """The name of one row or of all, with their category's, and the tokens; read in one statement."""
    from django.db import connection

    from django_shopcore.catalog import get_category_model, get_product_model
    from django_shopcore.core.response_cache import Answer

    product, category = get_product_model()._meta.db_table, get_category_model()._meta.db_table
    collect = "json_object_agg" if connection.vendor == "postgresql" else "json_group_object"
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT c.name, (SELECT {collect}("table", token) FROM shopcore_core_tableversion), p.slug, p.name '
            f"FROM {category} c LEFT JOIN {product} p ON p.category_id = c.id AND (p.slug = %s OR %s) "
            "WHERE c.slug = 'of-the-crowd'",
            [f"row-{place}", place is None],
        )
        rows = cursor.fetchall()
    tokens = json.loads(rows[0][1]) if isinstance(rows[0][1], str) else rows[0][1]
    versions = {slug.removeprefix("row-"): int(name) for _, _, slug, name in rows if slug}
    body = json.dumps([int(rows[0][0]), versions]).encode()
    return Answer(body, "", tokens), (product, category)


def read(board: Board, thread: int, chance: random.Random) -> None:
    from django_shopcore.catalog import get_category_model, get_product_model
    from django_shopcore.core import response_cache

    place = chance.choice([None, *range(ROWS)])
    computed = []

    def compute() -> Any:
        computed.append(True)
        return snapshot(place)[0]

    tables = (get_product_model()._meta.db_table, get_category_model()._meta.db_table)
    stood = list(board.numbers[STANDS : STANDS + ROWS + 1])
    answer = response_cache.peek(f"read {place}") if chance.random() < 0.7 else None
    answer = answer or response_cache.fetch(f"read {place}", tables, compute)
    begun = list(board.numbers[BEGUN : BEGUN + ROWS + 1])
    category, versions = json.loads(answer.body)
    right = category >= stood[CATEGORY]
    for row in range(ROWS) if place is None else [place]:
        if (version := versions.get(str(row))) is not None:
            right = right and version >= stood[row]
        else:
            right = right and any(number % 7 == 0 for number in range(stood[row], begun[row] + 1))
    board.count(thread, READS)
    if not computed:
        board.count(thread, HITS)
    if not right:
        board.count(thread, VIOLATIONS)


class HostError(Exception):
    """What a callback of the host raises."""


def fail() -> None:
    raise HostError


def write(board: Board, row: int, chance: random.Random) -> None:
    from django.db import connection, transaction

    from django_shopcore.catalog import get_category_model, get_product_model

    models = get_category_model(), get_product_model()
    version = board.numbers[BEGUN + row] + 1
    board.numbers[BEGUN + row] = version
    with contextlib.suppress(HostError):
        if chance.random() < 0.4:
            with transaction.atomic():
                if chance.random() < 0.5:
                    transaction.on_commit(fail)
                with contextlib.suppress(HostError), transaction.atomic():
                    models[1].objects.filter(slug=f"row-{row}").update(name="0")
                    raise HostError
                change(models, row, version, chance)
        elif connection.vendor == "postgresql" and chance.random() < 0.2:
            transaction.set_autocommit(False)
            try:
                change(models, row, version, chance)
                transaction.commit()
                board.numbers[STANDS + row] = version
            finally:
                transaction.set_autocommit(True)
        else:
            change(models, row, version, chance)
    board.numbers[STANDS + row] = version


def change(models: Any, row: int, version: int, chance: random.Random) -> None:
    from django.db import connection

    category, product = models
    if row == CATEGORY:
        category.objects.filter(slug="of-the-crowd").update(name=str(version))
        return
    rows, slug = product.objects.filter(slug=f"row-{row}"), f"row-{row}"
    if version % 7 == 0:
        chance.choice([rows.delete, lambda: rows.get().delete()])()
        return
    if version % 7 == 1:
        new = product(slug=slug, name=str(version), price=1, category=category.objects.get(slug="of-the-crowd"))
        chance.choice([new.save, lambda: product.objects.bulk_create([new])])()
        return

    def by_hand() -> None:
        with connection.cursor() as cursor:
            update = f"update {product._meta.db_table} SET name = %s WHERE slug = %s"
            cursor.executemany(update, [[str(version), slug]]) if chance.random() < 0.5 else cursor.execute(
                update, [str(version), slug]
            )

    def saved() -> None:
        one = rows.get()
        one.name = str(version)
        one.save()

    chance.choice([by_hand, saved, lambda: rows.update(name=str(version))])()


def work(board: Board, thread: int, rows: list[int]) -> None:
    """One thread: a writer of ``rows``, or a reader where there are none."""
    chance = random.Random(thread)
    while board.mode == WAITING:
        time.sleep(0.01)
    while board.mode != OVER:
        try:
            if rows:
                write(board, chance.choice(rows), chance)
                board.count(thread, WRITES)
                # So that there is something to be found in the cache between two writes.
                time.sleep(chance.choice([0, 0.02, 0.1, 0.3]))
            else:
                read(board, thread, chance)
        except Exception:  # noqa: BLE001 - the test looks at their number
            board.count(thread, ERRORS)
            traceback.print_exc()


def main(path: str, process: int, database: str, redis: str) -> None:
    configure(database, redis)
    board = Board(Path(path))
    take_guards_out(board)
    rows = [row for row in range(ROWS) if row % PROCESSES == process] + ([CATEGORY] if process == 0 else [])
    first = process * (READERS + 1)
    threads = [threading.Thread(target=work, args=(board, first, rows))]
    threads += [threading.Thread(target=work, args=(board, first + 1 + reader, [])) for reader in range(READERS)]
    for thread in threads:
        thread.start()
    board.numbers[FIRST_READY + process] = 1
    # Standard input ends with the one who started this process.
    sys.stdin.read()
    board.mode = OVER
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
