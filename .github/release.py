#!/usr/bin/env python3
"""What a release says about itself: the version, the changelog, the notes. It needs nothing but Python.

  prepare VERSION           write VERSION and today's heading, where "Unreleased" was, into the files
  check [--tag TAG] [--dry-run]
                            compare version, changelog and tag; prints the version
  notes                     print the changelog of the version

The version lives in src/django_shopcore/__init__.py and nowhere else.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("src/django_shopcore/__init__.py")
CHANGELOG = Path("CHANGELOG.md")
REPOSITORY = "https://github.com/django-shopcore/django-shopcore"
ASSIGNMENT = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?$", re.MULTILINE)
LINKS = re.compile(r"^\[[^\]]+\]: .+$", re.MULTILINE)


class ReleaseError(Exception):
    pass


def read_version(root: Path) -> str:
    found = ASSIGNMENT.search((root / PACKAGE).read_text(encoding="utf-8"))
    if not found or not VERSION.fullmatch(found[1]):
        raise ReleaseError(f'{PACKAGE} has no line like: __version__ = "1.2.3"')
    return found[1]


def read_sections(root: Path) -> dict[str, tuple[str | None, str]]:
    """Date and text of each version, "Unreleased" included, in the order of the file."""
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return {
        heading["name"]: (heading["date"], LINKS.sub("", text[heading.end() : end]).strip())
        for heading, end in zip(headings, ends, strict=True)
    }


def check(root: Path, tag: str | None = None, *, dry_run: bool = False) -> str:
    """The version, if all agree on it. A dry run takes what is unreleased for the version's changelog."""
    version, sections = read_version(root), read_sections(root)
    if tag not in (None, f"v{version}"):
        raise ReleaseError(f"the tag is {tag}, the version in {PACKAGE} {version}")
    if next(iter(sections), None) != "Unreleased":
        raise ReleaseError(f"{CHANGELOG} does not begin with ## [Unreleased]")
    if version not in sections and dry_run:
        if not sections["Unreleased"][1]:
            raise ReleaseError(f"{CHANGELOG} says nothing about {version}")
        return version
    date, text = sections.get(version, (None, ""))
    if not date or not text:
        raise ReleaseError(f"{CHANGELOG} has no ## [{version}] with a date and a text: run prepare {version}")
    if list(sections)[1] != version:
        raise ReleaseError(f"{CHANGELOG} has a version above {version}")
    if sections["Unreleased"][1]:
        raise ReleaseError(f"{CHANGELOG} has news under Unreleased that belong to {version} or wait for the next")
    if f"\n[{version}]: " not in (root / CHANGELOG).read_text(encoding="utf-8"):
        raise ReleaseError(f"{CHANGELOG} has no link for [{version}]")
    return version


def notes(root: Path) -> str:
    version = read_version(root)
    _, text = read_sections(root).get(version, (None, ""))
    if not text:
        raise ReleaseError(f"{CHANGELOG} says nothing about {version}")
    return text


def prepare(root: Path, version: str) -> None:
    """Write the version to its one place and give what is unreleased its name and date."""
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"{version} is not a version such as 1.2.3 or 1.2.3rc1")
    sections = read_sections(root)
    if version in sections:
        raise ReleaseError(f"{CHANGELOG} has {version} already")
    if not sections.get("Unreleased", (None, ""))[1]:
        raise ReleaseError(f"{CHANGELOG} has nothing under Unreleased")
    today = datetime.now(timezone.utc).date().isoformat()
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    text = text.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [{version}] - {today}\n", 1)
    links = f"[Unreleased]: {REPOSITORY}/compare/v{version}...main\n[{version}]: {REPOSITORY}/releases/tag/v{version}\n"
    text = re.sub(r"^\[Unreleased\]: .*\n", links, text, count=1, flags=re.MULTILINE)
    (root / CHANGELOG).write_text(text, encoding="utf-8")
    package = (root / PACKAGE).read_text(encoding="utf-8")
    (root / PACKAGE).write_text(ASSIGNMENT.sub(f'__version__ = "{version}"', package), encoding="utf-8")


def main(arguments: list[str], root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser("release.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare").add_argument("version")
    checks = commands.add_parser("check")
    checks.add_argument("--tag")
    checks.add_argument("--dry-run", action="store_true")
    commands.add_parser("notes")
    options = parser.parse_args(arguments)
    try:
        if options.command == "prepare":
            prepare(root, options.version)
        elif options.command == "check":
            print(check(root, options.tag, dry_run=options.dry_run))
        else:
            print(notes(root))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
