"""A feature that is not installed costs nothing: no module, no route, no table. Each site starts in a new process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import django_shopcore

pytestmark = pytest.mark.projects("full")

FEATURES = sorted(path.parent.name for path in Path(django_shopcore.__file__).parent.glob("*/apps.py"))
OPTIONAL = [feature for feature in FEATURES if feature != "core"]
SETS = [site for number in range(len(OPTIONAL) + 1) for site in combinations(OPTIONAL, number)]
# The second factor belongs to accounts.
SITES = [site for site in SETS if "mfa" not in site or "accounts" in site]

SITE = """
import json, sys
from io import StringIO
features, leak = json.loads(sys.argv[1]), sys.argv[2]
import django
from tests.projects import base
from django.conf import settings
settings.configure(
    **{name: getattr(base, name) for name in dir(base) if name.isupper() and name != "MIDDLEWARE"},
    **({} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"}),
    INSTALLED_APPS=["django_shopcore.core", *(f"django_shopcore.{name}" for name in features), *base.DJANGO_APPS],
    MIDDLEWARE=[
        *base.MIDDLEWARE, *(["django_shopcore.audit.middleware.AuditMiddleware"] if "audit" in features else [])
    ],
    AUTH_USER_MODEL="shopcore_accounts.User" if "accounts" in features else "auth.User",
)
report = {"modules": {}}

def look(after):
    report["modules"][after] = sorted(name for name in sys.modules if name.startswith("django_shopcore."))

django.setup()
look("setup")
from django.core.management import call_command
from django.urls import get_resolver
get_resolver().url_patterns
look("routes")
out = StringIO()
call_command("check", stdout=out, stderr=out)
report["check"] = out.getvalue().strip()
look("check")
out = StringIO()
call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
report["paths"] = sorted(json.loads(out.getvalue())["paths"])
look("schema")
from django.db import connection
connection.creation.create_test_db(verbosity=0, autoclobber=True)
try:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    report["tables"] = sorted(connection.introspection.table_names())
    look("migrations")
    from django.test import Client
    client = Client()
    report["answers"] = {path: client.get(path).status_code for path in report["paths"] if "{" not in path}
    look("requests")
    call_command("shopcore_tick", stdout=StringIO())
    call_command("shopcore_doctor", stdout=StringIO())
    exec(leak)
    look("commands")
finally:
    connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
print(json.dumps(report))
"""


def start(*features: str, leak: str = "") -> dict[str, Any]:
    """A site with these features and core, in a new process with warnings as errors; what it says of itself."""
    environment = {
        **os.environ,
        # By which the database is named.
        "DJANGO_SETTINGS_MODULE": f"only.{'_'.join(features) or 'core'}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SITE, json.dumps(features), leak],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def foreign(report: dict[str, Any], *features: str) -> list[tuple[str, str]]:
    """Modules of features that are not installed, each with the moment it was there first."""
    allowed = {"core", "urls", *features}
    found: dict[str, str] = {}
    for after, modules in report["modules"].items():
        for module in modules:
            if module.split(".")[1] not in allowed:
                found.setdefault(module, after)
    return sorted((after, module) for module, after in found.items())


@pytest.mark.parametrize("features", SITES, ids=lambda features: "+".join(features) or "core alone")
def test_only_what_is_installed_is_imported_routed_and_migrated(features: tuple[str, ...]) -> None:
    report = start(*features)
    assert foreign(report, *features) == []
    assert report["check"] == "System check identified no issues (0 silenced)."
    ours = {table.split("_")[1] for table in report["tables"] if table.startswith("shopcore_")}
    assert ours == {"core", *features}
    areas = {path.split("/")[3] for path in report["paths"]}
    expected = {
        "catalog": {"products", "categories"},
        "accounts": {"auth", "users"},
        "mfa": {"auth"},
        "notifications": {"notifications"},
        "audit": {"audit"},
    }
    assert areas == {area for feature in features for area in expected[feature]}
    assert any(path.startswith("/api/v1/auth/mfa/") for path in report["paths"]) is ("mfa" in features)
    # One that takes other methods is 405, one for somebody 401, one with a token 400; none is missing or broken.
    assert set(report["answers"].values()) <= {200, 400, 401, 405}


def test_the_second_factor_alone_says_what_it_needs() -> None:
    with pytest.raises(AssertionError, match=r"django_shopcore\.mfa needs django_shopcore\.accounts"):
        start("mfa")


def test_a_module_of_another_feature_is_found_with_the_moment_it_came() -> None:
    report = start("catalog", leak="import django_shopcore.accounts.conf")
    assert foreign(report, "catalog") == [
        ("commands", "django_shopcore.accounts"),
        ("commands", "django_shopcore.accounts.conf"),
    ]
    assert "django_shopcore.catalog.views" in report["modules"]["routes"]
