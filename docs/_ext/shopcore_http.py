"""The reference of the HTTP API, made from ``openapi.yaml``.

``{shopcore-operations} TAG`` describes each operation with that tag, ``{shopcore-routes} TAG`` lists them in a table
that links there, ``{shopcore-errors}`` lists the statuses of problems. A tag that no page describes is a warning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

SCHEMA = Path(__file__).parents[1] / "openapi.yaml"
MOUNT = "/api/v1/"
LIMITS = {"minLength": "at least {} characters", "maxLength": "at most {} characters", "minimum": "at least {}"}
LIMITS |= {"maximum": "at most {}", "maxItems": "at most {} items", "default": "default `{}`", "format": "{}"}
SAYS_NOTHING = ("OK", "Created", "Accepted", "Done.", "No response body")

Json = dict[str, Any]
logger = logging.getLogger(__name__)


@cache
def schema() -> Json:
    found: Json = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return found


def operations(tag: str = "") -> Iterator[tuple[str, str, Json]]:
    """Method, path beneath the mount and description, in the order of the schema."""
    for path, item in schema()["paths"].items():
        for method, operation in item.items():
            if not tag or tag in operation["tags"]:
                yield method.upper(), path.removeprefix(MOUNT), operation


def who(operation: Json) -> str:
    if {} in operation["security"]:
        return "everybody"
    return "admins" if "403" in operation["responses"] else "signed-in users"


def anchor(operation: Json) -> str:
    return "operation-" + operation["operationId"].replace("_", "-")


def resolve(part: Json) -> Json:
    name = part.get("$ref", "").rpartition("/")[2]
    return schema()["components"]["schemas"][name] if name else part


def cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


# --- Parts of a description, as Markdown ----------------------------------------------------------------


def kind(part: Json) -> str:
    """The type of a value with its limits: *text or null, at most 255 characters*."""
    part = resolve(part)
    names = part.get("type", "anything")
    if "enum" in part:
        words = ["one of " + ", ".join(f"`{json.dumps(value)}`" for value in part["enum"])]
    elif names == "array":
        words = ["list of " + (kind(part["items"]) if part["items"] else "keys")]
    else:
        words = [" or ".join([names] if isinstance(names, str) else names)]
    return ", ".join(words + [text.format(part[name]) for name, text in LIMITS.items() if name in part])


def parameters(operation: Json) -> str:
    found = operation.get("parameters", [])
    if not found:
        return ""
    rows = [
        f"| `{one['name']}` | {one['in']} | {cell(kind(one['schema']))} | {cell(one.get('description', ''))} |"
        for one in found
    ]
    return "\n".join(["| parameter | in | type | |", "| --- | --- | --- | --- |", *rows])


def fields(part: Json) -> str:
    part = resolve(part)
    required = part.get("required", [])
    rows = [
        f"| `{name}` | {'yes' if name in required else ''} | {cell(kind(one))} |"
        f" {cell(resolve(one).get('description', ''))} |"
        for name, one in part.get("properties", {}).items()
    ]
    return "\n".join(["| field | required | type | |", "| --- | --- | --- | --- |", *rows]) if rows else ""


def examples(content: Json) -> Iterator[str]:
    """Each example as a block of code, with a note above what is not simply JSON."""
    for media, body in content.items():
        for name, example in body.get("examples", {}).items():
            value = example["value"]
            text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
            notes = [] if media.endswith("json") else [f"`{media}`"]
            notes += [example.get("summary", name)] if len(body["examples"]) > 1 else []
            yield ", ".join(notes) + (":" if notes else "")
            yield f"```{'json' if 'json' in media else 'text'}\n{text.rstrip()}\n```"


def request(operation: Json) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return
    yield "**Request**"
    if "application/json" in content:
        yield fields(content["application/json"]["schema"])
    for media, body in content.items():
        if "examples" not in body:
            yield f"`{media}`: {cell(resolve(body['schema']).get('description', 'the same'))}"
    yield from examples(content)


def responses(operation: Json) -> Iterator[str]:
    others = []
    for status, response in sorted(operation["responses"].items()):
        text = response["description"]
        if status >= "300" and text == usual_texts()[status]:
            others.append(f"[{status}](#status-{status})")
        else:
            yield f"**{status}**" + ("" if text in SAYS_NOTHING else f": {text}")
            yield from examples(response.get("content", {}))
    yield f"**Or** {', '.join(others)}"


@cache
def usual_texts() -> dict[str, str]:
    """For each status above 299 what most operations say of it."""
    found: dict[str, list[str]] = {}
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            if status >= "300":
                found.setdefault(status, []).append(response["description"])
    return {status: max(texts, key=texts.count) for status, texts in sorted(found.items())}


# --- The directives -------------------------------------------------------------------------------------


class OperationsDirective(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(SCHEMA)
        text = "\n\n".join(part for found in operations(self.arguments[0]) for part in self._describe(*found) if part)
        if not text:
            raise self.error(f"no operation has the tag {self.arguments[0]}")
        return self.parse_text_to_nodes(text, allow_section_headings=True)

    def _describe(self, method: str, path: str, operation: Json) -> Iterator[str]:
        yield f"({anchor(operation)})=\n## `{method} {path}`"
        yield f"{operation['summary']}. For {who(operation)}."
        yield operation.get("description", "")
        yield parameters(operation)
        yield from request(operation)
        yield from responses(operation)


class RoutesDirective(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(SCHEMA)
        rows = [
            f"| [`{method} {path}`](#{anchor(operation)}) | {who(operation)} | {operation['summary']} |"
            for method, path, operation in operations(self.arguments[0])
        ]
        return self.parse_text_to_nodes("\n".join(["| route | for | what |", "| --- | --- | --- |", *rows]))


class ErrorsDirective(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(SCHEMA)
        entries = [f"(status-{status})=\n{status}\n: {text}\n" for status, text in usual_texts().items()]
        return self.parse_text_to_nodes("\n".join(entries))


def warn_about_gaps(app: Sphinx) -> None:
    described = {
        tag
        for page in (Path(app.srcdir) / "reference").glob("*.md")
        for tag in re.findall(r"^```{shopcore-operations} (\S+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    for tag in sorted({tag for *_, operation in operations() for tag in operation["tags"]} - described):
        logger.warning("no page describes the operations with the tag %s", tag, location="reference/http-api")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("shopcore-operations", OperationsDirective)
    app.add_directive("shopcore-routes", RoutesDirective)
    app.add_directive("shopcore-errors", ErrorsDirective)
    app.connect("builder-inited", warn_about_gaps)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
