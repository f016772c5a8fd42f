"""``GET products/export/``, and the way back through the import."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.serializers import ProductSerializer
from tests.catalog.csv_requests import EXPORT, counts_of, everything, exported, send, table
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped", "host_user"), pytest.mark.django_db]

HEADER = (
    "slug,name,sku,description,price,compare_at_price,currency,category,in_stock,is_published,image_url,metadata,"
    "private_metadata,created_at,updated_at\r\n"
)

NASTY = [
    'with "quotes"',
    "with, commas; and tabs\t.",
    "lines\r\nof\nall\rkinds",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1＋1",
    "'=1",
    "''=1",
    "'quoted'",
    "'",
    "🛒 émoji ★",
    "مرحبا",
    " blanks around ",
    "back\\slash \\> and > both",
    "a\u2028b\x0bc\x1cd",
    "\ufeffmark",
    '"',
    ",",
    "NULL",
]


def test_only_admins_export(anonymous: APIClient, customer_client: APIClient) -> None:
    assert problem_of(anonymous.get(EXPORT)) == (401, "not_authenticated")
    assert problem_of(customer_client.get(EXPORT)) == (403, "permission_denied")
    assert problem_of(anonymous.post(EXPORT)) == (405, "method_not_allowed")


def test_an_empty_catalogue_is_just_the_header(admin_client: APIClient) -> None:
    assert exported(admin_client) == HEADER


def test_an_export_is_a_streamed_file_for_its_caller_only(admin_client: APIClient) -> None:
    response = admin_client.get(EXPORT, HTTP_ACCEPT="text/html")

    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="products.csv"'
    assert response["Cache-Control"] == "private, no-cache"
    assert "Authorization" in response["Vary"]
    assert "RateLimit" in response


def test_a_product_is_one_line(admin_client: APIClient) -> None:
    category = CategoryFactory(name="A > B", parent=CategoryFactory(name="Back\\slash"))
    product = ProductFactory(
        name="Lamp",
        sku="S-1",
        description='Says "hi",\nshines',
        price="9.5",
        compare_at_price="12",
        category=category,
        in_stock=False,
        is_published=False,
        image_url="https://example.com/a.jpg",
        metadata={"ä": [1, None]},
        private_metadata={"cost": "5"},
    )
    moment = datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
    get_product_model().objects.update(created_at=moment, updated_at=moment + datetime.timedelta(microseconds=5))

    assert exported(admin_client) == HEADER + (
        'lamp,Lamp,S-1,"Says ""hi"",\nshines",9.50,12.00,USD,Back\\\\slash > A \\> B,false,false,'
        'https://example.com/a.jpg,"{""ä"":[1,null]}","{""cost"":""5""}",2026-01-31T12:00:00Z,'
        "2026-01-31T12:00:00.000005Z\r\n"
    )
    assert product.currency == "USD"


def test_empty_values_are_empty_cells(admin_client: APIClient) -> None:
    ProductFactory(name="Lamp")

    [row] = table(exported(admin_client))
    empty = {name: row[name] for name in ("sku", "description", "compare_at_price", "image_url")}
    assert set(empty.values()) == {""}
    assert (row["in_stock"], row["is_published"], row["metadata"]) == ("true", "true", "{}")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t1", "\r1", "\n1", "＝1", "＋1", "－1", "＠1", "'=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(admin_client: APIClient, text: str) -> None:
    ProductFactory(name=text, description=text, category=CategoryFactory(name=text), slug="lamp", sku=text)

    [row] = table(exported(admin_client))
    assert {row[name] for name in ("name", "description", "sku", "category")} == {f"'{text}"}


@pytest.mark.parametrize("text", ["'a", "a=1", " =1", "1-1", "'", "''"])
def test_other_cells_are_left_alone(admin_client: APIClient, text: str) -> None:
    ProductFactory(description=text)

    [row] = table(exported(admin_client))
    assert row["description"] == text


def test_an_export_comes_back_unchanged_whatever_the_texts_are(admin_client: APIClient) -> None:
    for number, text in enumerate(NASTY):
        name = text.strip() or "x"
        parent = CategoryFactory(name=f"{name} {number}")
        ProductFactory(
            name=name,
            slug=f"-p_{number}" if number % 2 else "",
            sku=f"{name}{number}",
            description=text,
            price="19.99",
            compare_at_price="20" if number % 2 else None,
            category=CategoryFactory(name=name, parent=parent),
            in_stock=bool(number % 3),
            is_published=bool(number % 5),
            metadata={text: [text, number, 1.5, True, None]},
            private_metadata={"n": {text: text}},
        )
    before = everything()
    content = exported(admin_client)

    assert counts_of(send(admin_client, content)) == (0, 0, len(NASTY), 0)
    assert everything() == before
    with_mark = SimpleUploadedFile("p.csv", b"\xef\xbb\xbf" + content.encode())
    response = admin_client.post("/api/v1/products/import/", {"file": with_mark}, format="multipart")
    assert counts_of(response) == (0, 0, len(NASTY), 0)
    assert everything() == before


def test_an_export_makes_the_same_catalogue_in_an_empty_shop(admin_client: APIClient) -> None:
    for number, text in enumerate(NASTY):
        ProductFactory(name=text.strip() or "x", description=text, category=CategoryFactory(name=f"> {number}"))
    content = exported(admin_client)
    get_product_model().objects.all().delete()
    get_category_model().objects.all().delete()

    assert counts_of(send(admin_client, content)) == (len(NASTY), 0, 0, 0)

    def without_times(text: str) -> list[list[str]]:
        # Products come in the order of their keys, which are new and may be random.
        return sorted(row[:-2] for row in csv.reader(io.StringIO(text, newline="")))

    assert without_times(exported(admin_client)) == without_times(content)


def test_the_lists_filters_and_ordering_narrow_the_export(admin_client: APIClient) -> None:
    root = CategoryFactory(name="Root")
    child = CategoryFactory(name="Child", parent=root)
    for name, price, category in (("a", "3", root), ("b", "1", child), ("c", "2", CategoryFactory())):
        ProductFactory(name=name, price=price, category=category, is_published=name != "b")

    def names(query: str) -> list[str]:
        return [row["name"] for row in table(exported(admin_client, query))]

    assert names("") == ["a", "b", "c"]
    assert names(f"?category={root.pk}") == ["a", "b"]
    assert names("?min_price=2&ordering=-price") == ["a", "c"]
    assert names("?search=b") == ["b"]
    assert names("?slug=nothing") == []


def test_a_wrong_filter_is_a_problem_and_no_file(admin_client: APIClient) -> None:
    assert errors_of(admin_client.get(f"{EXPORT}?min_price=x")) == [("min_price", "invalid")]
    assert errors_of(admin_client.get(f"{EXPORT}?ordering=slug")) == [("ordering", "invalid_choice")]
    assert errors_of(admin_client.get(f"{EXPORT}?category=999999")) == [("category", "does_not_exist")]


def test_a_category_that_is_made_during_the_export_is_found(admin_client: APIClient) -> None:
    ProductFactory(name="a")
    response = admin_client.get(EXPORT)
    ProductFactory(name="b", category=CategoryFactory(name="New"))

    rows = table(b"".join(response.streaming_content).decode())
    assert rows[-1]["category"] == "New"


def test_an_export_takes_two_queries_for_any_number_of_products(admin_client: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            exported(admin_client)
        return len([query for query in captured.captured_queries if '"name"' in query["sql"]])

    ProductFactory()
    few = queries()
    for _ in range(5):
        ProductFactory()
    assert (few, queries()) == (2, 2)


class StoreSerializer(ProductSerializer):
    warranty_months = serializers.IntegerField(required=False)
    colour = serializers.CharField(required=False, allow_null=True)


@pytest.mark.projects("swapped")
@override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{__name__}.StoreSerializer")
def test_fields_of_the_sites_own_serializer_are_columns_at_the_end(admin_client: APIClient) -> None:
    ProductFactory(name="Lamp", warranty_months=36, colour="=red")
    ProductFactory(name="Chair")
    before = everything()
    content = exported(admin_client)

    rows: list[Any] = table(content)
    assert list(rows[0])[-3:] == ["updated_at", "warranty_months", "colour"]
    assert [(row["warranty_months"], row["colour"]) for row in rows] == [("36", "'=red"), ("24", "")]
    assert counts_of(send(admin_client, content)) == (0, 0, 2, 0)
    assert everything() == before
