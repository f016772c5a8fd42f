"""Every defence that the threat model names is held by tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
PAGE = HERE.parent / "docs" / "explanation" / "threat-model.md"
NAMED = re.compile(r"`([a-z_]+/test_\w+)(?:::(\w+))?`")


def defences() -> list[list[str]]:
    """The rows of all tables whose last column is that of the tests."""
    found, inside = [], False
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[-1] == "tests":
            inside = True
        elif inside and set(cells[0]) != {"-"} and cells[0] != "---":
            found.append(cells)
    return found


@pytest.mark.parametrize("row", defences(), ids=lambda row: row[0][:40])
def test_a_defence_names_tests_that_exist(row: list[str]) -> None:
    threat, _defence, tests = row
    found = NAMED.findall(tests)
    assert found, f"no test holds what is said of: {threat}"
    for module, name in found:
        path = HERE / f"{module}.py"
        assert path.is_file(), path
        functions = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        assert not name or f"test_{name}" in functions, f"{module} has no test {name}"
