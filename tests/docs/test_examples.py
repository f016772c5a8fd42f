"""What stands in blocks of code on any page: Python and JSON that is well-formed, and sessions that go as shown."""

from __future__ import annotations

import ast
import doctest
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT, Block, blocks

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("[!_]*/*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def problem_of(block: Block) -> str:
    """What is wrong with the text of a block, or nothing."""
    text = textwrap.dedent(block.text)
    try:
        if block.language == "python":
            ast.parse(text)
        elif block.language == "json":
            json.loads(text)
    except ValueError as error:
        return f"{block}: {error}"
    except SyntaxError as error:
        return f"{block}: line {error.lineno}: {error.msg}"
    return ""


def failures_of(session: Block) -> str:
    """What a session at Python's prompt prints otherwise than shown, or nothing."""
    test = doctest.DocTestParser().get_doctest(session.text, {}, str(session), str(session.page), session.line)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    return "".join(said)


@each_page
def test_python_and_json_on_a_page_is_well_formed(page: Path) -> None:
    assert [problem for block in blocks(page) if (problem := problem_of(block))] == []


@each_page
def test_a_page_links_to_files_that_are_there(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_sessions_at_pythons_prompt_go_as_shown(settings: Any) -> None:
    settings.SHOPCORE_SITE_URL = "http://localhost:8000"
    sessions = [block for page in PAGES for block in blocks(page) if block.language == "pycon"]

    assert sessions
    assert "".join(map(failures_of, sessions)) == ""


def test_what_is_wrong_in_a_block_is_noticed() -> None:
    def block(language: str, text: str) -> Block:
        return Block(ROOT / "README.md", 1, language, text, "")

    assert "line 1" in problem_of(block("python", "def broken(:\n"))
    assert problem_of(block("json", '{"a": }'))
    assert "Expected:" in failures_of(block("pycon", ">>> 1 + 1\n3\n"))
