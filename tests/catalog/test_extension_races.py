"""Two requests at once for one extension: each sees what the other has done."""

from __future__ import annotations

from typing import Any

import pytest

from django_shopcore.catalog import views
from tests.catalog.shapes import path_of
from tests.factories.catalog import ProductFactory
from tests.fixtures import client_of
from tests.parallel import at_once, only_postgresql
from tests.projects.extras.models import Spec
from tests.users import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("extended")]

THREADS = 4


def first_rows(rounds: int = 10) -> list[list[int]]:
    """Several requests that each want to make the extension's row; the statuses of each round."""
    admin = make_user(admin=True)
    seen = []
    for _ in range(rounds):
        path = path_of(ProductFactory.create())

        def patch(path: str = path) -> int:
            return int(client_of(admin).patch(path, {"spec": {"weight": 1}}).status_code)

        seen.append(at_once([patch] * THREADS))
    return seen


def test_of_several_that_make_it_one_does_and_the_others_change_it() -> None:
    assert first_rows() == [[200] * THREADS] * 10
    assert Spec.objects.count() == 10


@only_postgresql
def test_without_a_look_after_the_lock_some_would_make_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "lock_extensions", lambda rows: None)
    statuses = [status for found in first_rows() for status in found]
    assert 409 in statuses


def tags_kept(rounds: int = 10) -> list[int]:
    """How many of several changes under one tag were accepted, in each round."""
    admin = make_user(admin=True)
    seen = []
    for _ in range(rounds):
        product = ProductFactory.create()
        Spec.objects.create(product=product, weight=0)
        path = path_of(product)
        tag = client_of(admin).get(path)["ETag"]

        def patch(weight: int, path: str = path, tag: str = tag) -> Any:
            body = {"spec": {"weight": weight}}
            return client_of(admin).patch(path, body, headers={"if-match": tag}).status_code

        calls = [lambda weight=weight: patch(weight) for weight in range(1, THREADS + 1)]
        seen.append(at_once(calls).count(200))
    return seen


def test_one_version_of_it_is_changed_once() -> None:
    assert tags_kept() == [1] * 10
