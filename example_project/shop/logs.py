"""Logging to stderr: one JSON object on a line, or text for people while ``DEBUG`` is on."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

from django_shopcore.core.json import orjson

# Nothing that a line of the log shows; Python would find it out for each one
# (https://docs.python.org/3/howto/logging.html#optimization).
logging.logThreads = logging.logMultiprocessing = False  # gunicorn shows the process
logging.logAsyncioTasks = False  # type: ignore[attr-defined,unused-ignore] # of Python 3.12
logging._srcfile = None

# The id of the request that is being answered; set by RequestMiddleware.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class RequestIdFilter(logging.Filter):
    """Puts the request's id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class JSONFormatter(logging.Formatter):
    """A record as one line of JSON. The fields of a request come from the record's ``http``."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", None),
            **getattr(record, "http", {}),
        }
        if trace_id := getattr(record, "trace_id", None):
            entry["trace_id"] = trace_id  # where a site traces its requests
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return _dumps(entry)


def _dumps(entry: dict[str, Any]) -> str:
    if orjson is not None:
        try:
            return orjson.dumps(entry, str).decode()
        except TypeError:
            pass  # such as half of a surrogate pair, which only escapes can tell
    return json.dumps(entry, separators=(",", ":"), default=str)


def logging_settings(*, debug: bool) -> dict[str, Any]:
    """Django's ``LOGGING``."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": "shop.logs.RequestIdFilter"}},
        "formatters": {
            "json": {"()": "shop.logs.JSONFormatter"},
            "text": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{", "datefmt": "%H:%M:%S"},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "text" if debug else "json",
                "filters": ["request_id"],
            },
            "none": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            # Django's own handlers would print the same once more.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Every request has its line from shop.request; here only failures add something: the traceback.
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": ["none"], "propagate": False},
        },
    }
