"""The README's quickstart, run with what the tests have installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.release.quickstart import README, QuickstartError, installed_extras, quickstart

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the quickstart's requests need curl"),
]


def test_the_readme_leads_to_a_site_with_a_sign_in_and_a_category(tmp_path: Path) -> None:
    assert quickstart(tmp_path, installed_extras()) == [
        "manage.py migrate",
        "manage.py shopcore_create_admin",
        "products/",
        "auth/login/",
        "categories/",
    ]


def test_a_readme_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "README.md"
    broken.write_text(README.read_text().replace('"django_shopcore.accounts"', '"django_shopcore.acounts"'))
    site = tmp_path / "site"
    site.mkdir()

    with pytest.raises(QuickstartError, match="acounts"):
        quickstart(site, installed_extras(), broken)
