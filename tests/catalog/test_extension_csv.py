"""A product's extension in the CSV: a column for each of its writable fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from tests.catalog.csv_requests import counts_of, csv_text, everything, exported, import_rows, rejected, send
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.projects.extras.models import Spec

pytestmark = [pytest.mark.django_db, pytest.mark.projects("extended", "extended_swapped")]

HEADER = "slug,name,price,category,spec.weight,spec.colour,spec.volume,spec.barcode"


def specs() -> list[Any]:
    fields = ("product__slug", "weight", "colour", "volume", "barcode")
    return [(slug, weight, colour, volume and str(volume), code)
            for slug, weight, colour, volume, code in Spec.objects.order_by("product__slug").values_list(*fields)]  # fmt: skip


@pytest.fixture
def shelf() -> Any:
    category = CategoryFactory.create(name="Shelf")
    for slug in ("a", "b", "c"):
        ProductFactory.create(slug=slug, name=slug.upper(), category=category)
    return category


def product(slug: str) -> Any:
    return get_product_model().objects.get(slug=slug)


def test_an_export_has_its_columns_and_the_import_of_it_changes_nothing(admin_client: APIClient, shelf: Any) -> None:
    Spec.objects.create(product=product("a"), weight=3, colour="=1+1", volume="1.5", barcode="7")
    Spec.objects.create(product=product("b"), weight=0)
    text = exported(admin_client)
    header, *lines = text.splitlines()
    assert header.endswith(",spec.weight,spec.colour,spec.volume,spec.barcode")
    assert sorted(line.partition("Z,")[2].partition("Z")[2].split(",")[-4:] for line in lines) == [
        ["", "", "", ""], ["0", "", "", ""], ["3", "'=1+1", "1.50", "7"],
    ]  # fmt: skip
    before = everything(), specs()
    assert counts_of(send(admin_client, text)) == (0, 0, 3, 0)
    assert (everything(), specs()) == before


def test_an_export_of_one_site_is_the_catalogue_of_another(admin_client: APIClient, shelf: Any) -> None:
    Spec.objects.create(product=product("a"), weight=3, colour="=1+1", volume="1.5", barcode="7")
    before, text = specs(), exported(admin_client)
    get_product_model().objects.all().delete()
    assert counts_of(send(admin_client, text)) == (3, 0, 0, 0)
    assert specs() == before


def test_rows_make_and_change_it(admin_client: APIClient, shelf: Any) -> None:
    Spec.objects.create(product=product("a"), weight=3, colour="red")
    rows = [
        ("a", "A", 10, "Shelf", 4, "red", "", ""),
        ("b", "B", 10, "Shelf", 5, "", "2.5", "1"),
        ("c", "C", 10, "Shelf", "", "", "", ""),
        ("n", "N", 10, "Shelf", 6, "", "", ""),
        ("m", "M", 10, "Shelf", "", "", "", ""),
    ]
    assert counts_of(import_rows(admin_client, HEADER, *rows)) == (2, 2, 1, 0)
    assert specs() == [("a", 4, "red", None, None), ("b", 5, "", "2.50", "1"), ("n", 6, "", None, None)]


def test_a_blank_cell_is_null_or_empty_text_where_that_is_allowed_and_keeps_the_rest(
    admin_client: APIClient, shelf: Any
) -> None:
    Spec.objects.create(product=product("a"), weight=3, colour="red", volume="1.5", barcode="7")
    assert counts_of(import_rows(admin_client, HEADER, ("a", "A", 10, "Shelf", "", "", "", ""))) == (0, 1, 0, 0)
    assert specs() == [("a", 3, "", None, None)]


def test_columns_that_are_not_there_keep_their_values(admin_client: APIClient, shelf: Any) -> None:
    Spec.objects.create(product=product("a"), weight=3, colour="red")
    assert counts_of(import_rows(admin_client, "slug,spec.colour", ("a", "blue"))) == (0, 1, 0, 0)
    assert counts_of(import_rows(admin_client, "slug,price", ("a", "11"))) == (0, 1, 0, 0)
    assert specs() == [("a", 3, "blue", None, None)]


def test_errors_name_line_and_column_and_nothing_is_written(admin_client: APIClient, shelf: Any) -> None:
    Spec.objects.create(product=product("c"), weight=3, barcode="7")
    rows = [
        ("a", "A", 10, "Shelf", "heavy", "", "", ""),
        ("b", "B", 10, "Shelf", "", "red", "", ""),
        ("n", "N", 10, "Shelf", 60_000, "", "x", ""),
        ("o", "O", 10, "Shelf", 1, "", "", 7),
        ("p", "P", 10, "Shelf", 1, "", "", 8),
        ("q", "Q", 10, "Shelf", 1, "", "", 8),
    ]
    before = everything(), specs()
    assert sorted(rejected(import_rows(admin_client, HEADER, *rows))) == [
        (2, "spec.weight", "invalid"),
        (3, "spec.weight", "required"),
        (4, "spec.volume", "invalid"),
        (4, "spec.weight", "too_heavy"),
        (5, "spec.barcode", "unique"),
        (7, "spec.barcode", "unique"),
    ]
    assert (everything(), specs()) == before


def test_a_row_takes_no_statement_of_its_own(admin_client: APIClient, shelf: Any) -> None:
    def statements(number: int) -> int:
        rows = [(f"r{number}-{i}", "R", 10, "Shelf", 1, "", "", f"{number}-{i}") for i in range(number)]
        with CaptureQueriesContext(connection) as captured:
            assert send(admin_client, csv_text(HEADER, *rows)).status_code == 200
        with CaptureQueriesContext(connection) as again:
            changed = [(*row[:4], 2, *row[5:]) for row in rows]
            assert counts_of(send(admin_client, csv_text(HEADER, *changed))) == (0, number, 0, 0)
        return len(captured) + len(again)

    assert statements(60) == statements(120)
