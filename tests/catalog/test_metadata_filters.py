"""``?metadata.colour=red``: by the keys that the site allows, and by the text of their values."""

from __future__ import annotations

import json
from typing import Any

import django_filters
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.checks import check_metadata_filters
from django_shopcore.catalog.filters import ProductFilterSet
from django_shopcore.catalog.metadata_operations import metadata_index
from django_shopcore.catalog.operations import MetadataIndex
from django_shopcore.core.doctor import NOTE, OK
from tests.catalog.csv_requests import EXPORT, exported
from tests.catalog.plain_way import way
from tests.catalog.shapes import PRODUCTS, names_in
from tests.core.doctors import advice, findings
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped")]

POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only")
KEYS = ["colour", "size", 'it\'s 50% "größer"']
allowed = override_settings(SHOPCORE_CATALOG_METADATA_FILTERS=KEYS)


class OwnFilterSet(ProductFilterSet):
    name = django_filters.CharFilter(lookup_expr="istartswith")


def product(name: str, **values: Any) -> Any:
    return ProductFactory.create(name=name, **values)


def found(client: APIClient, path: str = PRODUCTS, **parameters: Any) -> list[str]:
    return sorted(names_in(client.get(path, parameters)))


@allowed
def test_products_are_those_with_just_this_value(anonymous: APIClient) -> None:
    product("red", metadata={"colour": "red", "size": "red"})
    product("dark", metadata={"colour": "dark red"})
    product("upper", metadata={"colour": "Red"})
    product("nested", metadata={"inner": {"colour": "red"}})
    product("none")
    assert found(anonymous, **{"metadata.colour": "red"}) == ["red"]
    assert found(anonymous, **{"metadata.colour": "red", "metadata.size": "red"}) == ["red"]
    assert found(anonymous, **{"metadata.colour": "red", "metadata.size": "S"}) == []
    assert len(found(anonymous, **{"metadata.colour": ""})) == 5


@allowed
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", None), ("red ", "red "), ("größer", "größer"), ("50%", "50%"), ("O'Neil \\ \"x\"", "O'Neil \\ \"x\""),
        ("null", "null"), ("[1]", "[1]"), (42, "42"), (-1, "-1"), (1.5, "1.5"), (True, "true"), (False, "false"),
        ("true", "true"), ("x" * 255, "x" * 255),
    ],
)  # fmt: skip
def test_strings_numbers_and_booleans_are_asked_for_by_their_text(
    anonymous: APIClient, value: Any, text: str | None
) -> None:
    product("it", metadata={"colour": value})
    product("other", metadata={"colour": "something else"})
    if text is not None:
        assert found(anonymous, **{"metadata.colour": text}) == ["it"]


@allowed
@pytest.mark.parametrize("value", [None, ["red"], [1], {"a": 1}, [], {}])
def test_null_objects_and_lists_have_no_text(anonymous: APIClient, value: Any) -> None:
    product("it", metadata={"colour": value})
    texts = {json.dumps(value), json.dumps(value, separators=(",", ":")), "red", "1", "null"}
    assert [found(anonymous, **{"metadata.colour": text}) for text in texts] == [[]] * len(texts)


@allowed
def test_a_value_longer_than_can_be_asked_for_is_another_one(anonymous: APIClient) -> None:
    product("long", metadata={"colour": "x" * 256})
    assert found(anonymous, **{"metadata.colour": "x" * 255}) == []
    response = anonymous.get(PRODUCTS, {"metadata.colour": "x" * 256})
    assert errors_of(response) == [("metadata.colour", "max_length")]


@allowed
def test_a_key_may_be_any_text(anonymous: APIClient) -> None:
    product("it", metadata={KEYS[2]: "yes"})
    product("other", metadata={KEYS[2]: "no"})
    assert found(anonymous, **{f"metadata.{KEYS[2]}": "yes"}) == ["it"]


@allowed
@pytest.mark.parametrize("name", ["metadata.weight", "private_metadata.colour", "metadata", "metadata.colour.x"])
def test_other_keys_are_unknown_parameters(anonymous: APIClient, name: str) -> None:
    product("a", metadata={"weight": "1"}, private_metadata={"colour": "1"})
    product("b")
    unknown = found(anonymous, unknown="1")
    assert found(anonymous, **{name: "1"}) == unknown == ["a", "b"]


def test_without_the_setting_no_key_is_known(anonymous: APIClient) -> None:
    product("red", metadata={"colour": "red"})
    assert found(anonymous, **{"metadata.colour": "blue"}) == ["red"]


@allowed
def test_requests_stay_on_the_fast_way_in_one_statement(anonymous: APIClient) -> None:
    product("red", metadata={"colour": "red"})
    assert way(query={"metadata.colour": "red"}) == "compiled"
    for value in ("red", "blue"):
        with CaptureQueriesContext(connection) as captured:
            anonymous.get(PRODUCTS, {"metadata.colour": value})
        assert len(captured) == 1


@allowed
def test_the_ordinary_way_finds_the_same(anonymous: APIClient) -> None:
    product("red one", metadata={"colour": "red"})
    product("red two", metadata={"colour": True})
    with override_settings(SHOPCORE_CATALOG_PRODUCT_FILTERSET=f"{__name__}.OwnFilterSet"):
        assert way(query={"name": "red", "metadata.colour": "red"}) == "columns"
        assert found(anonymous, name="RED", **{"metadata.colour": "red"}) == ["red one"]
        assert found(anonymous, name="RED", **{"metadata.colour": "true"}) == ["red two"]


@allowed
def test_pages_cursors_facets_and_the_export_go_by_it(anonymous: APIClient, admin_client: APIClient) -> None:
    category = CategoryFactory.create()
    for place in range(6):
        colour = "red" if place % 2 else "blue"
        product(f"p{place}", category=category, metadata={"colour": colour})
    names, address = [], f"{PRODUCTS}?metadata.colour=red&cursor=&size=2"
    while address:
        body = anonymous.get(address).json()
        names += [row["name"] for row in body["results"]]
        address = body["next"]
    assert names == ["p5", "p3", "p1"]
    cursor = anonymous.get(f"{PRODUCTS}?metadata.colour=red&cursor=&size=2").json()["next"]
    assert errors_of(anonymous.get(cursor.replace("red", "blue")))[0][0] == "cursor"
    page = anonymous.get(f"{PRODUCTS}?metadata.colour=red&page=2&size=2").json()
    assert (page["count"], [row["name"] for row in page["results"]]) == (3, ["p1"])
    facets = anonymous.get(f"{PRODUCTS}facets/?metadata.colour=red").json()
    assert (facets["count"], facets["categories"][0]["count"]) == (3, 3)
    ordered = anonymous.get(f"{PRODUCTS}?metadata.colour=red&ordering=name&search=p3").json()
    assert [row["name"] for row in ordered["results"]] == ["p3"]
    assert EXPORT
    assert len(exported(admin_client, "?metadata.colour=red").splitlines()) == 4


@allowed
def test_an_unpublished_product_is_not_found_by_it(anonymous: APIClient, admin_client: APIClient) -> None:
    product("hidden", is_published=False, metadata={"colour": "red"})
    assert found(anonymous, **{"metadata.colour": "red"}) == []
    assert found(admin_client, **{"metadata.colour": "red"}) == ["hidden"]


@allowed
def test_the_description_has_the_parameters(tmp_path: Any) -> None:
    file = tmp_path / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    paths = json.loads(file.read_text())["paths"]
    for path in ("products/", "products/facets/", "products/export/"):
        parameters = {one["name"]: one for one in paths[f"/api/v1/{path}"]["get"]["parameters"]}
        assert {"metadata.colour", "metadata.size"} <= set(parameters)
        assert '"colour"' in parameters["metadata.colour"]["description"]


@pytest.mark.parametrize(("keys", "ids"), [(["a", ""], ["shopcore.E102"]), (["a\x00"], ["shopcore.E102"]), (["a"], [])])
def test_a_key_that_no_request_can_name_is_an_error(keys: list[str], ids: list[str]) -> None:
    with override_settings(SHOPCORE_CATALOG_METADATA_FILTERS=keys):
        messages = check_metadata_filters(None)
    assert [message.id for message in messages] == ids
    assert all(message.hint for message in messages)


def label() -> str:
    meta = get_product_model()._meta
    return f"{meta.app_label}.{meta.model_name}"


def execute(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def indexed(key: str) -> MetadataIndex:
    """The operation, after a migration has run it."""
    operation = MetadataIndex(label(), key)
    execute(operation.create_sql(connection, get_product_model()))
    return operation


@allowed
@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite only")
def test_sqlite_has_no_index_and_nothing_is_missing() -> None:
    operation = indexed("colour")
    assert operation.create_sql(connection, get_product_model()) == []
    assert operation.missing(connection, get_product_model()) == []
    assert findings("Catalogue", "metadata.colour") == []


@allowed
@POSTGRESQL
def test_the_doctor_says_which_index_is_missing() -> None:
    text = "has no index: a list filtered by it reads all products"
    assert findings("Catalogue", "metadata.colour") == [(NOTE, text)]
    assert advice("Catalogue", "metadata.colour") == [
        f'Run MetadataIndex("{label()}", "colour") of django_shopcore.catalog.operations in a migration.'
    ]
    operation = indexed("colour")
    assert findings("Catalogue", "metadata.colour") == [(OK, "has its index")]
    execute(operation.drop_sql(connection, get_product_model()))
    assert findings("Catalogue", "metadata.colour") == [(NOTE, text)]


@allowed
@POSTGRESQL
@pytest.mark.parametrize("key", KEYS)
def test_the_statement_of_a_list_goes_by_the_index(anonymous: APIClient, key: str) -> None:
    operation, model = indexed(key), get_product_model()
    category = CategoryFactory.create()
    model.objects.bulk_create(
        model(name=f"n{i}", slug=f"n{i}", price=1, category=category, metadata={key: f"v{i % 500}"})
        for i in range(5000)
    )
    execute([f"ANALYZE {model._meta.db_table}"])
    with CaptureQueriesContext(connection) as captured:
        assert len(anonymous.get(PRODUCTS, {f"metadata.{key}": "v7"}).json()["results"]) == 10
    sql = captured.captured_queries[-1]["sql"]

    def plan() -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}")
            return "\n".join(row[0] for row in cursor.fetchall())

    assert metadata_index(model, key) in plan()
    execute(operation.drop_sql(connection, model))
    assert metadata_index(model, key) not in plan()


@allowed
@POSTGRESQL
def test_an_index_takes_values_of_any_length() -> None:
    indexed("colour")
    product("long", metadata={"colour": "".join(map(chr, range(0x4E00, 0x4E00 + 5000)))})


def test_an_operation_for_a_model_of_another_app_finds_it() -> None:
    from django.db.migrations.state import ProjectState

    class Editor:
        connection = connection
        ran: list[str] = []

        def execute(self, statement: str, params: Any) -> None:
            self.ran.append(statement)

    from django.apps import apps

    state, editor = ProjectState.from_apps(apps), Editor()
    MetadataIndex(label(), "colour").database_forwards("another", editor, state, state)
    assert len(editor.ran) == (connection.vendor == "postgresql")
