"""``{shopcore-emails}``: a table of all mails, then each as its readers see it, rendered from its sample.

A line of its body is ``kind | when it is sent | to whom``. A kind without a line, or a line without a kind, is a
warning.
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from django_shopcore.notifications.previewing import Preview, previews

logger = logging.getLogger(__name__)

HEAD = ["| kind | when | to whom | can be turned off |", "| --- | --- | --- | --- |"]
# An empty sandbox: no scripts, no forms, no way out of the frame.
FRAME = '<iframe sandbox="" loading="lazy" title="{title}" style="{style}" srcdoc="{html}"></iframe>'
# Mail programs wrap lines.
TEXT = '<div class="highlight"><pre style="white-space: pre-wrap; overflow-wrap: anywhere">{text}</pre></div>'
STYLE = "width: 100%; height: {height}rem; border: 1px solid var(--color-background-border); border-radius: .5rem"


class EmailsDirective(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        lines = [[cell.strip() for cell in line.split("|")] for line in self.content if line.strip()]
        told = {kind: cells for kind, *cells in lines}
        mails = [mail for mail in previews() if mail.kind.name in told]
        names = {mail.kind.name for mail in previews()}
        for name in sorted(told.keys() ^ names):
            logger.warning("%s is not both a mail and a line of the table", name, location=self.get_location())
        rows = [_row(mail, told[mail.kind.name]) for mail in mails]
        return [*self.parse_text_to_nodes("\n".join([*HEAD, *rows])), *map(self._section, mails)]

    def _section(self, mail: Preview) -> nodes.Node:
        """Subject, HTML in a frame and text."""
        name = mail.kind.name
        section = nodes.section(
            "", nodes.title("", "", nodes.literal("", name)), names=[_anchor(name)], ids=[_anchor(name)]
        )
        self.state.document.note_explicit_target(section)
        section += nodes.paragraph("", "", nodes.strong("", mail.subject))
        section += nodes.raw("", _frame(mail), format="html")
        section += nodes.raw("", TEXT.format(text=escape(mail.text)), format="html")
        return section


def _row(mail: Preview, cells: list[str]) -> str:
    name, switch = mail.kind.name, "no" if mail.kind.security else "yes"
    return f"| [`{name}`](#{_anchor(name)}) | {' | '.join(cells)} | {switch} |"


def _anchor(name: str) -> str:
    return f"mail-{name.replace('_', '-')}"


def _frame(mail: Preview) -> str:
    # Without scripts a frame cannot follow its content, whose length goes with the text's.
    style = STYLE.format(height=12 + 1.5 * mail.text.count("\n"))
    return FRAME.format(title=escape(mail.subject), style=style, html=escape(mail.html))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("shopcore-emails", EmailsDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
