"""Servers that are measured beside each other must answer with the same."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .peers import Server
from .scenarios import Scenario

COMPARED_PATHS = 20


class DifferenceError(Exception):
    pass


def compare(scenario: Scenario, servers: list[Server]) -> None:
    """Raises ``DifferenceError`` unless all answer alike; the first of them is the measure."""
    able = [server for server in servers if server.peer.dialect in scenario.paths]
    for number in range(min(COMPARED_PATHS, len(scenario.same_for(able[0].peer.dialect)))):
        answers = []
        for server in able:
            path = scenario.same_for(server.peer.dialect)[number]
            answer = server.fetch(path)
            if answer.status != 200:
                raise DifferenceError(f"{server.peer.name} answers {path} with {answer.status}: {answer.body[:300]!r}")
            answers.append((server.peer.name, path, json.loads(answer.body)))
        first_name, _, first = answers[0]
        for name, path, body in answers[1:]:
            if reason := difference(first, body, keyset=scenario.name == "keyset"):
                raise DifferenceError(f"{name} differs from {first_name} at {path}: {reason}")


def difference(one: Any, other: Any, *, keyset: bool = False) -> str | None:
    """What is not the same in two bodies; None when nothing is."""
    if "results" not in one:
        return first_difference(one, other)
    if keyset:  # the links hold a place, each server in its own writing
        return first_difference(one["results"], other["results"])
    if one["count_is_exact"] and other["count_is_exact"] and one["count"] != other["count"]:
        return f"count: {one['count']} and {other['count']}"
    for name in ("next", "previous"):
        if place(one[name]) != place(other[name]):
            return f"{name}: {one[name]} and {other[name]}"
    return first_difference(one["results"], other["results"])


def place(link: str | None) -> tuple[str, str] | None:
    if link is None:
        return None
    parts = urlsplit(link)
    return parts.path, parse_qs(parts.query).get("page", ["1"])[0]


def first_difference(one: Any, other: Any, where: str = "") -> str | None:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        parts = [(key, one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        parts = [(str(index), left, right) for index, (left, right) in enumerate(zip(one, other, strict=True))]
    else:
        return (
            None if one == other and type(one) is type(other) else f"{where or 'body'}: {one!r:.200} and {other!r:.200}"
        )
    found = (first_difference(left, right, f"{where}.{key}".lstrip(".")) for key, left, right in parts)
    return next(filter(None, found), None)
