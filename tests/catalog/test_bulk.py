"""``POST products/bulk/``: many products in one request, all or nothing."""

from __future__ import annotations

import uuid
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model, signals
from django_shopcore.catalog.serializers import ProductSerializer

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped", "host_user"), pytest.mark.django_db]

URL = "/api/v1/products/bulk/"
UNKNOWN = {"integer": 987654321, "uuid": "6f1c2d8e-0000-4000-8000-000000000000"}


def person(admin: bool = True) -> Any:
    user = get_user_model()(is_staff=admin, email=f"{uuid.uuid4()}@example.com")
    if user.USERNAME_FIELD == "username":
        user.username = user.email
    user.set_unusable_password()
    user.save()
    return user


def signed_in(admin: bool = True) -> APIClient:
    client = APIClient()
    client.force_authenticate(person(admin))
    return client


@pytest.fixture
def client() -> APIClient:
    return signed_in()


@pytest.fixture
def category() -> Any:
    return get_category_model().objects.create(name="Laptops")


def product(category: Any, **values: Any) -> Any:
    return get_product_model().objects.create(**{"name": "Aero", "price": "10.00", "category": category, **values})


def new(category: Any, **values: Any) -> dict[str, Any]:
    return {"name": "Aero", "price": "10.00", "category": category.pk, **values}


def key(row: Any) -> Any:
    return str(row.pk) if isinstance(row.pk, uuid.UUID) else row.pk


def unknown_key() -> Any:
    return UNKNOWN["uuid" if get_product_model()._meta.pk.get_internal_type() == "UUIDField" else "integer"]


def snapshot() -> list[Any]:
    return list(get_product_model().objects.order_by("pk").values())


def errors_of(response: Any) -> list[tuple[str, str]]:
    assert response.headers["Content-Type"] == "application/problem+json"
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


class ByColumn(ProductSerializer):
    """A site's own, that writes the column of the category."""

    category_id = serializers.IntegerField(required=False)


@pytest.mark.projects("full")
@override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{__name__}.ByColumn")
def test_an_update_writes_a_key_that_a_serializer_names_by_its_column(client: APIClient, category: Any) -> None:
    moved, stays = product(category), product(category)
    other = get_category_model().objects.create(name="Desktops")
    updates = [{"id": moved.pk, "category_id": other.pk}, {"id": stays.pk, "category_id": category.pk}]
    response = client.post(URL, {"update": updates}, format="json")
    assert response.status_code == 200, response.content
    assert [row["category_id"] for row in response.json()["updated"]] == [other.pk, category.pk]
    assert [row["category_id"] for row in snapshot()] == [other.pk, category.pk]


def test_create_update_and_delete_happen_together(client: APIClient, category: Any) -> None:
    changed, doomed = product(category, name="Old"), product(category, name="Doomed")
    response = client.post(
        URL,
        {
            "create": [new(category, name="Fresh", sku="F-1")],
            "update": [{"id": key(changed), "price": "12.50"}],
            "delete": [key(doomed)],
        },
        format="json",
    )
    assert response.status_code == 200, response.content
    body = response.json()
    assert [row["name"] for row in body["created"]] == ["Fresh"]
    assert [(row["name"], row["price"]) for row in body["updated"]] == [("Old", "12.50")]
    assert body["deleted"] == [key(doomed)]
    rows = get_product_model().objects.order_by("name").values_list("name", "price", "slug")
    assert [(name, str(price), slug) for name, price, slug in rows] == [
        ("Fresh", "10.00", "fresh"),
        ("Old", "12.50", "old"),
    ]


def test_an_error_anywhere_changes_nothing_and_names_its_place(client: APIClient, category: Any) -> None:
    rows = [product(category, name=f"P{number}") for number in range(4)]
    before = snapshot()
    response = client.post(
        URL,
        {
            "create": [new(category), {"name": "", "price": "-1", "category": 10**30}],
            "update": [{"id": key(row), "name": "Changed"} for row in rows[:3]] + [{"id": key(rows[3]), "price": "x"}],
            "delete": [unknown_key()],
        },
        format="json",
    )
    assert response.status_code == 400
    assert errors_of(response) == [
        ("delete.0", "does_not_exist"),
        ("update.3.price", "invalid"),
        ("create.1.name", "blank"),
        ("create.1.price", "min_value"),
        ("create.1.category", "does_not_exist"),
    ]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ([], "", "invalid"),
        ("text", "", "invalid"),
        ({"create": {}}, "create", "not_a_list"),
        ({"update": None}, "update", "not_a_list"),
        ({"delete": "1"}, "delete", "not_a_list"),
        ({"create": ["text"]}, "create.0", "invalid"),
        ({"update": [7]}, "update.0", "invalid"),
        ({"update": [{"name": "x"}]}, "update.0.id", "required"),
        ({"delete": [None]}, "delete.0", "does_not_exist"),
        ({"delete": [True]}, "delete.0", "does_not_exist"),
        ({"delete": [[]]}, "delete.0", "does_not_exist"),
        ({"delete": ["١"]}, "delete.0", "does_not_exist"),
        ({"delete": [10**30]}, "delete.0", "does_not_exist"),
        ({"update": [{"id": {}}]}, "update.0.id", "does_not_exist"),
    ],
)
def test_a_malformed_request_is_400_at_its_place(client: APIClient, body: Any, field: str, code: str) -> None:
    response = client.post(URL, body, format="json")
    assert response.status_code == 400
    assert errors_of(response) == [(field, code)]


def test_an_empty_request_changes_nothing(client: APIClient) -> None:
    response = client.post(URL, {}, format="json")
    assert (response.status_code, response.json()) == (200, {"created": [], "updated": [], "deleted": []})


def test_a_product_named_twice_is_an_error(client: APIClient, category: Any) -> None:
    row = product(category)
    response = client.post(
        URL, {"update": [{"id": key(row)}, {"id": key(row), "name": "B"}], "delete": [key(row)]}, format="json"
    )
    assert errors_of(response) == [("update.0.id", "duplicate"), ("update.1.id", "duplicate")]
    assert get_product_model().objects.filter(pk=row.pk).exists()


@override_settings(SHOPCORE_CATALOG_MAX_BULK_ITEMS=3)
def test_more_items_than_the_limit_are_refused(client: APIClient, category: Any) -> None:
    assert client.post(URL, {"create": [new(category)] * 3}, format="json").status_code == 200
    response = client.post(URL, {"create": [new(category)] * 2, "delete": [1, 2]}, format="json")
    assert errors_of(response) == [("", "too_many_items")]


@pytest.mark.parametrize("name", ["slug", "sku"])
def test_a_value_that_another_product_holds_is_an_error(client: APIClient, category: Any, name: str) -> None:
    product(category, **{name: "taken"})
    row = product(category, name="Other")
    response = client.post(
        URL,
        {
            "create": [
                new(category, **{name: "taken"}),
                new(category, **{name: "twice"}),
                new(category, **{name: "twice"}),
            ],
            "update": [{"id": key(row), name: "taken"}],
        },
        format="json",
    )
    assert errors_of(response) == [
        (f"update.0.{name}", "unique"),
        (f"create.0.{name}", "unique"),
        (f"create.2.{name}", "unique"),
    ]


@pytest.mark.parametrize("name", ["slug", "sku"])
def test_a_value_freed_by_an_earlier_step_can_be_taken(client: APIClient, category: Any, name: str) -> None:
    a = product(category, **{name: "a"})
    b = product(category, **{name: "b"})
    c = product(category, **{name: "c"})
    response = client.post(
        URL,
        {
            "delete": [key(c)],
            "update": [{"id": key(a), name: "c"}, {"id": key(b), name: "a"}],
            "create": [new(category, **{name: "b"})],
        },
        format="json",
    )
    assert response.status_code == 200, response.content
    a.refresh_from_db()
    b.refresh_from_db()
    assert (getattr(a, name), getattr(b, name)) == ("c", "a")
    assert get_product_model().objects.filter(**{name: "b"}).count() == 1


@pytest.mark.parametrize("name", ["slug", "sku"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_value_that_another_item_keeps_cannot_be_taken(
    client: APIClient, category: Any, name: str, first: int
) -> None:
    keeper, taker = product(category, **{name: "kept"}), product(category, **{name: "mine"})
    items = [{"id": key(keeper), name: "kept"}, {"id": key(taker), name: "kept"}]
    if first:
        items.reverse()
    response = client.post(URL, {"update": items}, format="json")
    assert errors_of(response) == [(f"update.{1 - first}.{name}", "unique")]
    taker.refresh_from_db()
    assert getattr(taker, name) == "mine"
    kept = client.post(URL, {"update": [{"id": key(keeper), name: "kept", "name": "New"}]}, format="json")
    assert kept.status_code == 200, kept.content


def test_many_products_of_one_name_get_different_slugs(client: APIClient, category: Any) -> None:
    product(category, slug="aero-3")
    response = client.post(URL, {"create": [new(category)] * 4 + [new(category, slug="aero-2")]}, format="json")
    assert response.status_code == 200, response.content
    assert [row["slug"] for row in response.json()["created"]] == ["aero", "aero-4", "aero-5", "aero-6", "aero-2"]


def test_an_emptied_slug_is_made_from_the_name(client: APIClient, category: Any) -> None:
    row = product(category, slug="something")
    response = client.post(URL, {"update": [{"id": key(row), "slug": "", "name": "New name"}]}, format="json")
    assert response.json()["updated"][0]["slug"] == "new-name"


def test_an_update_keeps_the_fields_it_does_not_name(client: APIClient, category: Any) -> None:
    row = product(category, description="Kept.", metadata={"a": 1}, compare_at_price="20.00")
    before = row.updated_at
    client.post(URL, {"update": [{"id": key(row), "price": "11.00"}]}, format="json")
    row.refresh_from_db()
    assert (row.description, row.metadata, str(row.compare_at_price)) == ("Kept.", {"a": 1}, "20.00")
    assert row.updated_at > before
    response = client.post(URL, {"update": [{"id": key(row), "price": "20.00"}]}, format="json")
    assert errors_of(response) == [("update.0.price", "not_above_price")]


def test_an_update_writes_the_columns_whose_values_are_others(client: APIClient, category: Any) -> None:
    """A client sends back all that it was shown; what is as it was costs no new entry in an index."""
    row = product(category, description="Kept.", metadata={"a": 1}, slug="aero")
    shown = client.get(f"/api/v1/products/{row.pk}/").json()
    body = {name: shown[name] for name in ("id", "name", "slug", "description", "metadata")} | {"price": "11.00"}
    with CaptureQueriesContext(connection) as captured:
        response = client.post(URL, {"update": [body | {"category": key(category)}]}, format="json")
    assert response.status_code == 200
    table = get_product_model()._meta.db_table
    [update] = [query["sql"] for query in captured.captured_queries if f'UPDATE "{table}" SET' in query["sql"]]
    written = update.split(" SET ")[1].split(" FROM ")[0].split(" WHERE ")[0]
    assert ('"price"' in written, '"updated_at"' in written) == (True, True)
    assert [name for name in ("name", "slug", "description", "metadata", "category_id") if f'"{name}"' in written] == []
    response = client.post(URL, {"update": [body | {"metadata": {"a": True}}]}, format="json")
    assert response.json()["updated"][0]["metadata"] == {"a": True}
    row.refresh_from_db()
    assert (str(row.price), row.metadata["a"] is True) == ("11.00", True)


def test_statements_do_not_grow_with_the_items(client: APIClient, category: Any) -> None:
    def statements(number: int) -> int:
        rows = get_product_model().objects.bulk_create(
            get_product_model()(name="R", slug=uuid.uuid4().hex, price=1, category=category) for _ in range(2 * number)
        )
        body = {
            "create": [new(category, name=f"N{uuid.uuid4().hex}") for _ in range(number)],
            "update": [{"id": key(row), "price": "3.00", "sku": uuid.uuid4().hex} for row in rows[:number]],
            "delete": [key(row) for row in rows[number:]],
        }
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.post(URL, body, format="json").status_code == 200
        return len(captured)

    assert statements(2) == statements(20)


def test_each_kind_of_change_is_announced_once_inside_the_transaction(client: APIClient, category: Any) -> None:
    rows = [product(category, name=f"P{number}") for number in range(3)]
    heard: list[Any] = []

    def hear(name: str) -> Any:
        def receiver(products: list[Any], actor: Any, **kwargs: Any) -> None:
            heard.append((name, len(products), actor is not None, connection.in_atomic_block))

        return receiver

    receivers = {name: hear(name) for name in ("products_created", "products_updated", "products_deleted")}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    try:
        body = {
            "create": [new(category, name="A"), new(category, name="B")],
            "update": [{"id": key(rows[0])}],
            "delete": [key(rows[1]), key(rows[2])],
        }
        client.post(URL, body, format="json")
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)
    assert heard == [
        ("products_deleted", 2, True, True),
        ("products_updated", 1, True, True),
        ("products_created", 2, True, True),
    ]


def test_a_receiver_that_fails_undoes_everything(client: APIClient, category: Any) -> None:
    row = product(category)
    before = snapshot()

    def refuse(**kwargs: Any) -> None:
        raise RuntimeError("no")

    signals.products_created.connect(refuse)
    client.raise_request_exception = False
    try:
        response = client.post(URL, {"create": [new(category)], "delete": [key(row)]}, format="json")
    finally:
        signals.products_created.disconnect(refuse)
    assert response.status_code == 500
    assert snapshot() == before


def test_only_admins_may(category: Any) -> None:
    assert signed_in(admin=False).post(URL, {}, format="json").status_code == 403
    assert APIClient().post(URL, {}, format="json").status_code == 401
    assert APIClient().get(URL).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_parallel_batches_of_the_same_slug_let_one_through(category: Any) -> None:
    barrier = Barrier(4)
    admin = person()
    answers: list[Any] = []

    def run() -> None:
        client = APIClient()
        client.force_authenticate(admin)
        barrier.wait()
        try:
            body = {"create": [new(category, slug="wanted"), new(category, name=uuid.uuid4().hex)]}
            answers.append(client.post(URL, body, format="json").status_code)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == 1
    assert set(answers) <= {200, 400, 409}
    assert get_product_model().objects.count() == 2
