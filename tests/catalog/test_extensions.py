"""A site's own one-to-one models in the answers about products and categories, and written with them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.serializers import ProductSerializer
from django_shopcore.core.ways import may_vary, reasons
from tests.catalog.extensions import ForSome, WithMethod, not_extended, shown_by
from tests.catalog.plain_way import published, shown_plainly, stock, view_of, way
from tests.catalog.shapes import CATEGORIES, PRODUCTS, key_of, path_of, product_body, when
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of
from tests.projects.extras.models import Display, Spec

pytestmark = [pytest.mark.django_db, pytest.mark.projects("extended", "extended_swapped")]

BULK = f"{PRODUCTS}bulk/"


def spec_of(product: Any, **values: Any) -> Spec:
    return Spec.objects.create(**{"product": product, "weight": 3, **values})


def body_of(spec: Spec) -> dict[str, Any]:
    spec.refresh_from_db()
    volume = None if spec.volume is None else f"{spec.volume:.2f}"
    checked = when(spec.checked_at)
    return {
        "weight": spec.weight,
        "colour": spec.colour,
        "volume": volume,
        "barcode": spec.barcode,
        "checked_at": checked,
    }


def new_product(**values: Any) -> dict[str, Any]:
    return {"name": "A", "price": "1.00", "category": CategoryFactory.create().pk, **values}


def specs() -> list[tuple[str, int, str]]:
    rows = Spec.objects.order_by("product__name").values_list("product__name", "weight", "colour")
    return list(rows)


def test_it_is_a_nested_object_or_null_in_a_list_and_in_detail(anonymous: APIClient) -> None:
    ProductFactory.create_batch(2)
    full, bare = published()
    spec = spec_of(full, volume="1.5", colour="red", barcode="1")
    assert anonymous.get(path_of(full)).json() == product_body(full, spec=body_of(spec))
    assert anonymous.get(path_of(bare)).json() == product_body(bare, spec=None)
    assert anonymous.get(PRODUCTS).json()["results"] == [
        product_body(full, spec=body_of(spec)),
        product_body(bare, spec=None),
    ]


def test_fields_and_their_order_are_those_of_the_serializer_itself(anonymous: APIClient) -> None:
    for product in stock():
        if product.sku:
            spec_of(product, volume="2.25", weight=len(product.name))
    assert way() == "compiled"
    shown = anonymous.get(PRODUCTS).json()["results"]
    assert shown == shown_plainly(published())
    assert [list(row) for row in shown] == [list(row) for row in shown_plainly(published())]
    pages = [anonymous.get(f"{PRODUCTS}?cursor=&size=2").json()]
    while pages[-1]["next"]:
        pages.append(anonymous.get(pages[-1]["next"]).json())
    assert [row for page in pages for row in page["results"]] == shown


def test_sparse_fields_show_it_or_leave_its_table_alone(anonymous: APIClient) -> None:
    product = ProductFactory.create()
    spec = spec_of(product)
    with CaptureQueriesContext(connection) as captured:
        found = anonymous.get(f"{PRODUCTS}?fields=id,name").json()["results"]
    assert found == [{"id": key_of(product), "name": product.name}]
    assert "extras_spec" not in captured.captured_queries[-1]["sql"]
    found = anonymous.get(f"{path_of(product)}?fields=spec,id").json()
    assert found == {"id": key_of(product), "spec": body_of(spec)}
    assert errors_of(anonymous.get(f"{PRODUCTS}?fields=spec.weight")) == [("fields", "unknown_field")]


@pytest.mark.parametrize("serializer", ["tests.projects.extras.serializers.SpecSerializer", WithMethod])
def test_a_list_takes_as_many_statements_as_without_it(anonymous: APIClient, serializer: Any) -> None:
    for product in stock(10):
        spec_of(product)
    with shown_by(serializer):
        anonymous.get(PRODUCTS)
        with CaptureQueriesContext(connection) as with_it:
            anonymous.get(f"{PRODUCTS}?size=10")
        with CaptureQueriesContext(connection) as fewer:
            anonymous.get(f"{PRODUCTS}?size=2")
    assert len(with_it) == len(fewer)
    if serializer is not WithMethod:
        assert len(with_it) == 1


def test_a_serializer_with_a_method_is_run_as_it_is(anonymous: APIClient, admin_client: APIClient) -> None:
    product = ProductFactory.create()
    spec_of(product, weight=2500)
    with shown_by(WithMethod):
        assert way() == "instances"
        assert anonymous.get(path_of(product)).json()["spec"] == {"weight": 2500, "kilograms": "2.5 kg"}
        assert anonymous.get(PRODUCTS).json()["results"][0]["spec"] == {"weight": 2500, "kilograms": "2.5 kg"}
        shown = admin_client.post(BULK, {"update": [{"id": key_of(product), "spec": {"weight": 500}}]}).json()
        assert shown["updated"][0]["spec"] == {"weight": 500, "kilograms": "0.5 kg"}


def test_a_serializer_whose_fields_depend_on_the_request_shows_each_their_own(anonymous: APIClient) -> None:
    product = ProductFactory.create()
    spec_of(product, colour="red")
    with shown_by(ForSome):
        for _turn in range(2):
            assert "colour" not in anonymous.get(PRODUCTS).json()["results"][0]["spec"]
            assert anonymous.get(PRODUCTS, headers={"x-name": "Ada"}).json()["results"][0]["spec"]["colour"] == "red"


def test_the_doctor_names_an_extension_that_keeps_a_list_from_the_fastest_way_or_from_the_cache() -> None:
    with shown_by(WithMethod):
        assert reasons(view_of()) == ["field spec"]
    with shown_by(ForSome):
        assert (reasons(view_of()), may_vary(view_of())) == ([], ["field spec"])
    assert (reasons(view_of()), may_vary(view_of())) == ([], [])


def test_it_is_created_with_the_product(admin_client: APIClient) -> None:
    response = admin_client.post(PRODUCTS, new_product(spec={"weight": 7, "volume": "1.5"}))
    assert response.status_code == 201
    [spec] = Spec.objects.all()
    assert response.json()["spec"] == body_of(spec)
    assert (spec.weight, spec.colour, str(spec.volume)) == (7, "", "1.50")
    assert admin_client.get(response["Location"]).json() == response.json()
    assert admin_client.post(PRODUCTS, new_product(name="B")).json()["spec"] is None


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_object_changes_it_null_deletes_it_and_absence_leaves_it(admin_client: APIClient, method: str) -> None:
    product = ProductFactory.create(name="A")
    spec_of(product, colour="red")
    send = getattr(admin_client, method)
    rest = {"name": "A", "price": "1.00", "category": product.category_id} if method == "put" else {}
    assert send(path_of(product), {**rest, "name": "B"}).json()["spec"]["weight"] == 3
    assert send(path_of(product), {**rest, "name": "B", "spec": {"weight": 9}}).json()["spec"]["weight"] == 9
    assert specs() == [("B", 9, "red")]
    assert send(path_of(product), {**rest, "spec": None}).json()["spec"] is None
    assert send(path_of(product), {**rest, "spec": None}).status_code == 200
    assert specs() == []
    assert send(path_of(product), {**rest, "spec": {"weight": 4}}).json()["spec"]["weight"] == 4


def test_a_patch_of_part_of_it_needs_all_of_it_where_there_is_none(admin_client: APIClient) -> None:
    product = ProductFactory.create(name="A")
    response = admin_client.patch(path_of(product), {"spec": {"colour": "red"}})
    assert errors_of(response) == [("spec.weight", "required")]
    spec_of(product)
    assert admin_client.patch(path_of(product), {"spec": {"colour": "red"}}).status_code == 200
    assert specs() == [("A", 3, "red")]
    response = admin_client.put(path_of(product), new_product(spec={"colour": "red"}))
    assert errors_of(response) == [("spec.weight", "required")]


def test_errors_have_their_place_and_nothing_is_written(admin_client: APIClient) -> None:
    wrong = {"weight": 60_000, "colour": "c" * 41, "volume": "much"}
    response = admin_client.post(PRODUCTS, new_product(price="-1", spec=wrong))
    assert sorted(errors_of(response)) == [
        ("price", "min_value"),
        ("spec.colour", "max_length"),
        ("spec.volume", "invalid"),
        ("spec.weight", "too_heavy"),
    ]
    for value in (3, "text", [], True):
        assert errors_of(admin_client.post(PRODUCTS, new_product(spec=value))) == [("spec", "invalid")]
    assert (get_product_model().objects.count(), Spec.objects.count()) == (0, 0)


def test_a_unique_value_of_it_belongs_to_one_product(admin_client: APIClient) -> None:
    first, second = ProductFactory.create(), ProductFactory.create()
    spec_of(first, barcode="1")
    taken = {"spec": {"weight": 1, "barcode": "1"}}
    assert errors_of(admin_client.patch(path_of(second), taken)) == [("spec.barcode", "unique")]
    assert admin_client.patch(path_of(first), taken).status_code == 200


def test_read_only_and_unknown_members_are_ignored(admin_client: APIClient) -> None:
    spec = {"weight": 1, "checked_at": "2000-01-01T00:00:00Z", "product": 99, "id": 99}
    response = admin_client.post(PRODUCTS, new_product(spec=spec))
    assert response.status_code == 201
    assert not response.json()["spec"]["checked_at"].startswith("2000")


def test_the_objects_tag_changes_with_it(admin_client: APIClient, anonymous: APIClient) -> None:
    product = ProductFactory.create()
    spec_of(product)
    old = anonymous.get(path_of(product))["ETag"]
    Spec.objects.update(weight=4)
    new = anonymous.get(path_of(product))["ETag"]
    assert new != old
    body = {"spec": {"weight": 5}}
    assert admin_client.patch(path_of(product), body, headers={"if-match": old}).status_code == 412
    response = admin_client.patch(path_of(product), body, headers={"if-match": new})
    assert (response.status_code, response["ETag"]) == (200, anonymous.get(path_of(product))["ETag"])


def test_bulk_writes_it_per_set(admin_client: APIClient) -> None:
    changed, dropped, made, left = (ProductFactory.create(name=name) for name in "abcd")
    for product in (changed, dropped, left):
        spec_of(product, colour="red")
    before = Spec.objects.get(product=changed).checked_at
    body = {
        "create": [new_product(name="e", spec={"weight": 8}), new_product(name="f")],
        "update": [
            {"id": key_of(changed), "spec": {"weight": 9}},
            {"id": key_of(dropped), "spec": None},
            {"id": key_of(made), "spec": {"weight": 10}},
            {"id": key_of(left), "name": "d2"},
        ],
    }
    shown = admin_client.post(BULK, body).json()
    assert [row["spec"] and row["spec"]["weight"] for row in shown["created"]] == [8, None]
    assert [row["spec"] and row["spec"]["weight"] for row in shown["updated"]] == [9, None, 10, 3]
    assert specs() == [("a", 9, "red"), ("c", 10, ""), ("d2", 3, "red"), ("e", 8, "")]
    assert Spec.objects.get(product=changed).checked_at > before


def test_bulk_takes_no_statement_for_each_row(admin_client: APIClient) -> None:
    def statements(number: int) -> int:
        category = CategoryFactory.create().pk
        rows = [{"name": f"n {number} {i}", "price": 1, "category": category, "spec": {"weight": 1, "barcode": f"{number} {i}"}}
                for i in range(number)]  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            created = admin_client.post(BULK, {"create": rows}).json()["created"]
        with CaptureQueriesContext(connection) as again:
            changes = [{"id": row["id"], "spec": {"weight": 2, "barcode": row["spec"]["barcode"]}} for row in created]
            assert admin_client.post(BULK, {"update": changes}).status_code == 200
        return len(captured) + len(again)

    assert statements(2) == statements(30)


def test_bulk_says_where_it_is_wrong(admin_client: APIClient) -> None:
    held, other = ProductFactory.create(), ProductFactory.create()
    spec_of(held, barcode="1")
    body = {
        "create": [new_product(), new_product(spec={"weight": -1})],
        "update": [{"id": key_of(other), "spec": {"colour": "red"}}],
    }
    expected = [("create.1.spec.weight", "min_value"), ("update.0.spec.weight", "required")]
    assert sorted(errors_of(admin_client.post(BULK, body))) == expected
    body = {
        "create": [new_product(name=name, spec={"weight": 1, "barcode": "2"}) for name in "xy"],
        "update": [{"id": key_of(other), "spec": {"weight": 1, "barcode": "1"}}],
    }
    expected = [("create.1.spec.barcode", "unique"), ("update.0.spec.barcode", "unique")]
    assert sorted(errors_of(admin_client.post(BULK, body))) == expected
    assert Spec.objects.count() == 1
    freed = {"delete": [key_of(held)], "create": [new_product(spec={"weight": 1, "barcode": "1"})]}
    assert admin_client.post(BULK, freed).status_code == 200


def test_a_category_has_one_too(admin_client: APIClient, anonymous: APIClient) -> None:
    made = admin_client.post(CATEGORIES, {"name": "Laptops", "display": {"banner": "new"}}).json()
    CategoryFactory.create(name="Mice")
    assert made["display"] == {"banner": "new"}
    rows = anonymous.get(CATEGORIES).json()["results"]
    assert [(row["name"], row["display"]) for row in rows] == [("Laptops", {"banner": "new"}), ("Mice", None)]
    one = f"{CATEGORIES}{made['id']}/"
    assert anonymous.get(one).json()["display"] == {"banner": "new"}
    assert admin_client.patch(one, {"display": None}).json()["display"] is None
    assert not Display.objects.exists()
    assert set(anonymous.get(f"{CATEGORIES}tree/").json()[0]) == {"id", "name", "slug", "children"}


class ForAdmins(ProductSerializer):
    private_fields = (*ProductSerializer.private_fields, "spec")


def test_a_site_may_show_it_to_admins_only(anonymous: APIClient, admin_client: APIClient) -> None:
    product = ProductFactory.create()
    spec_of(product)
    with override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{__name__}.ForAdmins"):
        for path in (PRODUCTS, path_of(product)):
            assert "weight" not in anonymous.get(path).content.decode()
            assert "weight" in admin_client.get(path).content.decode()
        assert errors_of(anonymous.get(f"{PRODUCTS}?fields=spec")) == [("fields", "unknown_field")]
        assert anonymous.get(path_of(product))["ETag"] == admin_client.get(path_of(product))["ETag"]


def test_without_a_registration_nothing_is_shown_or_written(admin_client: APIClient) -> None:
    with not_extended():
        response = admin_client.post(PRODUCTS, new_product(spec={"weight": 1}))
        assert response.status_code == 201
        assert "spec" not in response.json()
        assert "spec" not in admin_client.get(PRODUCTS).json()["results"][0]
    assert not Spec.objects.exists()
    assert admin_client.get(PRODUCTS).json()["results"][0]["spec"] is None


def test_it_goes_with_its_product(admin_client: APIClient) -> None:
    product = ProductFactory.create()
    spec_of(product)
    assert admin_client.delete(path_of(product)).status_code == 204
    assert not Spec.objects.exists()
