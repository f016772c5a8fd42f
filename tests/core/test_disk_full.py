"""SQLite on a disk that is full, or locked by somebody else: 503, nothing half-written, and all is well afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from django_shopcore.accounts.models import Session
from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.notifications.models import OutboxMessage
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.fixtures import client_of
from tests.users import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full"),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite only"),
]

PRODUCTS = "/api/v1/products/"
LONG = "x" * 20_000
PASSWORD = "correct horse battery staple"


def pragma(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {statement}")
        return int(cursor.fetchone()[0])


@pytest.fixture
def full() -> Iterator[Callable[[], None]]:
    """Called, it leaves the database no page: SQLite says what it says when the file system has none."""

    def fill() -> None:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
        pragma(f"max_page_count = {pragma('page_count')}")

    yield fill
    pragma("max_page_count = 4294967294")


def rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (get_product_model(), get_category_model(), OutboxMessage, Session))


def is_unavailable(response: Any) -> bool:
    found = (response.status_code, response["Content-Type"], response.json()["code"])
    return found == (503, "application/problem+json", "service_unavailable") and int(response["Retry-After"]) > 0


def writes(client: APIClient, category: int) -> dict[str, Callable[[], Any]]:
    many = [{"name": f"lamp {number}", "price": "1", "description": LONG, "category": category} for number in range(50)]
    head = "slug,name,description,price,category\n"
    table = head + "".join(f"lamp-{number},lamp,{LONG},1,shelf\n" for number in range(50))
    return {
        "create": lambda: client.post(PRODUCTS, {**many[0], "metadata": {"a": LONG[:16_000]}}),
        "bulk": lambda: client.post(f"{PRODUCTS}bulk/", {"create": many}),
        "import": lambda: client.post(f"{PRODUCTS}import/", table.encode(), content_type="text/csv"),
    }


@pytest.mark.parametrize("name", ["create", "bulk", "import"])
def test_a_write_to_a_full_disk_writes_nothing_and_is_done_when_there_is_space(
    name: str, full: Callable[[], None]
) -> None:
    shelf = CategoryFactory(name="shelf")
    ProductFactory(name="old", category=shelf)
    client = client_of(make_user(admin=True))
    write = writes(client, shelf.pk)[name]
    full()
    before = rows()
    for _ in range(2):
        assert is_unavailable(write())
        assert rows() == before
        assert [row["name"] for row in APIClient().get(PRODUCTS).json()["results"]] == ["old"], "reads go on"
    pragma("max_page_count = 4294967294")
    assert write().status_code in (200, 201)
    assert rows() != before


def test_signing_in_on_a_full_disk_is_refused_and_not_let_through(full: Callable[[], None], settings: Any) -> None:
    """An attempt that cannot be counted is not made."""
    user = make_user()
    user.set_password(PASSWORD)
    user.save()
    credentials = {"email": user.email, "password": PASSWORD}
    full()
    settings.SHOPCORE_ACCOUNTS_LOGIN_RATE = "1000/m"
    answers = []
    while not answers or answers[-1].status_code == 200 or len(answers) % 5:
        answers.append(APIClient().post("/api/v1/auth/login/", credentials, HTTP_USER_AGENT="x" * 500))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert all(is_unavailable(answer) for answer in refused)
    assert Session.objects.count() == sum(answer.status_code == 200 for answer in answers)


def test_a_database_that_stays_locked_is_unavailable(settings: Any) -> None:
    shelf = CategoryFactory(name="shelf")
    client = client_of(make_user(admin=True))
    pragma("busy_timeout = 200")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert is_unavailable(client.post(PRODUCTS, {"name": "lamp", "price": "1", "category": shelf.pk}))
        other.execute("ROLLBACK")
        assert client.post(PRODUCTS, {"name": "lamp", "price": "1", "category": shelf.pk}).status_code == 201
    finally:
        other.close()
    assert json.loads(APIClient().get(PRODUCTS).content)["count"] == 1
