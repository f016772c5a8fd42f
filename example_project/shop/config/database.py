"""``DATABASE_URL``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from .words import natural, switch

Database = dict[str, Any]

OPTIONS = "its options must be those of libpq, such as ?sslmode=require, or pool, prepare or server_side_binding"
EXPECTED = "expected sqlite:///path or postgres://user:password@host:port/name"
SERVER = re.compile(
    r"""(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?
    (?P<host>\[[0-9A-Fa-f:.]+\]|[^@:/?\[\]]*)(?::(?P<port>[0-9]{1,5}))?
    /(?P<name>[^/?]+)""",
    re.VERBOSE | re.DOTALL,
)


def sqlite(path: Path | str) -> Database:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            # A transaction takes the write lock when it begins: one that reads first and writes later would
            # fail at once when another has written meanwhile, however long the timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # Readers do not wait for the writer. NORMAL cannot corrupt a WAL database.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }


def database(text: str, *, folder: Path, conn_max_age: int, patience: int = 2) -> Database:
    """Django's settings for the URL. A relative SQLite path starts at ``folder``.

    ``patience``: for how many seconds a connection is waited for, unless the URL says otherwise.
    """
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite":
        return {**_sqlite_file(rest, folder), "CONN_MAX_AGE": conn_max_age}
    if scheme in ("postgres", "postgresql"):
        found = _postgresql(rest, patience)
        # A pool keeps connections itself.
        age = 0 if "pool" in found["OPTIONS"] else conn_max_age
        return {**found, "CONN_MAX_AGE": age, "CONN_HEALTH_CHECKS": True}
    raise ValueError(EXPECTED)


def _sqlite_file(rest: str, folder: Path) -> Database:
    path = _decoded(rest.removeprefix("/"))
    if not rest.startswith("/") or not path:
        raise ValueError("expected sqlite:///relative/path or sqlite:////absolute/path")
    if "?" in path:
        raise ValueError("SQLite takes no options")
    if path == ":memory:":
        return sqlite(path)
    file = folder / path
    if not file.parent.is_dir():
        raise ValueError("the file's folder does not exist")
    if file.is_dir():
        raise ValueError("that is a folder; expected a file")
    return sqlite(file)


def _postgresql(rest: str, patience: int) -> Database:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import make_conninfo
    except ImportError:
        raise ValueError("PostgreSQL needs psycopg: pip install 'django-shopcore[postgres]'") from None
    address, _, query = rest.partition("?")
    match = SERVER.fullmatch(address)
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise ValueError("expected postgres://user:password@host:port/name, special characters percent-encoded")
    part = {name: _decoded(value or "") for name, value in match.groupdict().items()}
    options: dict[str, Any] = {"connect_timeout": str(patience)}
    try:
        options |= parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
        others = _other_options(options, patience)
        make_conninfo(**options)
    except (ValueError, ProgrammingError):
        raise ValueError(OPTIONS) from None
    return {
        # Django's, whose requests do not wait for a server that has stopped.
        "ENGINE": "django_shopcore.core.postgresql",
        "NAME": part["name"],
        "USER": part["user"],
        "PASSWORD": part["password"],
        "HOST": options.pop("host", part["host"].strip("[]")),
        "PORT": options.pop("port", part["port"]),
        "OPTIONS": {**others, **options},
    }


def _other_options(options: dict[str, Any], patience: int) -> dict[str, Any]:
    """Those of ``options`` that are not libpq's but Django's and psycopg's; they are taken out."""
    others: dict[str, Any] = {}
    if switch(options.pop("prepare", "on")):
        # The library's hot reads are then prepared; Django's own statements are not, whatever this says.
        others["prepare_threshold"] = 5
    if switch(options.pop("server_side_binding", "off")):
        others["server_side_binding"] = True
    if size := natural(options.pop("pool", "0")):
        # A pool that cannot connect tries again ever more rarely; it is to begin anew with the next request.
        others["pool"] = {"min_size": 1, "max_size": size, "timeout": 1.5, "reconnect_timeout": patience}
    return others


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("its percent-encoding is not UTF-8") from None
    if "\x00" in decoded:
        raise ValueError(EXPECTED)
    return decoded
