"""What ``dev.py lint`` gives to django-migration-linter: our migrations, as PostgreSQL runs them."""

import os

os.environ["SHOPCORE_TEST_DB"] = "postgres"

from .full import *  # noqa: F403
from .full import INSTALLED_APPS as OURS_AND_DJANGOS

INSTALLED_APPS = [*OURS_AND_DJANGOS, "django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    "include_apps": [
        "shopcore_core",
        "shopcore_catalog",
        "shopcore_accounts",
        "shopcore_notifications",
        "shopcore_audit",
    ],
    "sql_analyser": "postgresql",
    # The linter knows those that make a table by the table. This one gives the catalogue's tables their search column
    # and indexes; it is of the first release, so no site has rows that it could lock. Add no name to this list: a
    # migration of a later release is written so that it passes, see docs/how-to/release.md.
    "ignore_name": ["0002_database"],
    "warnings_as_errors": [],
    "no_cache": True,
}
