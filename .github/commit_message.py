#!/usr/bin/env python3
"""Check commit messages against Conventional Commits: of a file (the commit-msg hook) or of a range of commits.

commit_message.py FILE
commit_message.py --range BASE..HEAD
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TYPES = ("feat", "fix", "docs", "test", "refactor", "perf", "style", "build", "ci", "chore", "revert")
SUBJECT = re.compile(rf"({'|'.join(TYPES)})(\([a-z0-9][a-z0-9./-]*\))?!?: \S.*")
# What git writes by itself. The last two are for a rebase to fold in and may not stay.
MERGE = re.compile(r"Merge |Revert \"")
PASSING = re.compile(r"(fixup|squash|amend)! ")


def problem(message: str, *, passing_allowed: bool = False) -> str | None:
    """What is wrong with a message, or None."""
    subject, _, rest = message.strip().partition("\n")
    if MERGE.match(subject) or (passing_allowed and PASSING.match(subject)):
        return None
    if not SUBJECT.fullmatch(subject):
        return f"expected 'type: what changed' or 'type(part)!: what changed', with a type of {', '.join(TYPES)}"
    if subject.endswith("."):
        return "the first line ends with a full stop"
    if rest and not rest.startswith("\n"):
        return "the second line is not empty"
    return None


def from_file(path: str) -> str:
    """The message without git's comments and without what follows the scissors line."""
    text = Path(path).read_text(encoding="utf-8").partition("# ------------------------ >8")[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def from_range(commits: str) -> list[str]:
    command = ["git", "log", "--no-merges", "--format=%B%x00", "--end-of-options", commits]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return [message.strip() for message in output.split("\0") if message.strip()]


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "--range":
        messages, local = from_range(arguments[1]), False
    elif len(arguments) == 1 and not arguments[0].startswith("-"):
        messages, local = [from_file(arguments[0])], True
    else:
        print(__doc__, file=sys.stderr)
        return 2
    found = [(message, what) for message in messages if (what := problem(message, passing_allowed=local))]
    for message, what in found:
        print(f"{message.partition(chr(10))[0]!r}: {what}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
