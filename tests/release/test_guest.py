"""An unrelated site takes us in, one feature after the other, and nothing of its own changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(os.environ.get("SHOPCORE_TEST_DB") == "postgres", reason="The site brings its own database."),
]

SITE = Path(__file__).parent / "guest_site"
CORE, CATALOG = "django_shopcore.core", "django_shopcore.catalog"
ACCOUNTS, NOTIFICATIONS = "django_shopcore.accounts", "django_shopcore.notifications"
FEATURES = [
    [],
    [CORE, CATALOG],
    [CORE, CATALOG, ACCOUNTS],
    [CORE, CATALOG, ACCOUNTS, NOTIFICATIONS],
]
OWN = ("DJANGO_SETTINGS_MODULE", "COV_CORE_SOURCE", "COV_CORE_CONFIG")


class Guest:
    def __init__(self, folder: Path) -> None:
        self.folder = shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, *words: str, features: list[str]) -> str:
        inherited = {name: value for name, value in os.environ.items() if name not in OWN}
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning:django_shopcore", *words],
            cwd=self.folder,
            env={**inherited, "FEATURES": " ".join(features)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{words} with {features}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def answer(self, script: str, features: list[str]) -> Any:
        return json.loads(self.run(script, features=features).splitlines()[-1])


def test_a_site_of_its_own_ways_takes_in_one_feature_after_the_other(tmp_path: Path) -> None:
    guest = Guest(tmp_path / "site")
    guest.run("manage.py", "makemigrations", "people", "blog", features=[])
    before = None
    for features in FEATURES:
        said = guest.answer("examine.py", features)
        assert "No changes detected" in said["makemigrations"], features
        assert "no issues (0 silenced)" in said["check"], features
        assert said["spectacular"] == "", features
        host, ours = guest.answer("visit.py", features)
        before = before or host
        assert host == before, features
        expect(ours, features)
    assert before
    assert [status for status, *_ in before] == [200, 401, 404, 400, 302]
    assert [body for *_, body in before][1:4] == [
        {"oops": name} for name in ("NotAuthenticated", "Http404", "ValidationError")
    ]


def expect(ours: dict[str, Any], features: list[str]) -> None:
    if CATALOG in features:
        assert (ours["refused"][0], ours["refused"][2]["code"]) == (401, "not_authenticated")
        assert (ours["create"][0], ours["create"][2]["price"]) == (201, "1234.50")
        assert ours["list"][2]["results"][0]["name"] == "Lampe"
        assert (ours["missing"][0], ours["missing"][2]["code"]) == (404, "not_found")
        assert ours["tree"][0] == 200
    if ACCOUNTS in features:
        assert ours["login"][0] == 200
        assert ours["me"][2]["email"] == "bob@corner.example"
        assert ours["blog with our token"][0] == 401, "the host's own views know nothing of our tokens"
    if NOTIFICATIONS in features:
        assert ours["inbox"][0] == 200
