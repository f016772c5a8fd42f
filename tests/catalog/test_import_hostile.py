"""Files that are no CSV, or that mean harm: an answer that says where, never a 500, nothing written."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from tests.catalog.csv_requests import csv_text, everything, import_rows, rejected, send, warned

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped"), pytest.mark.django_db]

HEADER = "name,price,category,description"
GOOD = f"{HEADER}\nLamp,1,C,\n".encode()
SHOPIFY = "Handle,Title,Variant Price,Type"
COUNTED = f"{SHOPIFY},Variant Inventory Tracker,Variant Inventory Qty"
DEEP = '{"a":' + "[" * 90 + "]" * 90 + "}"
BROKEN_HTML = [
    "<![if foo",
    "<![CDATA[x]]",
    "<!-",
    "<!--",
    "<!doctype",
    "</",
    "<?",
    "<",
    "<p ",
    "<p a='",
    '<p "',
    "<script>",
]
BROKEN_ENTITIES = ["&#x110000;", "&#0;", "&#1", "&am"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(GOOD + "Stühle,1,C,".encode("latin-1"), (3, "", "invalid_encoding"), id="latin-1"),
        pytest.param(GOOD.decode().encode("utf-16"), (1, "", "invalid_encoding"), id="utf-16"),
        pytest.param(GOOD.decode().encode("utf-16-be"), (1, "", "invalid_text"), id="utf-16 without a mark"),
        pytest.param(GOOD.decode().encode("utf-32"), (1, "", "invalid_encoding"), id="utf-32"),
        pytest.param(GOOD + b"\xed\xa0\x80,1,C,", (3, "", "invalid_encoding"), id="lone surrogate"),
        pytest.param(GOOD + b"Ch\x00air,1,C,", (3, "", "invalid_text"), id="NUL"),
        pytest.param(GOOD + b'"Chair,1,C,\nDesk,1,C,\n', (3, "", "invalid_csv"), id="quote never closed"),
        pytest.param(GOOD + b'"Chair"s,1,C,\n', (3, "", "invalid_csv"), id="text after a closing quote"),
        pytest.param(GOOD + b'"' + b"x" * 200_000 + b'",1,C,\n', (3, "", "invalid_csv"), id="huge field"),
        pytest.param(GOOD + b"x" * 2_000_000 + b",1,C,\n", (3, "", "record_too_long"), id="huge line"),
        pytest.param(GOOD + b"," * 2_000_000 + b"\n", (3, "", "record_too_long"), id="two million cells"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00", (1, "", "invalid_encoding"), id="a picture"),
        pytest.param(b'{"name": "Lamp"}', (1, "", "invalid_header"), id="JSON"),
        pytest.param(b"name;price;category\nLamp;1;C\n", (1, "", "invalid_header"), id="semicolons"),
        pytest.param(b"Lamp,1,C\n", (1, "", "invalid_header"), id="no header"),
        pytest.param(b"\n\nprice,category\n", (3, "", "invalid_header"), id="nothing to tell products by"),
        pytest.param(b"name,price,Name\nLamp,1,Lamp", (1, "name", "invalid_header"), id="a column twice"),
        pytest.param(b"Handle,Title,Handle\na,b,c", (1, "Handle", "invalid_header"), id="a Shopify column twice"),
    ],
)
def test_an_unreadable_file_is_400_with_the_line(
    admin_client: APIClient, content: bytes, error: tuple[int, str, str]
) -> None:
    for query in ("", "?dry_run=true"):
        response = send(admin_client, content, query)
        assert rejected(response, "unreadable_file") == [error]
    assert everything() == ([], [])


@pytest.fixture
def unlimited_fields() -> Iterator[None]:
    before = csv.field_size_limit(2**31 - 1)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("unlimited_fields")
def test_a_missing_quote_is_found_in_a_host_that_lifted_the_limit_of_the_csv_module(admin_client: APIClient) -> None:
    content = GOOD + b'"Chair,1,C,\n' + b"Desk,1,C,\n" * 200_000

    assert rejected(send(admin_client, content), "unreadable_file") == [(3, "", "record_too_long")]


def test_the_import_leaves_the_csv_modules_limit_alone(admin_client: APIClient) -> None:
    before = csv.field_size_limit()
    send(admin_client, GOOD)
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("header", "cells", "error"),
    [
        (HEADER, ("x" * 300, "1", "C", ""), ("name", "max_length")),
        (HEADER, ("Lamp", "1", "C", "d" * 20_001), ("description", "max_length")),
        (HEADER, ("Lamp", "1e999", "C", ""), ("price", "invalid")),
        (HEADER, ("Lamp", "9" * 5000, "C", ""), ("price", "max_string_length")),
        ("name,price,category,slug", ("Lamp", "1", "C", "a/b"), ("slug", "invalid")),
        ("name,price,category,slug", ("Lamp", "1", "C", "a" * 256), ("slug", "max_length")),
        ("name,price,category,sku", ("Lamp", "1", "C", "s" * 256), ("sku", "max_length")),
        ("name,price,category,image_url", ("Lamp", "1", "C", "javascript:alert(1)"), ("image_url", "invalid")),
        ("name,price,category,metadata", ("Lamp", "1", "C", '{"a": NaN}'), ("metadata", "invalid_number")),
        ("name,price,category,metadata", ("Lamp", "1", "C", '{"a": 1e999}'), ("metadata", "invalid_number")),
        ("name,price,category,metadata", ("Lamp", "1", "C", '{"a": "\\u0000"}'), ("metadata", "invalid_text")),
        ("name,price,category,metadata", ("Lamp", "1", "C", '{"a": "\\ud800"}'), ("metadata", "invalid_text")),
        ("name,price,category,metadata", ("Lamp", "1", "C", DEEP), ("metadata", "too_deep")),
        ("name,price,category,metadata", ("Lamp", "1", "C", "[" * 60_000), ("metadata", "too_deep")),
        ("name,price,category,metadata", ("Lamp", "1", "C", f'{{"a": {"1" * 5000}}}'), ("metadata", "parse_error")),
        ("name,price,category,metadata", ("Lamp", "1", "C", f'{{"a": "{"x" * 16384}"}}'), ("metadata", "too_large")),
        ("name,price,category,private_metadata", ("Lamp", "1", "C", "null"), ("private_metadata", "null")),
        (SHOPIFY, ("lamp", "Lamp", "1e999", "C"), ("price", "invalid")),
        (SHOPIFY, ("lamp", "Lamp", "٣", "C"), ("price", "invalid")),
        (SHOPIFY, ("a b", "Lamp", "1", "C"), ("slug", "invalid")),
        (SHOPIFY, ("lamp", "x" * 300, "1", "C"), ("name", "max_length")),
        (COUNTED, ("lamp", "Lamp", "1", "C", "shopify", "٣"), ("in_stock", "invalid")),
        (f"{SHOPIFY},Body (HTML)", ("lamp", "Lamp", "1", "C", "<p>" + "d" * 20_001), ("description", "max_length")),
    ],
)  # fmt: skip
def test_a_hostile_cell_is_an_error_of_its_row(
    admin_client: APIClient, header: str, cells: tuple[str, ...], error: tuple[str, str]
) -> None:
    assert rejected(import_rows(admin_client, header, cells)) == [(2, *error)]
    assert everything() == ([], [])


@pytest.mark.parametrize("end", ["", ">", "'>", '">'])
@pytest.mark.parametrize("html", BROKEN_HTML + BROKEN_ENTITIES)
def test_broken_html_is_read_in_no_time(admin_client: APIClient, html: str, end: str) -> None:
    body = "<b>x</b>" + (html * (100_000 // len(html))) + end
    started = time.process_time()
    response = import_rows(
        admin_client, f"{SHOPIFY},Body (HTML)", ("lamp", "Lamp", "1", "C", body), query="?dry_run=true"
    )

    assert response.status_code == 200
    # 100 kB take tens of milliseconds; what is quadratic takes minutes.
    assert time.process_time() - started < 5


def test_numbers_of_characters_without_end_are_read(admin_client: APIClient) -> None:
    body = "<b>x</b>&#" + "1" * 10_000

    assert import_rows(admin_client, f"{SHOPIFY},Body (HTML)", ("lamp", "Lamp", "1", "C", body)).status_code == 200
    assert everything()[0][0]["description"] == "x\ufffd"


def test_quotes_and_line_breaks_inside_quotes_are_text(admin_client: APIClient) -> None:
    content = csv_text(HEADER, ('a "b" c', "1", "C", 'x,\r\n"y"\n\rz'))

    assert warned(send(admin_client, content)) == []
    row = everything()[0][0]
    assert (row["name"], row["description"]) == ('a "b" c', 'x,\r\n"y"\n\rz')


def test_names_of_columns_that_mean_harm_are_only_names(admin_client: APIClient) -> None:
    header = f"{HEADER},__class__,id__in,pk,slug__in,_state"
    response = import_rows(admin_client, header, ("Lamp", "1", "C", "", "a", "b", "c", "d", "e"))

    assert [field for _line, field, _code in warned(response)] == ["__class__", "id__in", "pk", "slug__in", "_state"]
