"""The script that dumps django-oscar's catalogue, run as the page has it, by the models of a real Oscar.

Oscar is no dependency of the tests: ``SHOPCORE_TEST_OSCAR`` names a Python that has it, or the running one has it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/how-to/import-export.md"
SITE = ROOT / "tests/oscar_site"
PYTHON = os.environ.get("SHOPCORE_TEST_OSCAR", "") or (importlib.util.find_spec("oscar") and sys.executable)

pytestmark = pytest.mark.skipif(not PYTHON, reason="django-oscar is not installed")


def test_the_script_of_the_page_makes_the_dump_that_the_tests_import(tmp_path: Path) -> None:
    (script,) = [block.text for block in blocks(PAGE) if block.what == "write dump.py"]
    environment = {"PATH": os.environ["PATH"], "OSCAR_FOLDER": str(tmp_path)}
    environment["OSCAR_SITE_URL"] = "https://old.example.com"

    def manage(*arguments: str, typed: str = "") -> None:
        command = [str(PYTHON), str(SITE / "manage.py"), *arguments]
        done = subprocess.run(
            command,
            input=typed,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr

    manage("migrate", "--verbosity", "0")
    manage("shell", typed=(SITE / "fill.py").read_text(encoding="utf-8"))
    manage("shell", typed=script)

    assert (tmp_path / "oscar.csv").read_bytes() == (ROOT / "tests/catalog/oscar.csv").read_bytes()
