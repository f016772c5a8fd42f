from __future__ import annotations

import json
import shutil
import textwrap
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from django_shopcore.core import doctor
from django_shopcore.core.doctor import NOTE, OK, WRONG, Finding

MARKS = {OK: "ok", NOTE: "note", WRONG: "WRONG"}


class Command(BaseCommand):
    help = (
        "Says what this site has, and what is missing or slower than it could be: in the settings, the database, the "
        "caches, the views and mail. It changes nothing and sends nothing. Exit code 1: something is wrong; notes "
        "alone are 0."
    )
    # What is wrong with the settings is for `check` to say, and must not keep the doctor from looking.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database to look at.")
        parser.add_argument("--json", action="store_true", help="Print JSON, for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"]
        if alias not in connections:
            raise CommandError(f"There is no database {alias!r} in DATABASES.")
        sections = doctor.examine(alias)
        levels = [finding.level for found in sections.values() for finding in found]
        if options["json"]:
            found = {section: [asdict(finding) for finding in findings] for section, findings in sections.items()}
            counts = {level: levels.count(level) for level in (OK, NOTE, WRONG)}
            self.stdout.write(json.dumps({"database": alias, **counts, "sections": found}, indent=2))
        else:
            self.stdout.write("\n".join(_report(sections)))
            self.stdout.write(f"\n{levels.count(WRONG)} wrong, {levels.count(NOTE)} to note, {levels.count(OK)} fine")
        if WRONG in levels:
            raise CommandError("Something is wrong.")


def _report(sections: dict[str, list[Finding]]) -> Iterator[str]:
    width = min(shutil.get_terminal_size((100, 0)).columns, 120)
    for section, found in sections.items():
        if found:
            subjects = max(len(finding.subject) for finding in found)
            yield f"\n{section}"
            for finding in found:
                yield from _lines(finding, subjects, width)


def _lines(finding: Finding, subjects: int, width: int) -> Iterable[str]:
    begin = f"  {MARKS[finding.level]:<5}  {finding.subject:<{subjects}}  "
    wide = max(width, len(begin) + 30)
    lines = textwrap.wrap(finding.said, wide, initial_indent=begin, subsequent_indent=" " * len(begin))
    if finding.level != OK and finding.advice:
        indent = " " * len(begin)
        lines += textwrap.wrap(finding.advice, wide, initial_indent=f"{indent}> ", subsequent_indent=f"{indent}  ")
    return lines
