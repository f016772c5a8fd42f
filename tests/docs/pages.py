"""Blocks of code in a page of the documentation, and what its author says should be done with them.

An HTML comment above a block says it: ``<!-- test: run -->``. Readers do not see it.
"""

from __future__ import annotations

import doctest
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^(?:<!-- test: (?P<what>[^\n]+) -->\n)?```(?P<language>\S+)[^\n]*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
CHECKER = doctest.OutputChecker()


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str
    what: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """What is typed after a prompt, and what the page says is printed, if it says so."""

    typed: str
    printed: str

    def says(self, output: str) -> bool:
        """Whether the page tells the output. ``...`` stands for anything; JSON may be wrapped differently."""
        if not self.printed:
            return True
        if self.printed[0] in "{[":
            return _matches(_unwrapped(self.printed), _unwrapped(output))
        return _matches(self.printed, output)


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start("text")), found["language"], found["text"], found["what"] or "")
        for found in BLOCK.finditer(text)
        if not found["language"].startswith("{")
    ]


def commands(block: Block) -> list[Command]:
    """The commands of a console: a line that ends with a backslash goes on in the next one."""
    found: list[tuple[list[str], list[str]]] = []
    goes_on = False
    for line in block.text.splitlines():
        if line.startswith("$ ") or goes_on:
            if not goes_on:
                found.append(([], []))
            found[-1][0].append(line if goes_on else line.removeprefix("$ "))
            goes_on = line.endswith("\\")
        else:
            found[-1][1].append(line)
    return [Command("\n".join(typed), "\n".join(printed)) for typed, printed in found]


def _unwrapped(text: str) -> str:
    return re.sub(r"\n\s*", "", text)


def _matches(expected: str, got: str) -> bool:
    return CHECKER.check_output(expected.strip() + "\n", got.strip() + "\n", doctest.ELLIPSIS)
