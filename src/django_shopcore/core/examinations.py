"""What ``shopcore_doctor`` looks at whatever features are installed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.connection import ConnectionDoesNotExist

from . import doctor, json, leases, limits
from .conf import cache_settings, core_settings
from .doctor import NOTE, OK, WRONG, Finding
from .failure_checks import lacks_time_outs, waits_for_ever
from .shared_cache import SharedCache

NAMED = 5  # migrations, in one line
PATIENCE = 5  # seconds, with a cache


def register() -> None:
    doctor.register("Settings", examine_settings)
    doctor.register("Database", examine_migrations, examine_connection)
    doctor.register("Replicas", examine_replicas)
    doctor.register("Rate limits", examine_rate_limits)


def examine_settings(alias: str) -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding(NOTE, "DEBUG", "on: Django remembers every statement", "Turn it off where visitors come.")
    else:
        yield Finding(OK, "DEBUG", "off")
    if json.orjson is None:
        yield Finding(NOTE, "JSON", "written by Python itself", "Install django-shopcore[fast].")
    else:
        yield Finding(OK, "JSON", "written by orjson")


def examine_migrations(alias: str) -> Iterator[Finding]:
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        yield Finding(OK, "migrations", "all are applied")
        return
    names = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    yield Finding(WRONG, "migrations", f"not applied: {', '.join(names[:NAMED])}{more}", "Run manage.py migrate.")


def examine_connection(alias: str) -> Iterator[Finding]:
    connection: Any = connections[alias]
    options = connection.settings_dict.get("OPTIONS") or {}
    if options.get("pool"):
        yield Finding(OK, "connections", "from a pool")
    elif connection.settings_dict["CONN_MAX_AGE"] == 0:
        yield Finding(NOTE, "connections", "a new one for each request", "Set CONN_MAX_AGE, to 60 for one.")
    else:
        yield Finding(OK, "connections", "kept between requests")
    if connection.vendor != "postgresql":
        return
    if waits_for_ever(alias):
        advice = 'Use the ENGINE "django_shopcore.core.postgresql".'
        yield Finding(NOTE, "engine", "requests wait for ever for a server that has stopped", advice)
    connection.ensure_connection()
    if getattr(connection.connection, "prepare_threshold", None) is not None:
        yield Finding(OK, "prepared statements", "used for reads")
    else:
        advice = 'Set OPTIONS["prepare_threshold"] = 5, unless a pooler in between mixes up sessions.'
        yield Finding(NOTE, "prepared statements", "not used: each read is planned anew", advice)


def examine_cache(alias: str) -> Iterator[Finding]:
    """For features whose responses are kept."""
    name = cache_settings.CACHE_ALIAS
    if not cache_settings.CACHE:
        yield Finding(NOTE, "responses", "not kept", "Remove SHOPCORE_CATALOG_CACHE = 0.")
        return
    if leases.is_divided(name):
        advice = "Name one server, or another cache by SHOPCORE_CATALOG_CACHE_ALIAS."
        yield Finding(NOTE, "responses", f"kept by each process: the cache {name!r} has several servers", advice)
        return
    cache = limits.shared_cache(name)
    if cache is None:
        advice = "With a Redis as CACHES they are shared, and a read that is kept asks the database nothing."
        yield Finding(NOTE, "responses", "kept by each process, which asks the database for versions", advice)
        return
    problem = _failure(cache)
    if problem is None:
        yield Finding(OK, "responses", f"shared by all processes, in the cache {name!r}")
        yield from _examine_time_outs(name)
        yield from _examine_redis(cache)
    else:
        advice = "Start it: meanwhile each write waits for the lease to end."
        yield Finding(WRONG, "responses", f"the cache {name!r} fails ({problem})", advice)


def _examine_time_outs(name: str) -> Iterator[Finding]:
    if lacks_time_outs(name):
        said = f"of the cache {name!r}: none, so that all but the library waits for one that hangs"
        yield Finding(NOTE, "time-outs", said, 'Set "socket_timeout" and "socket_connect_timeout" in its OPTIONS.')


def _failure(cache: SharedCache) -> str | None:
    """The name of what went wrong, if something did."""
    key, value = f"shopcore:doctor:{secrets.token_hex(8)}", secrets.token_hex(8)

    def remember() -> Any:
        cache.set(key, value, timeout=10)
        found = cache.get(key)
        cache.delete(key)
        return found

    try:
        found = doctor.within(PATIENCE, remember)
    except Exception as error:  # noqa: BLE001 - each cache client has errors of its own
        return type(error).__name__
    return None if found == value else "it forgets at once"


def examine_rate_limits(alias: str) -> Iterator[Finding]:
    name = core_settings.RATE_LIMIT_CACHE
    if not core_settings.RATE_LIMITS:
        advice = "Remove SHOPCORE_RATE_LIMITS = False: passwords may be tried without end."
        yield Finding(NOTE, "limits", "switched off", advice)
    elif name not in settings.CACHES:
        advice = "Name an alias of CACHES in SHOPCORE_RATE_LIMIT_CACHE. They are counted in the database meanwhile."
        yield Finding(WRONG, "limits", f"there is no cache {name!r}", advice)
    elif (cache := limits.shared_cache()) is None:
        yield Finding(NOTE, "limits", "counted in the database", "A Redis as CACHES counts them without writes there.")
    elif problem := _failure(cache):
        advice = "Start it. They are counted in the database meanwhile."
        yield Finding(WRONG, "limits", f"the cache {name!r} fails ({problem})", advice)
    else:
        yield Finding(OK, "limits", f"counted in the cache {name!r}")


def _examine_redis(cache: SharedCache) -> Iterator[Finding]:
    client = cache.client
    if client is None:
        return
    try:
        about = client.info("persistence")
    except Exception:  # noqa: BLE001 - the user may not be allowed to ask
        return
    if about.get("aof_enabled") or _saves(client, about):
        said = "writes to disk: one that starts again may remember, for the seconds of a lease, what was replaced"
        yield Finding(NOTE, "Redis", said, 'Start it with save "" and appendonly no.')
    else:
        yield Finding(OK, "Redis", "writes nothing to disk")


def _saves(client: Any, about: dict[str, Any]) -> bool:
    """Whether snapshots are made: as it is configured, or where that is not told, whether there has been one."""
    try:
        return bool(client.config_get("save").get("save"))
    except Exception:  # noqa: BLE001 - hosted ones do not have the command
        return bool(about.get("rdb_saves"))


def examine_replicas(alias: str) -> Iterator[Finding]:
    for name in core_settings.REPLICAS:
        try:
            yield _replica(name)
        except (DatabaseError, ConnectionDoesNotExist, TimeoutError) as error:
            reason = str(error).strip().partition("\n")[0]
            yield Finding(WRONG, name, f"cannot be reached: {reason}", "Reads go to the primary meanwhile.")


LAG = """
SELECT pg_is_in_recovery(), CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
  ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END
"""
LATE = 10  # seconds


def _replica(name: str) -> Finding:
    if connections[name].vendor != "postgresql":
        return Finding(WRONG, name, "is no PostgreSQL", "Remove it from SHOPCORE_REPLICAS.")
    with connections[name].cursor() as cursor:
        cursor.execute(LAG)
        replays, seconds = cursor.fetchone()
    if not replays:
        return Finding(NOTE, name, "is no standby: it accepts writes", "Let it follow the primary.")
    if seconds is not None and seconds > LATE:
        return Finding(NOTE, name, f"is {seconds:.0f} seconds behind", "Until it has caught up the primary is read.")
    return Finding(OK, name, "follows the primary")
