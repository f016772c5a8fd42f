"""The OpenAPI description in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.example.site import DEBUG, Site

pytestmark = pytest.mark.projects("full")

SNAPSHOT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


def test_the_snapshot_is_what_the_code_says(site: Site) -> None:
    made = site.manage("spectacular", "--validate", "--fail-on-warn", variables=DEBUG)
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == SNAPSHOT.read_text().strip(), "Write it anew with: nox -s schema"
