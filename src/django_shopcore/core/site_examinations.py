"""What a site consists of: versions, features, and the settings that are not as they come."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from typing import Any

import django
from django.apps import apps
from django.db import connections

import django_shopcore

from . import doctor
from .conf import declared_settings
from .doctor import OK, Finding

# Part of a name whose value nobody shall read over somebody's shoulder, or in a report sent to others.
SECRET = re.compile(r"(?:^|_)(?:KEYS?|SECRETS?|TOKENS?|PASS|PASSWORDS?|SALT|CREDENTIALS?|DSN)(?:_|$)", re.IGNORECASE)
USER_INFO = re.compile(r"(?<=://)[^@\s]*@")
HIDDEN = "(hidden)"


def register() -> None:
    doctor.register("Site", examine_versions, examine_features)
    doctor.register("Settings in force", examine_values)


def examine_versions(alias: str) -> Iterator[Finding]:
    said = f"{django_shopcore.__version__}, on Django {django.get_version()} and Python {platform.python_version()}"
    yield Finding(OK, "django-shopcore", said)
    connection: Any = connections[alias]
    version = ".".join(map(str, connection.get_database_version()))
    yield Finding(OK, "database", f"{connection.display_name} {version}")


def examine_features(alias: str) -> Iterator[Finding]:
    features = [config.name.rpartition(".")[2] for config in apps.get_app_configs() if _is_ours(config.name)]
    yield Finding(OK, "features", ", ".join(sorted(features)))


def _is_ours(name: str) -> bool:
    return name.startswith("django_shopcore.")


def examine_values(alias: str) -> Iterator[Finding]:
    """The settings that the site has set to something else than their default."""
    changed = [setting for setting in declared_settings() if setting.value() != setting.default]
    for setting in changed:
        yield Finding(OK, setting.name, shown(setting.name, setting.value()))
    if not changed:
        yield Finding(OK, "all", "as they come")


def shown(name: str, value: Any) -> str:
    """``value`` as it may be printed: without what ``name``, or a name inside, says is secret."""
    return repr(_open(name, value))


def _open(name: str, value: Any) -> Any:
    if SECRET.search(name) and value and not isinstance(value, (bool, int)):
        return HIDDEN
    if isinstance(value, dict):
        return {key: _open(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_open("", inner) for inner in value]
    return USER_INFO.sub(f"{HIDDEN}@", value) if isinstance(value, str) else value
