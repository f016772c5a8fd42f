"""A release is stopped while its version, its changelog and its tag disagree."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.projects("full")

ROOT = Path(__file__).resolve().parents[2]
# The source distribution has the tests, and not the tools of the repository.
TOOLS = ROOT / ".github"
if not TOOLS.is_dir():
    pytest.skip("the tools are in the repository only", allow_module_level=True)

CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- A thing.

## [0.1.0] - 2026-01-01

The first one.

[Unreleased]: https://github.com/django-shopcore/django-shopcore/compare/v0.1.0...main
[0.1.0]: https://github.com/django-shopcore/django-shopcore/releases/tag/v0.1.0
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".github").mkdir()
    shutil.copy(TOOLS / "release.py", tmp_path / ".github")
    (tmp_path / "src/django_shopcore").mkdir(parents=True)
    (tmp_path / "src/django_shopcore/__init__.py").write_text('"""Docs."""\n\n__version__ = "0.1.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def release(checkout: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(checkout / ".github/release.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def commit_message(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(TOOLS / "commit_message.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_prepare_writes_the_version_the_heading_and_the_links(checkout: Path) -> None:
    assert release(checkout, "prepare", "0.2.0") == (0, "")

    assert release(checkout, "check", "--tag", "v0.2.0") == (0, "0.2.0")
    assert release(checkout, "notes") == (0, "### Added\n\n- A thing.")
    changelog = (checkout / "CHANGELOG.md").read_text()
    assert "/compare/v0.2.0...main\n[0.2.0]: " in changelog
    assert "## [0.1.0] - 2026-01-01\n\nThe first one." in changelog
    assert "__version__" in (checkout / "src/django_shopcore/__init__.py").read_text()


@pytest.mark.parametrize("version", ["0.1.0", "0.2", "v0.2.0", "1.0.0-beta"])
def test_prepare_refuses_a_version_that_is_none_or_was_released(checkout: Path, version: str) -> None:
    before = (checkout / "CHANGELOG.md").read_text()

    assert release(checkout, "prepare", version)[0] == 1

    assert (checkout / "CHANGELOG.md").read_text() == before


def test_prepare_refuses_a_version_without_news(checkout: Path) -> None:
    release(checkout, "prepare", "0.2.0")

    assert release(checkout, "prepare", "0.3.0") == (1, "CHANGELOG.md has nothing under Unreleased")


def test_check_stops_at_a_tag_of_another_version(checkout: Path) -> None:
    release(checkout, "prepare", "0.2.0")

    code, text = release(checkout, "check", "--tag", "v0.2.1")

    assert code == 1
    assert "the tag is v0.2.1" in text


def test_check_stops_at_news_that_are_not_in_the_release(checkout: Path) -> None:
    code, text = release(checkout, "check")

    assert code == 1
    assert "news under Unreleased" in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## [0.1.0] - 2026-01-01", "## [0.1.0]"),
        ("The first one.\n", ""),
        ("[0.1.0]: https", "[0.0.9]: https"),
        ("## [0.1.0]", "## [0.9.0] - 2026-02-02\n\nAbove.\n\n## [0.1.0]"),
    ],
)
def test_check_stops_at_a_changelog_with_a_hole(checkout: Path, old: str, new: str) -> None:
    whole = CHANGELOG.replace("### Added\n\n- A thing.\n", "")
    (checkout / "CHANGELOG.md").write_text(whole)
    assert release(checkout, "check") == (0, "0.1.0")

    (checkout / "CHANGELOG.md").write_text(whole.replace(old, new))

    assert release(checkout, "check")[0] == 1


def test_a_dry_run_takes_what_is_unreleased(checkout: Path) -> None:
    (checkout / "src/django_shopcore/__init__.py").write_text('__version__ = "0.2.0"\n')

    assert release(checkout, "check")[0] == 1
    assert release(checkout, "check", "--dry-run") == (0, "0.2.0")


def test_the_changelog_of_this_repository_is_ready_for_a_dry_run() -> None:
    code, text = release(ROOT, "check", "--dry-run")

    assert (code, text.count("\n")) == (0, 0)


@pytest.mark.parametrize(
    "message",
    [
        "feat: carts",
        "fix(catalog)!: refuse a price below zero\n\nBREAKING CHANGE: it was taken before.\n",
        "Merge branch 'dev'",
        "fixup! feat: carts",
        "feat: carts\n# Please enter the commit message\n",
    ],
)
def test_a_conventional_commit_message_passes(tmp_path: Path, message: str) -> None:
    (tmp_path / "message").write_text(message)

    assert commit_message(str(tmp_path / "message")) == (0, "")


@pytest.mark.parametrize(
    "message",
    ["carts", "feature: carts", "feat:carts", "feat : carts", "feat: ", "feat: carts.", "feat: carts\nand orders", ""],
)
def test_any_other_commit_message_is_refused(tmp_path: Path, message: str) -> None:
    (tmp_path / "message").write_text(message)

    code, text = commit_message(str(tmp_path / "message"))

    assert code == 1
    assert text
