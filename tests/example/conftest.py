from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.example.site import Site

# These tests bring a database of their own: nothing would be different in a second run.
collect_ignore_glob = ["test_*.py"] if os.environ.get("SHOPCORE_TEST_DB") == "postgres" else []


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """For tests that leave nothing behind in it."""
    return Site.copy_to(tmp_path_factory.mktemp("example"))


@pytest.fixture
def fresh_site(tmp_path: Path) -> Site:
    return Site.copy_to(tmp_path)
