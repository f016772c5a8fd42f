"""A process that counts one subject's requests in threads; ``test_limits_of_processes`` starts several at once.

Its one argument is JSON: ``database``, ``redis`` (an address, or nothing), ``rate``, ``durable``, ``threads``,
``each`` (requests of a thread), ``pace`` (seconds between them, at most), ``skew`` (how far its clock is ahead),
``reads`` (whether they are counted as reads of the catalogue are) and ``without``: the guard that is taken out. It says
that it is ready, waits for a line, and says how many were admitted.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

ONE_STEP, DATABASE_CLOCK, OWN_COMMANDS = "one step", "the database's clock", "the commands of Redis"


def configure(wish: dict[str, Any]) -> None:
    from django.conf import settings

    default = settings.DATABASES["default"]
    default["NAME"] = wish["database"]
    if default["ENGINE"].endswith("sqlite3"):
        default["OPTIONS"].update(transaction_mode="IMMEDIATE", timeout=60)
    if wish["redis"]:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options = {"socket_connect_timeout": 0.25, "socket_timeout": 0.25, "retry": Retry(NoBackoff(), 0)}
        backend = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": wish["redis"], "OPTIONS": options}}
    logging.getLogger("django_shopcore").setLevel(logging.ERROR)
    import django

    django.setup()


def take_out(guard: str) -> None:
    from django_shopcore.core import counting, limits, shared_cache
    from django_shopcore.core.models import RateLimitWindow

    def read_then_write(key: str, quota: int, window: int) -> tuple[int, float]:
        row = RateLimitWindow.objects.filter(key=key).first()
        used = row.count + 1 if row else 1
        RateLimitWindow.objects.update_or_create(key=key, defaults={"count": used, "ends_at": time.time() + window})
        return used, window

    class OwnClock(dict[str, str]):
        def __getitem__(self, vendor: str) -> str:
            return repr(time.time())

    if guard == ONE_STEP:
        limits.count_in_database = read_then_write
    elif guard == DATABASE_CLOCK:
        counting.CLOCKS = OwnClock()
    elif guard == OWN_COMMANDS:
        # Leaves what any cache of Django's has that counts in one step, such as Memcached.
        shared_cache.redis_client = lambda cache: None


def counting_thread(wish: dict[str, Any], admitted: list[int]) -> Callable[[], None]:
    from django.db import connection
    from django.test import RequestFactory

    from django_shopcore.catalog.caching import count
    from django_shopcore.core.conf import Setting, rate
    from django_shopcore.core.limits import Limit, RateLimited, count_request
    from tests.parallel import hang_up

    setting = Setting[str | None](wish["rate"], rate, "Of a test.")
    setting.name = "SHOPCORE_OF_A_TEST"
    limit = Limit("test", setting, durable=wish["durable"])

    def is_admitted() -> bool:
        if wish["reads"]:
            with contextlib.suppress(RateLimited):
                count(RequestFactory().get("/"), [limit])
                return True
            return False
        usage = count_request(limit, "somebody")
        assert usage is not None
        return not usage.exceeded

    def run() -> None:
        for _ in range(wish["each"]):
            if is_admitted():
                admitted.append(1)
            time.sleep(random.random() * wish["pace"])
        connection.close()
        hang_up()

    return run


def main(wish: dict[str, Any]) -> None:
    configure(wish)
    take_out(wish["without"])
    if wish["skew"]:
        real = time.time
        time.time = lambda: real() + wish["skew"]
    admitted: list[int] = []
    threads = [threading.Thread(target=counting_thread(wish, admitted)) for _ in range(wish["threads"])]
    print("ready", flush=True)
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(admitted), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
