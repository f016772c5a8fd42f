"""Files that are small to send and large to read: refused soon, in little memory, with nothing written."""

from __future__ import annotations

import gzip
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from django_shopcore.catalog.importing import products
from tests.catalog.admin_pages import browser, make_superuser, products_url
from tests.catalog.csv_requests import IMPORT, csv_text, everything, send
from tests.fixtures import client_of
from tests.hostile.corpus import image_bomb, workbook, zip_bomb
from tests.hostile.sending import wrong_with_problem
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

LIMIT = 20 * 1024 * 1024
HEADER = b"name,price,category\n"
# Made when they are needed: together they are some 200 MB.
BOMBS: dict[str, Callable[[], bytes]] = {
    "zip": zip_bomb,
    "gzip": lambda: gzip.compress(b"name,price,category\n" + b"0" * 50_000_000),
    "workbook": workbook,
    "picture": image_bomb,
    "UTF-16": lambda: ("name,price,category\n" + "Lamp,1,C\n" * 500_000).encode("utf-16"),
    "one line": lambda: HEADER + b"x" * (LIMIT - len(HEADER)),
    "one line as the header": lambda: b"x" * LIMIT,
    "quotes": lambda: HEADER + b'"' * (LIMIT - len(HEADER)),
    "lines of a quote": lambda: HEADER + b'"\n""' * (LIMIT // 4 - len(HEADER)),
    "a million columns": lambda: b"name,price,category," + b",".join(b"c%d" % number for number in range(1_000_000)),
    "a million cells": lambda: HEADER + b"a" + b"," * 1_000_000,
    "carriage returns": lambda: HEADER + b"\r" * (LIMIT - len(HEADER)),
    "ten million rows": lambda: HEADER + b"a\n" * ((LIMIT - len(HEADER)) // 2),
    "six million rows of the same": lambda: HEADER + b"a,1,b\n" * ((LIMIT - len(HEADER)) // 6),
    "above the limit": lambda: HEADER + b"Lamp,1,C\n" * 2_500_000,
}
SECONDS = 6
# Copies of the body that the test's own client makes are made before.
MEGABYTES = 120


def as_body(content: bytes) -> Callable[[APIClient], Any]:
    return lambda client: send(client, content)


def as_form(content: bytes) -> Callable[[APIClient], Any]:
    file = SimpleUploadedFile("products.csv", content, "text/csv")
    return lambda client: client.post(IMPORT, {"file": file}, format="multipart")


@contextmanager
def bounded() -> Iterator[None]:
    """Fails when it takes much time of the processor, or the process grows by much."""
    started, before = time.process_time(), peak()
    yield
    assert time.process_time() - started < SECONDS
    assert peak() - before < MEGABYTES


def peak() -> float:
    """The most memory this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("sent", [as_body, as_form])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_at_the_import_is_refused_soon(bomb: str, sent: Callable[..., Any]) -> None:
    client = client_of(make_user(admin=True))
    request = sent(BOMBS[bomb]())
    with bounded():
        response = request(client)
    assert response.status_code == (413 if bomb == "above the limit" else 400)
    assert list(wrong_with_problem(response)) == []
    assert len(response.content) < 400_000
    assert everything() == ([], [])


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_on_the_page_of_the_admin_is_refused_soon(bomb: str) -> None:
    client = browser(make_superuser())
    file = SimpleUploadedFile("products.csv", BOMBS[bomb](), "text/csv")
    with bounded():
        response = client.post(products_url("import"), {"file": file})
    assert response.status_code == 200
    if bomb == "above the limit":
        assert list(response.context["form"].errors) == ["file"]
    else:
        assert response.context["form"] is None
        assert response.context["report"].errors
    assert b'name="ticket"' not in response.content
    assert everything() == ([], [])


def test_after_many_wrong_rows_the_rest_is_not_read(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "MAX_REJECTED", products.CHUNK)
    settings.SHOPCORE_CATALOG_MAX_REPORTED_ERRORS = 3
    client = client_of(make_user(admin=True))
    good = ("Lamp", "1", "C")
    file = csv_text("name,price,category", *[(f"P{number}", "x", "C") for number in range(2_000)], good)
    for query, status in (("", 400), ("?dry_run=true", 200)):
        response = send(client, file, query)
        body = response.json()
        assert response.status_code == status
        assert (body["created"], body["rejected"]) == (0, products.CHUNK)
        told = [(error["line"], error["code"]) for error in body["errors"]]
        assert told == [(2, "invalid"), (3, "invalid"), (products.CHUNK + 1, "too_many_errors")]
    assert everything() == ([], [])


def test_as_many_wrong_rows_as_the_report_has_room_for_are_listed(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "MAX_REJECTED", 1)
    settings.SHOPCORE_CATALOG_MAX_REPORTED_ERRORS = 1_500
    rows = [(f"P{number}", "x", "C") for number in range(1_200)]
    response = send(client_of(make_user(admin=True)), csv_text("name,price,category", *rows))
    body = response.json()
    assert body["rejected"] == 1_200
    assert {error["code"] for error in body["errors"]} == {"invalid"}
