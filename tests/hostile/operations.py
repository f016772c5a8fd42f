"""The operations of the OpenAPI schema, and a request for each that is right but for one place."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
# Where a poison goes: a place in a body, as keys and indexes.
Place = tuple[Any, ...]
HOLE = "@poison@"

_numbers = count(1)


@cache
def schema() -> Any:
    """The schema as a client gets it."""
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


def resolve(node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = schema()["components"]["schemas"][node["$ref"].rpartition("/")[2]]
    return node


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the schema describes it."""

    path: str
    method: str
    described: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix('/api/v1')}"

    @property
    def statuses(self) -> set[int]:
        return set(map(int, self.described["responses"]))

    def parameters(self, place: str) -> list[str]:
        """The names of the parameters ``in`` this place: path, query, header."""
        return [each["name"] for each in self.described.get("parameters", ()) if each["in"] == place]

    @property
    def body(self) -> Mapping[str, Any] | None:
        """What its JSON body looks like; ``None`` where it takes none."""
        content = self.described.get("requestBody", {}).get("content", {})
        return resolve(content["application/json"]["schema"]) if "application/json" in content else None

    def url(self, keys: Mapping[str, Any]) -> str:
        """The path to the row in ``keys`` of the collection that the path begins with."""
        collection = self.path.removeprefix("/api/v1/").partition("/")[0]
        key = keys.get(collection, 1 if self._has_integer_key() else uuid.uuid4())
        for name in self.parameters("path"):
            return self.path.replace(f"{{{name}}}", str(key))
        return self.path

    def _has_integer_key(self) -> bool:
        types = [each["schema"].get("type") for each in self.described.get("parameters", ()) if each["in"] == "path"]
        return "integer" in types


def operations() -> list[Operation]:
    """Every operation there is."""
    return [
        Operation(path, method.upper(), described)
        for path, item in schema()["paths"].items()
        for method, described in item.items()
        if method in METHODS
    ]


def sample(node: Mapping[str, Any], known: Mapping[str, Any], name: str = "") -> Any:
    """A value that fits ``node``; by its name where ``known`` has one."""
    if name in known:
        value = known[name]
        return value() if callable(value) else value
    node = resolve(node)
    for choices in ("oneOf", "anyOf", "allOf"):
        if choices in node:
            return sample(node[choices][0], known, name)
    if "enum" in node:
        return node["enum"][0]
    kind = node.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return _sample_object(node, known)
    if kind == "array":
        return [sample(node["items"], known, name.removesuffix("s"))]
    simple = {"boolean": True, "integer": 1, "number": 1.5, "null": None}
    return simple[kind] if kind in simple else f"sample-{next(_numbers)}"


def _sample_object(node: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    value = {
        name: True if each.get("type") == "boolean" else sample(each, known, name)
        for name, each in node.get("properties", {}).items()
    }
    more = node.get("additionalProperties")
    if isinstance(more, dict) and not value:
        value[str(known.get("a key", "key"))] = sample(more, known) if more else "value"
    return value


def places(value: Any) -> Iterator[Place]:
    """Every place in a body: the whole, each member, and each of theirs."""
    yield ()
    members: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    for key, member in members:
        for place in places(member):
            yield (key, *place)


def with_poison(body: Any, place: Place, poison: str) -> bytes:
    """``body`` as JSON, with ``poison``, which is JSON already, in ``place``."""
    return json.dumps(_with_hole(body, place)).replace(json.dumps(HOLE), poison, 1).encode("utf-8", "surrogatepass")


def _with_hole(value: Any, place: Place) -> Any:
    if not place:
        return HOLE
    if isinstance(value, list):
        return [_with_hole(each, place[1:]) if number == place[0] else each for number, each in enumerate(value)]
    return {name: _with_hole(each, place[1:]) if name == place[0] else each for name, each in value.items()}


def without(body: Any, place: Place) -> Any:
    """``body`` without the member at ``place``."""
    copy = json.loads(json.dumps(body))
    owner = copy
    for key in place[:-1]:
        owner = owner[key]
    del owner[place[-1]]
    return copy
