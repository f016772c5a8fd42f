"""The catalogue's kept answers under reads and writes in any order: no read returns what a finished write replaced.

Each read is that of one of several processes, which keep answers and trees of their own; what it should say is known
from the writes alone. ``tests/core/test_cache_staleness.py`` has real processes, a shared cache and its failures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model, trees
from django_shopcore.core import response_cache
from django_shopcore.core.binding import Binding
from tests.catalog.csv_requests import import_rows
from tests.factories.catalog import ProductFactory
from tests.fixtures import client_of
from tests.machines import finds_a_fault, run
from tests.users import make_user

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db(transaction=True)]

API = "/api/v1/"
STEPS = 20
PROCESSES = 3
CHOICE = st.integers(0, 1000)
PROCESS = st.integers(0, PROCESSES - 1)


class Process:
    """What one process keeps."""

    def __init__(self, name: str) -> None:
        self.answers = LocMemCache(name, {"MAX_ENTRIES": 500})
        self.answers.clear()
        self.trees: dict[Any, Any] = {}

    @contextmanager
    def at_work(self) -> Iterator[None]:
        before = response_cache._here, trees._trees
        response_cache._here, trees._trees = self.answers, self.trees
        try:
            yield
        finally:
            response_cache._here, trees._trees = before


class Catalogue(RuleBasedStateMachine):
    """``products`` and ``categories`` say what the database must hold: ``[name, category, published]``, ``[name, parent]``."""

    def __init__(self) -> None:
        super().__init__()
        get_product_model()._default_manager.all().delete()
        categories = get_category_model()._default_manager
        categories.update(parent=None)
        categories.all().delete()
        self.processes = [Process(f"process {number}") for number in range(PROCESSES)]
        self.admin, self.anonymous = client_of(make_user(admin=True)), APIClient()
        self.products: dict[int, list[Any]] = {}
        self.categories: dict[int, list[Any]] = {}
        self.number = 0

    def _name(self) -> str:
        self.number += 1
        return f"n{self.number}"

    def _product(self, choice: int) -> int:
        return sorted(self.products)[choice % len(self.products)]

    def _category(self, choice: int) -> int:
        return sorted(self.categories)[choice % len(self.categories)]

    def _below(self, category: int) -> set[int]:
        found = {category}
        while more := {key for key, (_, parent) in self.categories.items() if parent in found} - found:
            found |= more
        return found

    def _send(self, process: int, method: str, path: str, body: Any, status: int) -> Any:
        with self.processes[process].at_work():
            response = getattr(self.admin, method)(API + path, body)
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    # --- Writes ---------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for parent in (None, 0, None):
            self.add_category(0, parent, 1)
        for choice in range(3):
            self.add_product(0, choice)

    @rule(process=PROCESS, above=st.none() | CHOICE, choice=CHOICE)
    def add_category(self, process: int, above: int | None, choice: int) -> None:
        name, parent = self._name(), None if above is None or not self.categories else self._category(above)
        row = self._send(process, "post", "categories/", {"name": name, "parent": parent}, 201)
        self.categories[row["id"]] = [name, parent]

    @rule(process=PROCESS, choice=CHOICE, above=st.none() | CHOICE)
    def move_category(self, process: int, choice: int, above: int | None) -> None:
        key, parent = self._category(choice), None if above is None else self._category(above)
        cycle = parent in self._below(key)
        # All know the tree as it was; a chance meeting of the same process and category would be rare.
        self._read_in_all(parent or key)
        self._send(process, "patch", f"categories/{key}/", {"parent": parent}, 400 if cycle else 200)
        if not cycle:
            self.categories[key][1] = parent
        self._read_in_all(parent or key)

    @rule(process=PROCESS, choice=CHOICE)
    def rename_category(self, process: int, choice: int) -> None:
        key, name = self._category(choice), self._name()
        self._send(process, "patch", f"categories/{key}/", {"name": name}, 200)
        self.categories[key][0] = name

    @rule(process=PROCESS, choice=CHOICE)
    def delete_category(self, process: int, choice: int) -> None:
        key = self._category(choice)
        used = any(product[1] == key for product in self.products.values()) or self._below(key) != {key}
        if len(self.categories) > 1:
            self._send(process, "delete", f"categories/{key}/", None, 409 if used else 204)
            if not used:
                del self.categories[key]

    @rule(process=PROCESS, choice=CHOICE)
    def add_product(self, process: int, choice: int) -> None:
        name, category = self._name(), self._category(choice)
        body = {"name": name, "category": category, "price": "5.00"}
        self.products[self._send(process, "post", "products/", body, 201)["id"]] = [name, category, True]

    @precondition(lambda self: self.products)
    @rule(process=PROCESS, choice=CHOICE, category=CHOICE, published=st.booleans())
    def change_product(self, process: int, choice: int, category: int, published: bool) -> None:
        key, values = self._product(choice), [self._name(), self._category(category), published]
        body = dict(zip(("name", "category", "is_published"), values, strict=True))
        self._send(process, "patch", f"products/{key}/", body, 200)
        self.products[key] = values

    @precondition(lambda self: self.products)
    @rule(process=PROCESS, choice=CHOICE)
    def delete_product(self, process: int, choice: int) -> None:
        key = self._product(choice)
        self._send(process, "delete", f"products/{key}/", None, 204)
        del self.products[key]

    @precondition(lambda self: len(self.products) > 1)
    @rule(process=PROCESS, choice=CHOICE, category=CHOICE)
    def write_in_bulk(self, process: int, choice: int, category: int) -> None:
        gone, changed = self._product(choice), self._product(choice + 1)
        new, other, key = self._name(), self._name(), self._category(category)
        body = {
            "delete": [gone],
            "update": [{"id": changed, "name": other}],
            "create": [{"name": new, "price": "5.00", "category": key}],
        }
        answer = self._send(process, "post", "products/bulk/", body, 200)
        del self.products[gone]
        self.products[changed][0] = other
        self.products[answer["created"][0]["id"]] = [new, key, True]

    @precondition(lambda self: self.products)
    @rule(choice=CHOICE, way=st.sampled_from(["update", "save", "bulk_update", "SQL"]))
    def write_behind_the_api(self, choice: int, way: str) -> None:
        key, name = self._product(choice), self._name()
        model = get_product_model()
        row = model._default_manager.get(pk=key)
        row.name = name
        if way == "update":
            model._default_manager.filter(pk=key).update(name=name)
        elif way == "save":
            row.save()
        elif way == "bulk_update":
            model._default_manager.bulk_update([row], ["name"])
        else:
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE {model._meta.db_table} SET name = %s WHERE id = %s", [name, key])
        self.products[key][0] = name

    @rule(choice=CHOICE)
    def make_behind_the_api(self, choice: int) -> None:
        name, category = self._name(), self._category(choice)
        row = ProductFactory.build(name=name, slug=name, category=get_category_model()(pk=category))
        get_product_model()._default_manager.bulk_create([row])
        self.products[row.pk or get_product_model()._default_manager.get(slug=name).pk] = [name, category, True]

    @precondition(lambda self: self.products)
    @rule(process=PROCESS, choice=CHOICE)
    def import_a_file(self, process: int, choice: int) -> None:
        key, name = self._product(choice), self._name()
        slug = get_product_model()._default_manager.get(pk=key).slug
        with self.processes[process].at_work():
            assert import_rows(self.admin, "slug,name", (slug, name)).status_code == 200
        self.products[key][0] = name

    # --- Reads ----------------------------------------------------------------------------------------

    def _read(self, process: int, path: str, status: int = 200) -> Any:
        """Twice: the second time it may be what was kept the first time."""
        with self.processes[process].at_work():
            answers = [self.anonymous.get(API + path) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status] * 2
        assert answers[0].content == answers[1].content
        return answers[1].json()

    def _shown(self, category: int | None = None) -> list[tuple[int, str, str]]:
        within = self.categories if category is None else self._below(category)
        return sorted(
            (key, name, self.categories[of][0])
            for key, (name, of, published) in self.products.items()
            if published and of in within
        )

    def _read_in_all(self, category: int) -> None:
        for process in range(PROCESSES):
            self._read_products(process, category, cursor=False)

    @rule(process=PROCESS, category=st.none() | CHOICE, cursor=st.booleans())
    def read_products(self, process: int, category: int | None, cursor: bool) -> None:
        self._read_products(process, None if category is None else self._category(category), cursor)

    def _read_products(self, process: int, key: int | None, cursor: bool) -> None:
        query = "size=100" + ("&cursor=" if cursor else "") + ("" if key is None else f"&category={key}")
        rows = self._read(process, f"products/?{query}")["results"]
        assert sorted((row["id"], row["name"], row["category_name"]) for row in rows) == self._shown(key)

    @precondition(lambda self: self.products)
    @rule(process=PROCESS, choice=CHOICE)
    def read_a_product(self, process: int, choice: int) -> None:
        key = self._product(choice)
        name, category, published = self.products[key]
        row = self._read(process, f"products/{key}/", 200 if published else 404)
        if published:
            assert (row["name"], row["category_name"]) == (name, self.categories[category][0])

    @rule(process=PROCESS, category=st.none() | CHOICE)
    def read_facets(self, process: int, category: int | None) -> None:
        key = None if category is None else self._category(category)
        found = self._read(process, "products/facets/" + ("" if key is None else f"?category={key}"))
        assert found["count"] == len(self._shown(key))
        counts = {each: len(self._shown(each)) for each in self.categories}
        if key is None:
            shown = {row["id"]: (row["name"], row["count"]) for row in found["categories"]}
            assert shown == {each: (self.categories[each][0], number) for each, number in counts.items() if number}

    @rule(process=PROCESS)
    def read_categories(self, process: int) -> None:
        rows = self._read(process, "categories/?size=100")["results"]
        assert {row["id"]: [row["name"], row["parent"]] for row in rows} == self.categories

    @rule(process=PROCESS)
    def read_the_tree(self, process: int) -> None:
        found: dict[int, list[Any]] = {}
        waiting = [(node, None) for node in self._read(process, "categories/tree/")]
        while waiting:
            node, parent = waiting.pop()
            found[node["id"]] = [node["name"], parent]
            waiting += [(child, node["id"]) for child in node["children"]]
        assert found == self.categories


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


def test_reads_and_writes_in_any_order() -> None:
    run(Catalogue, steps=STEPS)


def whatever_its_tokens(kept: Any, tokens: Any) -> Any:
    return response_cache.Answer(*kept[:3]) if kept else None


def test_the_control_answers_that_are_not_compared_are_found_to_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_cache, "_valid", whatever_its_tokens)
    assert finds_a_fault(Catalogue, steps=STEPS)


def test_the_control_a_tree_that_is_not_compared_is_found_to_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = property(lambda self: {}, lambda self, value: None)
    monkeypatch.setattr(Binding, "expected", nothing, raising=False)
    assert finds_a_fault(Catalogue, steps=STEPS)
