"""The page on extensions, typed into the site that the tutorial has made."""

from __future__ import annotations

from tests.docs.pages import ROOT, blocks
from tests.docs.test_tutorial import TUTORIAL, Reader, needs_a_shell, reader

__all__ = ["reader"]

PAGE = ROOT / "docs/how-to/extensions.md"


@needs_a_shell
def test_the_page_does_what_it_says(reader: Reader) -> None:
    for block in blocks(TUTORIAL):
        if block.what.startswith("serve"):
            break
        reader.do(block)
    for block in blocks(PAGE):
        if block.what:
            reader.do(block)
