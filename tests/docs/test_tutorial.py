"""The tutorial, typed block by block into real terminals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.docs.readers import Reader, needs_a_shell

TUTORIAL = ROOT / "docs/tutorial/first-site.md"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with ExitStack() as stack:
        yield Reader(tmp_path, stack)


@needs_a_shell
def test_the_tutorial_does_what_it_says(reader: Reader) -> None:
    for block in blocks(TUTORIAL):
        reader.do(block)

    assert (reader.folder / "openapi.yaml").read_text().startswith("openapi: 3.1.0")


@needs_a_shell
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$ echo 3\n4\n", "echo 3 printed"),
        ("$ false\n", "false ended with 1"),
        ('$ echo \'{"a":1}\'\n{"a":\n 2}\n', "and not"),
    ],
)
def test_a_block_that_says_something_else_is_noticed(reader: Reader, text: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        reader.do(Block(TUTORIAL, 1, "console", text, "run"))


def test_a_block_without_a_word_on_what_to_do_is_noticed(tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(pytest.fail.Exception, match="what is to be done"):
        Reader(tmp_path, stack).do(Block(TUTORIAL, 1, "console", "$ true\n", ""))
