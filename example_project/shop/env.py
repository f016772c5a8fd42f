"""The environment: the process's variables, and a ``.env`` file beside ``manage.py`` for those that are not set.

Problems are collected, so that one start names all of them, each on a line of its own. Values are never
repeated in a message: most of them are secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from .startup import stop

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent

ASSIGNMENT = re.compile(
    r"""(?:export\s+)? (?P<name>[A-Za-z_][A-Za-z0-9_]*) \s*=\s*
    (?: '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<bare>[^'"].*?)? )
    (?:\s+\#.*)? \s*""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse_dotenv(text: str) -> tuple[dict[str, str], list[int]]:
    """The values of a ``.env`` file, and the numbers of the lines that are no assignment.

    ``KEY=VALUE``, with ``export`` before it or not. Single quotes keep a value as it is; in double quotes
    ``\\n``, ``\\"`` and the like mean what they mean in a shell's ``printf``. ``#`` starts a comment at the
    beginning of a line and after a blank.
    """
    values: dict[str, str] = {}
    wrong: list[int] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = ASSIGNMENT.fullmatch(line)
        if match is None:
            wrong.append(number)
        elif match["double"] is not None:
            values[match["name"]] = re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), match["double"])
        else:
            bare = match["bare"] or ""
            values[match["name"]] = match["single"] or ("" if bare.startswith("#") else bare)
    return values, wrong


class Environment:
    """Typed reading of variables. An empty variable counts as one that is not set."""

    def __init__(self, dotenv: Path, variables: Mapping[str, str]) -> None:
        self.defaults: dict[str, str] = {}
        self.problems: list[str] = []
        self._variables = {**self._read(dotenv), **variables}

    def _read(self, dotenv: Path) -> dict[str, str]:
        try:
            values, wrong = parse_dotenv(dotenv.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
            self.problem(".env", f"cannot be read: {reason}")
            return {}
        for number in wrong:
            self.problem(".env", f"line {number} is not KEY=VALUE")
        return values

    def get(self, name: str) -> str | None:
        """The variable's text without blanks around it, or that of the file named by ``NAME_FILE``, or ``None``."""
        return self._variables.get(name, "").strip() or self._in_file(f"{name}_FILE") or self.defaults.get(name)

    def _in_file(self, name: str) -> str:
        """The text of the file that the variable names, which is how containers are given secrets."""
        path = self._variables.get(name, "").strip()
        if not path:
            return ""
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
            self.problem(name, f"the file cannot be read: {reason}")
            return ""
        if not text:
            self.problem(name, "the file is empty")
        return text

    def starting_with(self, prefix: str) -> list[str]:
        """The names of the variables that are set and start with ``prefix``."""
        return sorted(name for name in self._variables if name.startswith(prefix) and self.get(name))

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The variable's value by ``parse``, which raises ``ValueError`` with what it expects; or ``default``."""
        text = self.get(name)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as exc:
            self.problem(name, str(exc))
            return default

    def require(self, name: str, parse: Callable[[str], T], default: T, *, unless: bool) -> T:
        """Like ``read``, but without the variable it is a problem, except when ``unless``: then ``default``."""
        if self.get(name) is None and not unless:
            self.problem(name, "required when DEBUG is off")
        return self.read(name, parse, default)

    def problem(self, name: str, message: str) -> None:
        """Notes that the site cannot start with this variable."""
        line = f"{name}: {' '.join(message.split())}"
        if line not in self.problems:
            self.problems.append(line)

    def stop_on_problems(self) -> None:
        """Ends the process when something is wrong: one line each, no traceback."""
        if self.problems:
            stop(self.problems)


env = Environment(BASE_DIR / ".env", os.environ)
