"""Poison in every place of every body: no 500, no status that is not documented, nothing written when refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.hostile.corpus import BODIES, EVERYTHING, VALUES
from tests.hostile.operations import Operation, Place, operations, places, sample, with_poison, without
from tests.hostile.sending import Sender, World

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

WITH_BODY = [operation for operation in operations() if operation.body is not None]
WRITING = [operation for operation in operations() if operation.method != "GET"]
# Those whose sample is refused: they need a token from a mail, or one that was not used yet.
NEED_A_TOKEN = ("confirm", "verify/", "refresh", "mfa")


def poisons_for(operation: Operation, number: int, place: Place) -> dict[str, str]:
    """All, but in the members of a list and where another operation takes the same fields: these get a share in turn."""
    share = 1 if EVERYTHING else 6 if len(place) > 2 else 3 if operation.method in ("PUT", "PATCH") else 1
    return {name: poison for turn, (name, poison) in enumerate(VALUES.items()) if (turn + number) % share == 0}


def body_of(operation: Operation, world: World) -> Any:
    assert operation.body is not None
    return sample(operation.body, world.known)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_the_sample_is_accepted(operation: Operation, world: World) -> None:
    """Otherwise every poison would be refused for another reason, and prove little."""
    sender = Sender(operation)
    body = body_of(operation, world)
    if operation.path.endswith("register/"):
        body["email"] = "somebody@example.com"
    response = sender.send(world.client(), "sample", operation.url(world.keys), json.dumps(body).encode())
    sender.conclude()
    assert response.status_code < 300 or any(part in operation.path for part in NEED_A_TOKEN), response.content


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_poison_in_each_place_of_a_body(operation: Operation, world: World) -> None:
    sender, client, url = Sender(operation), world.client(), operation.url(world.keys)
    body = body_of(operation, world)
    for number, place in enumerate(places(body)):
        for name, poison in poisons_for(operation, number, place).items():
            sender.send(client, f"{name} in {place}", url, with_poison(body, place, poison))
        if place:
            sender.send(client, f"nothing in {place}", url, json.dumps(without(body, place)).encode())
    sender.conclude()


@pytest.mark.parametrize("operation", WRITING, ids=str)
def test_a_body_that_is_none(operation: Operation, world: World) -> None:
    sender, client, url = Sender(operation), world.client(), operation.url(world.keys)
    for name, (body, content_type) in BODIES.items():
        sender.send(client, name, url, body, content_type=content_type)
    sender.conclude()
