"""The script finds what is wrong with a site: the negative control of a run without violations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.troubles import TROUBLES
from tests.soak.verdicts import PROMISES, WHOLE

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory and children of processes are read from /proc"),
]


def test_each_promise_that_a_site_breaks_is_reported_and_the_exit_code_is_1(tmp_path: Path, redis_url: str) -> None:
    pytest.importorskip("gunicorn")
    troubles = [argument for trouble in TROUBLES for argument in ("--trouble", trouble)]
    options = ("--minutes", "0.7", "--no-faults", "--json", str(tmp_path / "figures.json"), "--folder", str(tmp_path))

    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", *options, *troubles],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip

    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads((tmp_path / "figures.json").read_text())
    assert [name for name in PROMISES if name != WHOLE and not found["promises"][name]] == []
    whats = [violation["what"] for violation in found["violations"]]
    assert any(": 500" in what for what in whats)
    assert any(": 503 without Retry-After" in what for what in whats)
    assert "BROKEN" in done.stdout
    assert any("500 in" in file.read_text() for file in (tmp_path / "violations").iterdir())
