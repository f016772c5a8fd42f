"""Two requests at once: what the database decides, with real threads.

Each guard has a negative control: the same race with the guard taken out goes wrong. The controls run on
PostgreSQL, whose transactions really overlap; SQLite has one writer at a time anyhow.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import nullcontext
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model, services, views
from tests.parallel import only_postgresql

pytestmark = [
    pytest.mark.projects("full", "catalog_only", "swapped"),
    pytest.mark.django_db(transaction=True),
]

THREADS = 8


@pytest.fixture
def admin() -> Any:
    user = get_user_model()(is_staff=True, email=f"{uuid.uuid4()}@example.com")
    if user.USERNAME_FIELD == "username":
        user.username = user.email
    user.save()
    return user


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Runs ``calls`` in threads that start together; returns what each returned, in order."""
    barrier = Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[index] = call()
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def request(admin: Any, method: str, path: str, body: Any = None, **headers: str) -> Callable[[], int]:
    client = APIClient()
    client.force_authenticate(admin)
    return lambda: int(getattr(client, method)(f"/api/v1/{path}", body, format="json", **headers).status_code)


@pytest.fixture
def product() -> Any:
    category = get_category_model().objects.create(name="Laptops")
    return get_product_model().objects.create(name="Aero", price="10.00", category=category)


def patch_with_one_tag(admin: Any, product: Any) -> list[int]:
    client = APIClient()
    tag = client.get(f"/api/v1/products/{product.pk}/").headers["ETag"]
    path = f"products/{product.pk}/"
    return at_once(
        *(request(admin, "patch", path, {"price": f"{20 + number}.00"}, HTTP_IF_MATCH=tag) for number in range(THREADS))
    )


def test_of_parallel_changes_with_the_same_tag_one_succeeds(admin: Any, product: Any) -> None:
    answers = patch_with_one_tag(admin, product)
    assert sorted(answers) == [200] + [412] * (THREADS - 1)


@only_postgresql
def test_without_the_lock_several_changes_with_one_tag_succeed(
    admin: Any, product: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "lock_rows", list)
    together = Barrier(THREADS)
    original = views.CatalogViewSet.locked_object

    def read_together(self: Any) -> Any:
        row = original(self)
        together.wait(timeout=10)
        return row

    monkeypatch.setattr(views.CatalogViewSet, "locked_object", read_together)
    assert patch_with_one_tag(admin, product).count(200) > 1


def test_parallel_products_of_one_name_all_get_a_slug(admin: Any, product: Any) -> None:
    body = {"name": "Wanted", "price": "1.00", "category": product.category_id}
    assert at_once(*[request(admin, "post", "products/", body)] * 4) == [201] * 4
    slugs = get_product_model().objects.filter(name="Wanted").values_list("slug", flat=True)
    assert set(slugs) == {"wanted", "wanted-2", "wanted-3", "wanted-4"}


@pytest.mark.parametrize("field", ["slug", "sku"])
def test_of_parallel_products_with_one_slug_or_sku_one_is_made(admin: Any, product: Any, field: str) -> None:
    body = {"name": "Wanted", "price": "1.00", "category": product.category_id, field: "wanted"}
    answers = at_once(*[request(admin, "post", "products/", body)] * THREADS)
    assert sorted(answers) == [201] + [400] * (THREADS - 1)
    assert get_product_model().objects.filter(**{field: "wanted"}).count() == 1


def test_a_product_and_the_end_of_its_category_do_not_both_happen(admin: Any) -> None:
    for number in range(5):
        category = get_category_model().objects.create(name=f"C{number}")
        body = {"name": "P", "price": "1.00", "category": category.pk}
        made, gone = at_once(
            request(admin, "post", "products/", body), request(admin, "delete", f"categories/{category.pk}/")
        )
        assert (made, gone) in {(201, 409), (400, 204)}
        assert get_product_model().objects.filter(category_id=category.pk).exists() == (made == 201)


def move_into_each_other(admin: Any, name: str) -> tuple[list[int], bool]:
    """Moves two roots beneath each other at once; returns the answers and whether a cycle came of it."""
    model = get_category_model()
    a, b = model.objects.create(name=f"A{name}"), model.objects.create(name=f"B{name}")
    answers = at_once(
        request(admin, "patch", f"categories/{a.pk}/", {"parent": b.pk}),
        request(admin, "patch", f"categories/{b.pk}/", {"parent": a.pk}),
    )
    a.refresh_from_db()
    b.refresh_from_db()
    return sorted(answers), a.parent_id == b.pk and b.parent_id == a.pk


def test_two_categories_moved_beneath_each_other_make_no_cycle(admin: Any) -> None:
    for number in range(5):
        assert move_into_each_other(admin, str(number)) == ([200, 400], False)


@only_postgresql
def test_without_the_tree_lock_two_moves_deadlock(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "lock_tree", lambda: nullcontext())
    together = Barrier(2)
    original = services.CatalogService.update_category

    def write_together(*args: Any, **kwargs: Any) -> Any:
        together.wait(timeout=10)
        return original(*args, **kwargs)

    monkeypatch.setattr(services.CatalogService, "update_category", write_together)
    assert move_into_each_other(admin, "x") != ([200, 400], False)
