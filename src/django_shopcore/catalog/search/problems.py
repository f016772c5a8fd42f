from __future__ import annotations

from typing import Any

from django.db import models

from . import postgresql_tables, sqlite_tables


def search_problems(connection: Any, model: type[models.Model]) -> list[str]:
    """What the search of ``model`` lacks in this database, in words."""
    if connection.vendor == "postgresql":
        return postgresql_tables.problems(connection, model)
    return sqlite_tables.problems(connection, model) if connection.vendor == "sqlite" else []
