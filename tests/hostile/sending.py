"""Sends one request after the other against the same rows, and says what is wrong with the answers."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes

from django.apps import apps
from django.db import connection, transaction
from django.urls import Resolver404, resolve
from rest_framework.test import APIClient

from tests.accounts.clients import session_of, tokens_of
from tests.factories.accounts import PASSWORD
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.factories.notifications import NotificationFactory
from tests.hostile.operations import Operation
from tests.users import make_user

# What is written about a refused request on purpose: how often, and by whom.
RECORDS_OF_REFUSALS = ("shopcore_core", "shopcore_audit")
WRITE = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b")
PROBLEM_TYPE = "application/problem+json"
PROBLEM = {"type", "title", "status", "detail", "code"}


class World:
    """A few rows, an admin and a customer; ``known`` are values by the name of their field, ``keys`` by collection."""

    def __init__(self) -> None:
        category = CategoryFactory.create(name="Lamps")
        product, other = ProductFactory.create_batch(2, category=category)
        self.admin, self.customer = make_user(admin=True), make_user()
        make_user(admin=True)  # the last one could not be deleted
        other_session = session_of(tokens_of(self.admin))
        self.access = tokens_of(self.admin).access
        line = NotificationFactory.create(user=self.admin)
        self.keys = {
            "products": product.pk,
            "categories": category.pk,
            "auth": other_session.pk,
            "users": self.customer.pk,
            "notifications": line.pk,
        }
        self.known = {
            "id": product.pk,
            "category": category.pk,
            "delete": [other.pk],
            "parent": None,
            "price": "5.00",
            "compare_at_price": "9.00",
            "image_url": "https://example.com/lamp.png",
            "email": self.customer.email,
            "new_email": "new@example.com",
            "password": PASSWORD,
            "current_password": PASSWORD,
            "new_password": "another long secret of 7 words",
            "time_zone": "UTC",
            "language": "en",
            "a key": "welcome",
        }

    def client(self, **headers: str) -> APIClient:
        """A client of the admin, who is refused nothing for the role."""
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.access}", **headers)
        return client


@dataclass
class Sender:
    """Sends requests of one operation; every one finds the rows as they were before the first."""

    operation: Operation
    complaints: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    sent: int = 0
    before: dict[str, list[Any]] = field(default_factory=dict)

    def send(self, client: APIClient, name: str, url: str, body: bytes = b"", **extra: Any) -> Any:
        """The answer. What is wrong with it becomes a complaint, told by ``name``."""
        extra.setdefault("content_type", "application/json")
        self.before = self.before or rows()
        with undone(), writes() as written:
            response = client.generic(self.operation.method, url, body, **extra)
            if response.streaming:
                b"".join(response.streaming_content)
            # A wrong host is refused by Django's own middleware, with a page of the site's.
            refused_before = "HTTP_HOST" in extra and response.status_code == 400
            wrong = [] if refused_before else list(self._wrong(response, url))
            if written and response.status_code >= 400 and rows() != self.before:
                wrong.append("it was refused, and rows have changed")
        self.sent += 1
        self.statuses.add(response.status_code)
        self.complaints += [f"{name}: {each}" for each in wrong]
        return response

    def conclude(self) -> None:
        """Fails with what was wrong."""
        assert self.sent
        assert not self.complaints, f"{len(self.complaints)} of {self.sent}:\n" + "\n".join(self.complaints[:20])

    def _wrong(self, response: Any, url: str) -> Iterator[str]:
        status = response.status_code
        if any("\n" in value or "\r" in value for _, value in response.items()):
            yield "a header of several lines"
        if "X-Injected" in response:
            yield "a header of the caller's"
        if not is_route(url):
            if status != 404:
                yield f"{status} for an address that is none"
            return
        if status == 500:
            yield "500: " + "".join(traceback.format_exception_only(*response.exc_info[:2]))
        elif status not in self.operation.statuses:
            yield f"{status} is not documented: {response.content[:200]!r}"
        elif status >= 400 and response["Content-Type"].partition(";")[0] not in self._own_types(status):
            yield from wrong_with_problem(response)

    def _own_types(self, status: int) -> set[str]:
        """The types besides problems that an error of the operation is documented to have: a page for people."""
        return set(self.operation.described["responses"][str(status)].get("content", ())) - {PROBLEM_TYPE}


def wrong_with_problem(response: Any) -> Iterator[str]:
    """What of the contract's form an error lacks."""
    if response["Content-Type"] != PROBLEM_TYPE:
        yield f"an error of the type {response['Content-Type']}"
        return
    body = response.json()
    if not set(body) >= PROBLEM or body["status"] != response.status_code or not body["detail"]:
        yield f"not a problem: {body}"
    if body.get("code") == "validation_error" and not body.get("errors"):
        yield f"no list of errors: {body}"
    for error in body.get("errors", ()):
        if not set(error) >= {"field", "code", "detail"} or not error["detail"]:
            yield f"not an entry of errors: {error}"
    if response.status_code == 401 and response.get("WWW-Authenticate") != "Bearer":
        yield "401 without WWW-Authenticate"
    if response.status_code in (429, 503) and "Retry-After" not in response:
        yield f"{response.status_code} without Retry-After"


def is_route(url: str) -> bool:
    """Whether the path of ``url`` leads to a view of ours."""
    try:
        path = unquote_to_bytes(url.partition("?")[0]).decode("utf-8", "replace")
        return hasattr(resolve(path).func, "cls")
    except Resolver404:
        return False


def rows() -> dict[str, list[Any]]:
    """All rows of ours but the records of refusals."""
    found: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for statement in _readers():
            cursor.execute(statement)
            found[statement] = cursor.fetchall()
    return found


@cache
def _readers() -> list[str]:
    metas = [model._meta for model in apps.get_models() if model._meta.app_label.startswith("shopcore_")]
    return [
        f'SELECT * FROM "{meta.db_table}" ORDER BY "{meta.pk.column}"'
        for meta in metas
        if meta.app_label not in RECORDS_OF_REFUSALS
    ]


@contextmanager
def undone() -> Iterator[None]:
    """Takes back whatever was written meanwhile."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def writes() -> Iterator[list[str]]:
    """The writing statements that were sent meanwhile."""
    written: list[str] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITE.search(str(sql)):
            written.append(str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        yield written
