"""A site's own Product from the first migration on: columns that must be given, one that may be, and foreign keys."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import ProtectedError
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.core.models import TableVersion
from django_shopcore.core.tracking import TrackTable
from tests.catalog.admin_pages import browser, form_on, make_superuser, products_url
from tests.catalog.csv_requests import counts_of, everything, exported, import_rows, rejected, send, table, warned
from tests.catalog.plain_way import way
from tests.catalog.shapes import PRODUCTS, names_in, path_of, product_body
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.projects("own_product"), pytest.mark.django_db]

BULK = f"{PRODUCTS}bulk/"
REQUIRED = [("maker", "required"), ("unit", "required")]


def maker(name: str = "Ünal") -> Any:
    return get_product_model().maker.field.related_model.objects.get_or_create(name=name)[0]  # type: ignore[attr-defined]


def product(name: str = "Lamp", by: str = "Ünal", **fields: Any) -> Any:
    row = ProductFactory.create(name=name, maker=maker(by), **{"unit": "piece", **fields})
    row.refresh_from_db()
    return row


def body_of(row: Any, **different: Any) -> dict[str, Any]:
    own = {"maker": row.maker_id, "maker_name": row.maker.name, "unit": row.unit, "colour": row.colour}
    return product_body(row, **{**own, "second_category": row.second_category_id, **different})


def given(**fields: Any) -> dict[str, Any]:
    """What a request has to say of a new product."""
    return {
        "name": "Lamp",
        "price": "5.00",
        "category": CategoryFactory.create().pk,
        "maker": maker().pk,
        "unit": "m",
        **fields,
    }


def test_the_sites_columns_are_shown_in_lists_and_details(anonymous: APIClient) -> None:
    lamp = product(colour="red", second_category=CategoryFactory.create())

    assert anonymous.get(path_of(lamp)).json() == body_of(lamp)
    assert anonymous.get(PRODUCTS).json()["results"] == [body_of(lamp)]
    some = anonymous.get(PRODUCTS, {"fields": "unit,maker_name"}).json()["results"]
    assert some == [{"maker_name": "Ünal", "unit": "piece"}]
    assert anonymous.get(path_of(lamp), {"fields": "maker"}).json() == {"maker": lamp.maker_id}


def test_a_list_of_them_is_read_the_fastest_way_in_as_many_queries_for_ten_as_for_one(anonymous: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            anonymous.get(PRODUCTS, {"maker_name": "Ünal"})
        return len(captured)

    product()
    queries()  # what is remembered from the first time on
    one = queries()
    for number in range(9):
        product(f"P{number}", by=f"M{number % 3}")
    assert queries() == one
    assert (
        way() == way(query={"unit": "m", "maker": maker().pk, "maker_name": "Ünal", "ordering": "price"}) == "compiled"
    )


def test_what_must_be_given_is_asked_for_and_stored(admin_client: APIClient) -> None:
    body = given()
    del body["maker"], body["unit"]
    assert errors_of(admin_client.post(PRODUCTS, body)) == REQUIRED

    created = admin_client.post(PRODUCTS, given())
    assert created.status_code == 201
    row = get_product_model().objects.get()
    assert created.json() == body_of(row, private_metadata={}, unit="m", colour="")


def test_the_foreign_keys_are_changed_and_checked(admin_client: APIClient) -> None:
    lamp, other = product(), CategoryFactory.create()

    changed = admin_client.patch(path_of(lamp), {"maker": maker("Other").pk, "second_category": other.pk}).json()
    assert (changed["maker_name"], changed["second_category"]) == ("Other", other.pk)
    for wrong in (0, 10**30, "x", str(uuid.uuid4())):
        assert errors_of(admin_client.patch(path_of(lamp), {"maker": wrong})) == [("maker", "does_not_exist")]
    assert errors_of(admin_client.patch(path_of(lamp), {"maker": None})) == [("maker", "null")]
    assert admin_client.patch(path_of(lamp), {"second_category": None}).json()["second_category"] is None
    with pytest.raises(ProtectedError):
        maker("Other").delete()


def test_filters_of_the_sites_columns_go_with_ours_and_with_the_search(anonymous: APIClient) -> None:
    lamps = CategoryFactory.create()
    product("Red lamp", category=lamps, unit="m", price="1.00")
    product("Blue lamp", by="Other", category=lamps, price="2.00")
    product("Chair", by="Other", price="3.00")

    def names(**query: Any) -> list[str]:
        return sorted(names_in(anonymous.get(PRODUCTS, query)))

    assert names(unit="m") == ["Red lamp"]
    assert names(maker=maker("Other").pk) == ["Blue lamp", "Chair"]
    assert names(maker_name="Other", category=lamps.pk) == ["Blue lamp"]
    assert names(search="lamp", maker_name="Other") == ["Blue lamp"]
    assert names(search="lamp", min_price="2") == ["Blue lamp"]
    assert errors_of(anonymous.get(PRODUCTS, {"maker": "x"})) == [("maker", "invalid")]
    facets = anonymous.get(f"{PRODUCTS}facets/", {"maker_name": "Other"}).json()
    assert (facets["count"], facets["price"]["min"]) == (2, "2.00")


def test_the_admin_asks_for_what_must_be_given(admin_client: APIClient) -> None:
    client, lamps = browser(make_superuser()), CategoryFactory.create()
    entered = {**form_on(client.get(products_url("add"))), "name": "Lamp", "price": "5", "category": str(lamps.pk)}
    refused = client.post(products_url("add"), entered)
    assert {"maker", "unit"} == set(refused.context["adminform"].form.errors)

    assert client.post(products_url("add"), {**entered, "maker": str(maker().pk), "unit": "m"}).status_code == 302
    row: Any = get_product_model().objects.get()
    url = products_url("change", row.pk)
    page = client.get(url)
    assert b"Second category" in page.content
    assert client.post(url, {**form_on(page), "maker": str(maker("Other").pk), "colour": "red"}).status_code == 302
    row.refresh_from_db()
    assert (row.maker.name, row.unit, row.colour) == ("Other", "m", "red")
    assert b"Lamp" in client.get(products_url()).content


def test_what_is_exported_is_imported_again_unchanged(admin_client: APIClient) -> None:
    product("Lamp", colour="=red", second_category=CategoryFactory.create(name="Also"))
    product("Chair", by="Other")
    before, content = everything(), exported(admin_client)

    assert list(table(content)[0])[-4:] == ["maker", "unit", "colour", "second_category"]
    assert counts_of(send(admin_client, content)) == (0, 0, 2, 0)
    assert everything() == before


def test_a_new_row_of_an_import_says_what_must_be_given(admin_client: APIClient) -> None:
    header, by = "name,price,category,maker,unit,second_category", maker().pk
    assert rejected(import_rows(admin_client, "name,price,category", ("Lamp", "1", "C"))) == [
        (2, "maker", "required"),
        (2, "unit", "required"),
    ]
    response = import_rows(admin_client, header, ("A", "1", "C", 10**9, "m", ""), ("B", "1", "C", by, "", ""))
    assert rejected(response) == [(2, "maker", "does_not_exist"), (3, "unit", "required")]

    also = CategoryFactory.create().pk
    response = import_rows(admin_client, header, ("A", "1", "C", by, "m", also), ("B", "1", "C", by, "kg", ""))
    assert (counts_of(response), warned(response)) == ((2, 0, 0, 0), [])
    rows = get_product_model().objects.order_by("name").values_list("maker_id", "unit", "second_category_id")
    assert list(rows) == [(by, "m", also), (by, "kg", None)]


def test_a_product_that_is_there_keeps_what_a_file_does_not_say(admin_client: APIClient) -> None:
    lamp = product(unit="kg")

    assert counts_of(import_rows(admin_client, "slug,price", ("lamp", "7"))) == (0, 1, 0, 0)
    lamp.refresh_from_db()
    assert (lamp.price, lamp.unit, lamp.maker.name) == (Decimal("7.00"), "kg", "Ünal")
    assert counts_of(import_rows(admin_client, "slug,maker", ("lamp", maker("Other").pk))) == (0, 1, 0, 0)
    lamp.refresh_from_db()
    assert lamp.maker.name == "Other"


def test_formats_of_other_shops_need_a_default_for_what_must_be_given(admin_client: APIClient) -> None:
    row = ("lamp", "Lamp", "5")
    assert rejected(import_rows(admin_client, "Handle,Title,Variant Price", row)) == [
        (2, "maker", "required"),
        (2, "unit", "required"),
    ]
    maker("Unknown")
    with override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER="tests.projects.boutique.api.WithDefaults"):
        assert counts_of(import_rows(admin_client, "Handle,Title,Variant Price", row)) == (1, 0, 0, 0)
        lamp: Any = get_product_model().objects.get()
        assert (lamp.unit, lamp.maker.name) == ("piece", "Unknown")
        lamp.unit = "m"
        lamp.save()
        assert counts_of(import_rows(admin_client, "Handle,Title,Variant Price", row)) == (0, 0, 1, 0)


def test_a_bulk_write_says_where_something_is_missing(admin_client: APIClient) -> None:
    lamp, body = product(), given()
    del body["unit"]
    answer = admin_client.post(BULK, {"create": [body], "update": [{"id": lamp.pk, "maker": 10**9}]})
    assert sorted(errors_of(answer)) == [("create.0.unit", "required"), ("update.0.maker", "does_not_exist")]

    also = CategoryFactory.create()
    update = {"id": lamp.pk, "maker": maker("Other").pk, "second_category": also.pk}
    answer = admin_client.post(BULK, {"create": [{**body, "unit": "m"}], "update": [update]})
    assert answer.status_code == 200
    shown = [(row["maker_name"], row["unit"], row["second_category"]) for row in answer.json()["updated"]]
    assert shown == [("Other", "piece", also.pk)]
    assert [(row["maker_name"], row["unit"]) for row in answer.json()["created"]] == [("Ünal", "m")]


@pytest.mark.parametrize("way_in", ["bulk", "import"])
def test_foreign_keys_of_many_rows_are_looked_up_together(admin_client: APIClient, way_in: str) -> None:
    makers, lamps = [maker(f"M{number}").pk for number in range(20)], CategoryFactory.create(name="C")

    def queries(first: int, count: int) -> int:
        some = range(first, first + count)
        with CaptureQueriesContext(connection) as captured:
            if way_in == "bulk":
                items = [given(name=f"P{n}", maker=makers[n % 20], category=lamps.pk) for n in some]
                captured.__enter__()  # what the items themselves took does not count
                assert admin_client.post(BULK, {"create": items}).status_code == 200
            else:
                rows = [(f"P{n}", "1", "C", makers[n % 20], "m", lamps.pk) for n in some]
                header = "name,price,category,maker,unit,second_category"
                assert counts_of(import_rows(admin_client, header, *rows)) == (count, 0, 0, 0)
        return len(captured)

    queries(0, 1)
    assert queries(1, 2) == queries(3, 17)


@contextmanager
def shared(location: str) -> Iterator[None]:
    """Answers are kept in a Redis."""
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": location}
    with override_settings(CACHES={"default": redis}):
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cache", ["here", "redis"])
def test_no_read_hides_a_write_to_a_product_or_to_what_it_refers_to(
    request: pytest.FixtureRequest, admin_client: APIClient, anonymous: APIClient, cache: str
) -> None:
    lamp = product()
    other = maker("Other")

    def shown(**query: Any) -> tuple[Any, Any]:
        answers = [anonymous.get(url, query) for url in (path_of(lamp), PRODUCTS) for _twice in range(2)]
        assert (
            answers[0].json() == answers[1].json() == answers[3].json()["results"][0] == answers[2].json()["results"][0]
        )
        return answers[0].json(), (answers[0]["ETag"], answers[2]["ETag"])

    def walk() -> None:
        before, tags = shown()
        assert before["maker_name"] == "Ünal"
        for write in (
            lambda: maker("Ünal").__class__.objects.filter(name="Ünal").update(name="Anders"),
            lambda: admin_client.patch(path_of(lamp), {"unit": "m"}),
            lambda: admin_client.post(BULK, {"update": [{"id": lamp.pk, "maker": other.pk}]}),
            lambda: import_rows(admin_client, "slug,colour", ("lamp", "red")),
            lambda: get_product_model().objects.update(unit="kg"),
        ):
            write()
            lamp.refresh_from_db()
            after, new_tags = shown()
            assert after == body_of(lamp)
            assert not set(tags) & set(new_tags)
            answers = [
                anonymous.get(url, headers={"if-none-match": tag})
                for url, tag in zip((path_of(lamp), PRODUCTS), tags, strict=True)
            ]
            assert [answer.status_code for answer in answers] == [200, 200]
            tags = new_tags
        assert (after["maker_name"], after["unit"], after["colour"]) == ("Other", "kg", "red")

    if cache == "redis":
        with shared(request.getfixturevalue("redis_url")):
            walk()
    else:
        walk()


@pytest.mark.django_db(transaction=True)
def test_answers_with_the_other_tables_columns_are_kept_while_they_are_right(anonymous: APIClient) -> None:
    product()

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert names_in(anonymous.get(PRODUCTS)) == ["Lamp"]
        return len([one for one in captured if "boutique_product" in one["sql"]])

    statements()
    assert statements() == 0
    maker().__class__.objects.update(name="Anders")
    assert statements() > 0


@pytest.mark.django_db(transaction=True)
def test_what_tracks_the_other_table_comes_back_after_a_migration_that_lost_it(anonymous: APIClient) -> None:
    lamp, model = product(), type(maker())
    if connection.vendor == "sqlite":
        with connection.schema_editor() as editor:
            editor._remake_table(model)
    else:
        TableVersion.objects.all().delete()
    assert TrackTable("maker").missing(connection, model)
    call_command("migrate", verbosity=0)

    for name in ("A", "B"):
        model.objects.update(name=name)
        assert [anonymous.get(path_of(lamp)).json()["maker_name"] for _twice in range(2)] == [name, name]
    assert TrackTable("maker").missing(connection, model) == []
