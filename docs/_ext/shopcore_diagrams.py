"""``{shopcore-diagram} NAME`` puts ``_diagrams/NAME.svg`` into the page, where it takes the page's colours.

An image file could not: it does not know whether the reader chose the dark theme. The directive's body is the same in
words, for those who do not see the picture, and for builders that have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).parents[1] / "_diagrams"


class DiagramDirective(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        path = FOLDER / f"{self.arguments[0]}.svg"
        self.env.note_dependency(path)
        picture = f'<figure class="diagram" aria-hidden="true">{path.read_text(encoding="utf-8")}</figure>'
        return [nodes.raw("", picture, format="html"), *self.parse_content_to_nodes()]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("shopcore-diagram", DiagramDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
