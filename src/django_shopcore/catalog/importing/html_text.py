"""Plain text of the HTML that shops keep in product descriptions.

Not by ``html.parser``: the releases of Python that we support take quadratic time for some broken markup, or raise.
Every step here moves on in the text, so the time is linear.
"""

from __future__ import annotations

import re
from html import unescape

BLOCKS = re.compile(
    "address|article|aside|blockquote|d[dlt]|div|fieldset|figcaption|figure|footer|form|h[1-6r]|header|li|main|nav"
    "|[ou]l|p|pre|section|table|t(body|[dhr]|head)"
)
MARKUP = re.compile(r"<[/!?]?[A-Za-z\[-]")
TAG_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
# A quoted value may hold a ">".
TAG_END = re.compile(r"""[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
HIDDEN_END = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
# Far above any character; ``unescape`` would raise for thousands of digits.
ENDLESS_NUMBER = re.compile(r"&#[0-9]{9,};?")
SPACES = re.compile(r"[ \t\r\n\f]+")


def html_to_text(html: str) -> str:
    """The text of ``html``: tags dropped, entities decoded, a line for each block and each ``<br>``.

    Line breaks of the source count only where there is no markup at all.
    """
    if not MARKUP.search(html):
        return _decoded(html).strip()
    lines = [""]
    position = 0
    while position < len(html):
        start = MARKUP.search(html, position)
        text = html[position : start.start() if start else len(html)]
        lines[-1] += SPACES.sub(" ", _decoded(text))
        if start is None:
            break
        name, position = _skip(html, start.start())
        if name == "br" or (BLOCKS.fullmatch(name) and lines[-1].strip()):
            lines.append("")
    return "\n".join(line.strip() for line in lines).strip()


def _decoded(text: str) -> str:
    return unescape(ENDLESS_NUMBER.sub("\ufffd", text))


def _skip(html: str, start: int) -> tuple[str, int]:
    """``(name, end)`` of the tag, comment or declaration at ``start``; without an end it takes all the rest."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4)
        return "", end + 3 if end >= 0 else len(html)
    tag = TAG_NAME.match(html, start)
    name = tag.group(1).lower() if tag else ""
    closed = TAG_END.match(html, start)
    end = closed.end() if closed else html.find(">", start) + 1
    if end and name in HIDDEN_END and html[start + 1] != "/":
        hidden = HIDDEN_END[name].search(html, end)
        return "", hidden.start() if hidden else len(html)
    return name, end or len(html)
