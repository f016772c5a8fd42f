"""Poison in every parameter, path and header of every operation."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from tests.hostile.corpus import EVERYTHING, TEXTS, VALUES
from tests.hostile.operations import Operation, operations
from tests.hostile.sending import Sender, World

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

ALL = operations()
WITH_KEY = [operation for operation in ALL if operation.parameters("path")]
# What the texts are not: half escapes, bytes that are no UTF-8.
RAW = ["%", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80", "%E2%82", "%u0041", "&", "=", "&&=&", "[]", "%0d%0aX-Injected:%20yes"]  # fmt: skip
NUMBERS = [value for value in VALUES.values() if len(value) < 25 and '"' not in value]
SERVER_LIMIT = 8_000
"""Bytes of a header line that servers take at most; above it Django's own reading of Content-Type gives up."""


def escaped() -> Iterator[tuple[str, str]]:
    """``(name, percent-encoded poison)`` of everything that fits a URL."""
    for name, text in TEXTS.items():
        yield name, quote(text[:SERVER_LIMIT].encode("utf-8", "surrogatepass"), safe="")
    for value in NUMBERS:
        yield value, quote(value, safe="")
    for raw in RAW:
        yield raw, raw


def queries(operation: Operation) -> Iterator[tuple[str, str]]:
    """Each poison in each parameter; in all of them, in names, and beside a right value."""
    names = operation.parameters("query")
    for name, poison in escaped():
        for parameter in names:
            yield f"{name} in {parameter}", f"{parameter}={poison}"
        yield f"{name} everywhere", "&".join(f"{parameter}={poison}" for parameter in [*names, "format", "callback"])
        yield f"{name} as a name", f"{poison}=1&metadata.{poison}=1&price__{poison}=1&{names[0]}=1&{names[0]}={poison}"


@pytest.mark.parametrize("operation", [each for each in ALL if each.parameters("query")], ids=str)
def test_poison_in_each_parameter(operation: Operation, world: World) -> None:
    sender, url = Sender(operation), operation.url(world.keys)
    anonymous = APIClient(raise_request_exception=False)
    clients = [world.client(), anonymous]
    for turn, (name, query) in enumerate(queries(operation)):
        for client in clients if EVERYTHING else [clients[turn % 2]]:
            sender.send(client, name, url, QUERY_STRING=query)
    sender.conclude()


@pytest.mark.parametrize("operation", WITH_KEY, ids=str)
def test_poison_in_the_path(operation: Operation, world: World) -> None:
    sender, client = Sender(operation), world.client()
    key = operation.parameters("path")[0]
    url_key = operation.url(world.keys).rstrip("/").rpartition("/")[2]
    numbers = [0, -1, 2**31, 2**63 - 1, 2**63, 10**40, uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]
    for name, poison in [*escaped(), *((str(number), str(number)) for number in numbers)]:
        if poison.lstrip("0") == url_key:
            continue
        sender.send(client, name, operation.path.replace(f"{{{key}}}", poison), b"{}")
    sender.conclude()
    assert sender.statuses & {404}
    assert not sender.statuses & {200, 204}


def in_a_header(text: str) -> str:
    """``text`` as a WSGI server hands it over, if it lets it through at all."""
    clean = text.replace("\r", "").replace("\n", "").replace("\x00", "")
    return clean.encode("utf-8", "surrogatepass")[:SERVER_LIMIT].decode("latin-1")


OWN = {
    "HTTP_AUTHORIZATION": "{}",
    "Bearer": "Bearer {}",
    "a token": "Bearer {}.{}.{}",
    "HTTP_HOST": "{}",
    "CONTENT_TYPE": "{}",
    "charset": "application/json; charset={}",
    "CONTENT_LENGTH": "{}",
    "HTTP_IF_MATCH": "{}",
    "HTTP_IF_NONE_MATCH": '"{}", W/"{}"',
}
# What nothing is refused for: all at once.
TOGETHER = (
    "ACCEPT", "ACCEPT_ENCODING", "ACCEPT_LANGUAGE", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO",
    "FORWARDED", "X_REAL_IP", "X_REQUEST_ID", "TRACEPARENT", "ORIGIN", "REFERER", "USER_AGENT", "COOKIE", "RANGE",
    "X_HTTP_METHOD_OVERRIDE", "X_CSRFTOKEN", "IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE", "EXPECT", "PREFER",
    "IDEMPOTENCY_KEY", "CONTENT_ENCODING", "X_ORIGINAL_URL",
)  # fmt: skip
PLACES = {"Bearer": "HTTP_AUTHORIZATION", "a token": "HTTP_AUTHORIZATION", "charset": "CONTENT_TYPE"}


def headers_with(poison: str, operation: Operation) -> Iterator[tuple[str, dict[str, str]]]:
    for name, form in OWN.items():
        yield name, {PLACES.get(name, name): form.replace("{}", poison)[:SERVER_LIMIT]}
    described = [name.upper().replace("-", "_") for name in operation.parameters("header")]
    for name in described:
        if f"HTTP_{name}" not in OWN:
            yield name, {f"HTTP_{name}": poison}
    yield "all others", {f"HTTP_{name}": poison for name in TOGETHER}


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_poison_in_each_header(operation: Operation, world: World, settings: Any) -> None:
    settings.SHOPCORE_TRUSTED_PROXIES = 1
    # Otherwise Django's own middleware refuses a wrong host, and shows a page of the host's.
    settings.ALLOWED_HOSTS = ["*"]
    sender, client, url = Sender(operation), world.client(), operation.url(world.keys)
    for turn, (name, text) in enumerate(TEXTS.items()):
        *single, others = headers_with(in_a_header(text), operation)
        mine = single if EVERYTHING else [single[(turn + ALL.index(operation)) % len(single)]]
        for header, headers in [*mine, others]:
            if header == "CONTENT_LENGTH" and "_" in text:  # a number to Python, and to no server
                continue
            extra = {key: value for key, value in headers.items() if key != "CONTENT_TYPE"}
            content_type = headers.get("CONTENT_TYPE", "application/json")
            sender.send(client, f"{name} in {header}", url, b"{}", content_type=content_type, **extra)
    sender.conclude()
