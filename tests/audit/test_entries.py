"""What is written to the log over the API: by whom, from where, what was before and after."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore import audit
from django_shopcore.audit.models import AuditEntry
from django_shopcore.catalog import get_product_model
from tests.accounts.clients import signed_in
from tests.audit.log import actions, entries
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

PRODUCTS, CATEGORIES = "/api/v1/products/", "/api/v1/categories/"
WHERE = {"REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": "Firefox", "HTTP_X_REQUEST_ID": "a-request"}


@pytest.fixture
def admin() -> Any:
    return make_user(admin=True)


@pytest.fixture
def client(admin: Any) -> APIClient:
    return signed_in(admin)


def test_a_changed_product_is_told_with_who_where_and_what_changed(admin: Any, client: APIClient) -> None:
    product = ProductFactory.create(name="Walnut  desk", price="19.90", in_stock=True)

    response = client.patch(f"{PRODUCTS}{product.pk}/", {"price": "17.90", "in_stock": True}, **WHERE)

    assert response.status_code == 200
    [entry] = entries(client, action="product.updated")
    assert entry.pop("id")
    assert entry.pop("created_at").endswith("Z")
    assert entry == {
        "action": "product.updated",
        "actor_id": str(admin.pk),
        "actor": admin.email,
        "object_type": "shopcore_catalog.product",
        "object_id": str(product.pk),
        "object": "Walnut desk",
        "ip_address": "192.0.2.7",
        "user_agent": "Firefox",
        "request_id": "a-request",
        "changes": {"price": ["19.90", "17.90"]},
        "data": {},
    }


def test_a_product_that_is_made_and_deleted_is_told_with_all_it_had(client: APIClient) -> None:
    category = CategoryFactory.create()
    made = client.post(PRODUCTS, {"name": "Lamp", "price": "5.00", "category": category.pk}).json()
    client.delete(f"{PRODUCTS}{made['id']}/")

    deleted, created = entries(client, object=f"shopcore_catalog.product:{made['id']}")

    assert (created["action"], deleted["action"]) == ("product.created", "product.deleted")
    assert created["changes"]["price"] == [None, "5.00"]
    assert created["changes"]["category"] == [None, category.pk]
    assert deleted["changes"]["name"] == ["Lamp", None]
    assert {"id", "created_at", "updated_at", "description"}.isdisjoint(created["changes"])


def test_categories_are_told_too(client: APIClient) -> None:
    made = client.post(CATEGORIES, {"name": "Lamps"}).json()["id"]
    client.patch(f"{CATEGORIES}{made}/", {"name": "Lights"})
    client.delete(f"{CATEGORIES}{made}/")

    assert actions(client, object="shopcore_catalog.category") == [
        "category.created", "category.updated", "category.deleted",
    ]  # fmt: skip
    assert entries(client, action="category.updated")[0]["changes"] == {"name": ["Lamps", "Lights"]}


def test_a_write_that_changes_nothing_is_not_told(client: APIClient) -> None:
    product = ProductFactory.create(price="3.00")
    assert client.patch(f"{PRODUCTS}{product.pk}/", {"price": "3.00"}).status_code == 200
    assert actions(client) == []


def test_a_write_that_is_refused_is_not_told(client: APIClient) -> None:
    product = ProductFactory.create()
    ProductFactory.create(slug="taken")
    assert client.patch(f"{PRODUCTS}{product.pk}/", {"slug": "taken"}).status_code == 400
    assert client.patch(f"{PRODUCTS}{product.pk}/", {"price": "1.00"}, HTTP_IF_MATCH='"other"').status_code == 412
    assert actions(client) == []


def test_what_is_rolled_back_is_not_told(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> None:
        raise RuntimeError

    product = ProductFactory.create(price="3.00")
    monkeypatch.setattr("django_shopcore.catalog.views.ProductViewSet._written", fails)
    with pytest.raises(RuntimeError):
        client.patch(f"{PRODUCTS}{product.pk}/", {"price": "4.00"})
    assert AuditEntry.objects.filter(action="product.updated").count() == 0
    product.refresh_from_db()
    assert str(product.price) == "3.00"


def test_a_bulk_request_has_an_entry_for_each_product_in_one_statement(client: APIClient) -> None:
    category = CategoryFactory.create()
    rows = [ProductFactory.create(price="3.00") for _ in range(30)]
    body = {
        "create": [{"name": f"New {number}", "price": "1.00", "category": category.pk} for number in range(40)],
        "update": [{"id": row.pk, "price": "4.00"} for row in rows[:20]],
        "delete": [row.pk for row in rows[20:]],
    }
    with CaptureQueriesContext(connection) as captured:
        assert client.post(f"{PRODUCTS}bulk/", body).status_code == 200

    table = AuditEntry._meta.db_table
    assert len([q for q in captured.captured_queries if table in q["sql"]]) == 3
    assert len(entries(client, action="product.created")) == 40
    assert [row["changes"] for row in entries(client, action="product.updated")] == [{"price": ["3.00", "4.00"]}] * 20
    assert {row["object_id"] for row in entries(client, action="product.deleted")} == {str(r.pk) for r in rows[20:]}
    assert all(row["object_id"] for row in entries(client, action="product.created"))


def test_an_import_has_an_entry_for_each_product_and_one_for_the_file(client: APIClient) -> None:
    category = CategoryFactory.create(name="A", parent=None)
    ProductFactory.create(slug="desk", price="3.00", name="Desk", category=category)
    ProductFactory.create(slug="same", price="1.00", name="Same", category=category)
    csv = "slug,name,price,category\ndesk,Desk,4.00,A\nlamp,Lamp,5.00,A\nsame,Same,1.00,A\n"

    dry = client.post(f"{PRODUCTS}import/?dry_run=true", csv, content_type="text/csv")
    assert (dry.status_code, actions(client)) == (200, [])
    assert client.post(f"{PRODUCTS}import/", csv, content_type="text/csv").status_code == 200

    assert sorted(actions(client)) == ["product.created", "product.updated", "products.imported"]
    [updated] = entries(client, action="product.updated")
    assert (updated["object"], updated["changes"]) == ("Desk", {"price": ["3.00", "4.00"]})
    [summary] = entries(client, action="products.imported")
    assert summary["data"] == {"created": 1, "updated": 1, "unchanged": 1}
    [created] = entries(client, action="product.created")
    assert created["object_id"] == str(get_product_model().objects.get(slug="lamp").pk)


def test_a_rejected_import_is_not_told(client: APIClient) -> None:
    csv = "slug,name,price\nlamp,Lamp,5.00\nbad,Bad,x\n"
    assert client.post(f"{PRODUCTS}import/", csv, content_type="text/csv").status_code == 400
    assert actions(client) == []


def test_no_secret_gets_into_the_log(client: APIClient) -> None:
    product = ProductFactory.create()
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    private = {
        "api_key": "k-1", "supplier": {"password": "p-2"}, "note": f"see {token}",
        "pem": "-----BEGIN RSA PRIVATE KEY-----\nMII", "stored": "argon2$argon2id$v=19$m", "plain": "kept",
    }  # fmt: skip
    assert client.patch(f"{PRODUCTS}{product.pk}/", {"private_metadata": private}).status_code == 200

    [entry] = entries(client, action="product.updated")
    assert entry["changes"]["private_metadata"][1] == {
        "api_key": "***", "supplier": {"password": "***"}, "note": "***", "pem": "***", "stored": "***",
        "plain": "kept",
    }  # fmt: skip
    for secret in ("k-1", "p-2", token, "MII", "argon2id"):
        assert secret not in json.dumps(entry)


def test_long_values_are_cut(client: APIClient) -> None:
    product = ProductFactory.create(description="")
    client.patch(f"{PRODUCTS}{product.pk}/", {"description": "d" * 20_000})
    [entry] = entries(client, action="product.updated")
    assert entry["changes"]["description"] == ["", "d" * 499 + "…"]


def test_a_site_adds_entries_of_its_own(admin: Any, client: APIClient) -> None:
    product = ProductFactory.create(name="Desk")
    audit.record("order.refunded", obj=product, changes={"token": ("a", "b"), "state": (1, None)}, actor=admin)
    audit.record_many("stock.counted", [audit.Line(type="shop.shelf", key="7", title="Shelf", data={"n": 3})])

    shelf, refund = entries(client)
    assert (refund["actor"], refund["object"], refund["ip_address"]) == (admin.email, "Desk", None)
    assert refund["changes"] == {"token": ["***", "***"], "state": [1, None]}
    assert (shelf["actor_id"], shelf["object_type"], shelf["object_id"], shelf["data"]) == (
        "", "shop.shelf", "7", {"n": 3},
    )  # fmt: skip


@pytest.mark.parametrize("action", ["refunded", "Order.refunded", "order refunded", "", "a." + "b" * 100])
def test_an_action_is_a_code(action: str) -> None:
    with pytest.raises(ValueError, match="no code"):
        audit.record(action)


def test_hostile_text_does_no_harm() -> None:
    audit.record("a.b", data={"nul": "a\x00b", "half": "\ud800", "number": float("nan"), "big": 10**30})
    [entry] = entries(action="a.b")
    assert entry["data"] == {"nul": "ab", "half": "?", "number": "nan", "big": 10**30}


def test_many_entries_are_written_as_one_is() -> None:
    """By COPY on PostgreSQL, whose own format gives some characters a meaning."""
    texts = ["\\N", "a\tb", "line\nline", "quote \" and ' and \\", "ü 😀 茶", "%s {}", *map(str, range(60))]
    lines = [audit.Line(type="shop.shelf", key=text, changes={"n": (None, text)}, data={"t": text}) for text in texts]
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    audit.record_many("stock.counted", lines)
    audit.record_many("stock.counted", lines[:2])
    found = list(AuditEntry.objects.exclude(pk__in=before).filter(action="stock.counted").order_by("pk"))
    assert [entry.object_key for entry in found] == [*texts, *texts[:2]]
    assert [(entry.changes, entry.data) for entry in found] == [
        ({"n": [None, text]}, {"t": text}) for text in [*texts, *texts[:2]]
    ]


def test_many_entries_are_undone_with_what_they_tell_of() -> None:
    before = AuditEntry.objects.count()
    with transaction.atomic():
        audit.record_many("stock.counted", [audit.Line(type="shop.shelf", key=number) for number in range(60)])
        assert AuditEntry.objects.count() == before + 60
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == before
