"""The documentation as plain text beside its HTML, for programs that read it.

Each page becomes ``PAGE.txt``, with what directives made; ``llms.txt`` lists the pages with their first paragraph
(https://llmstxt.org/), ``llms-full.txt`` is all of them in one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.text import TextBuilder
from sphinx.writers.text import TextTranslator


def parts(app: Sphinx) -> Iterator[tuple[str, list[str]]]:
    """The captions of the first page's contents, each with its pages and with what is beneath these."""
    for tree in app.env.get_doctree(app.config.root_doc).findall(addnodes.toctree):
        names = []
        for name in tree["includefiles"]:
            names += [name, *app.env.toctree_includes.get(name, [])]
        yield tree["caption"], names


def first_paragraph(document: nodes.document) -> str:
    sections = document.findall(nodes.section)
    paragraphs = [child for child in next(sections).children if isinstance(child, nodes.paragraph)]
    return " ".join(paragraphs[0].astext().split()) if paragraphs else ""


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    builder = TextBuilder(app, app.env)
    builder.init()
    folder, base = Path(app.outdir), app.config.html_baseurl

    def text_of(name: str) -> str:
        document = app.env.get_and_resolve_doctree(name, builder)
        translator: TextTranslator = builder.create_translator(document, builder)  # type: ignore[assignment]
        document.walkabout(translator)
        return translator.body

    def summary_of(name: str) -> str:
        return first_paragraph(app.env.get_and_resolve_doctree(name, app.builder))

    index = [f"# {app.config.project} {app.config.release}", f"> {summary_of(app.config.root_doc)}"]
    full = [text_of(app.config.root_doc)]
    for caption, names in parts(app):
        lines = []
        for name in names:
            text = text_of(name)
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
            full.append(text)
            lines.append(f"- [{app.env.titles[name].astext()}]({base}{name}.txt): {summary_of(name)}")
        index += [f"## {caption}", "\n".join(lines)]
    (folder / "llms.txt").write_text("\n\n".join(index) + "\n", encoding="utf-8")
    (folder / "llms-full.txt").write_text("\n\n".join(full), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
