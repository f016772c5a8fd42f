from __future__ import annotations

from pathlib import Path

import pytest

from tests.example.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """For tests that leave nothing behind in it."""
    return Site.copy_to(tmp_path_factory.mktemp("example"))


@pytest.fixture
def fresh_site(tmp_path: Path) -> Site:
    return Site.copy_to(tmp_path)
