"""``rate_limited`` tells who was refused, and cannot turn a refusal into anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.core.signals import rate_limited

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

PRODUCTS = "/api/v1/products/"


@contextmanager
def heard_by(receiver: Callable[..., None]) -> Iterator[None]:
    rate_limited.connect(receiver)
    try:
        yield
    finally:
        rate_limited.disconnect(receiver)


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="2/m")
def test_a_refused_request_is_told_once_and_an_admitted_one_is_not(admin_client: APIClient) -> None:
    heard: list[tuple[str, int, str]] = []

    def hear(limit: Any, usage: Any, request: Any, **kwargs: Any) -> None:
        heard.append((limit.name, usage.quota, request.path))

    with heard_by(hear):
        statuses = [admin_client.post(PRODUCTS, {}).status_code for _ in range(3)]

    assert statuses == [400, 400, 429]
    assert heard == [("catalog-write", 2, PRODUCTS)]


@override_settings(SHOPCORE_CATALOG_WRITE_RATE="1/m")
def test_a_receiver_that_fails_leaves_the_answer_as_it_is(admin_client: APIClient) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("of a receiver")

    with heard_by(fail):
        assert [admin_client.post(PRODUCTS, {}).status_code for _ in range(2)] == [400, 429]
