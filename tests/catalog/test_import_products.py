"""What an import does to the catalogue: the library's own CSV format."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from rest_framework import serializers
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.serializers import ProductSerializer
from tests.catalog.csv_requests import (
    counts_of,
    everything,
    import_rows,
    path_of_category,
    rejected,
    send,
    warned,
)
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped", "host_user"), pytest.mark.django_db]

ALL = "slug,name,sku,description,price,compare_at_price,category,in_stock,is_published,image_url,metadata"


def only_product() -> Any:
    return get_product_model().objects.get()


def test_a_row_becomes_a_product_with_its_categories(admin_client: APIClient) -> None:
    row = (
        "aero-14",
        "Aero 14",
        "A-14",
        "Light.\nThin.",
        "1299.5",
        "1399",
        "Computers > Laptops",
        "no",
        "F",
        "https://example.com/a.jpg",
        '{"ram": 16}',
    )
    response = import_rows(admin_client, ALL, row)

    assert response.status_code == 200
    assert response.json() == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "errors": [],
        "warnings": [],
    }
    product = only_product()
    assert (product.slug, product.name, product.sku) == ("aero-14", "Aero 14", "A-14")
    assert product.description == "Light.\nThin."
    assert (product.price, product.compare_at_price, product.currency) == (
        Decimal("1299.50"),
        Decimal("1399.00"),
        "USD",
    )
    assert (product.in_stock, product.is_published) == (False, False)
    assert product.image_url == "https://example.com/a.jpg"
    assert product.metadata == {"ram": 16}
    assert path_of_category(product.category) == ["Computers", "Laptops"]
    assert [c.slug for c in get_category_model().objects.order_by("pk")] == ["computers", "laptops"]


def test_columns_that_are_absent_or_empty_give_a_new_product_its_defaults(admin_client: APIClient) -> None:
    header = "name,price,category,sku,compare_at_price,image_url,in_stock,is_published,metadata"
    response = import_rows(admin_client, header, ("Lamp", "5", "Light", "", "", "", "", "", ""))

    assert counts_of(response) == (1, 0, 0, 0)
    product = only_product()
    assert (product.slug, product.description, product.in_stock, product.is_published) == ("lamp", "", True, True)
    assert (product.sku, product.compare_at_price, product.image_url) == (None, None, None)
    assert (product.metadata, product.private_metadata) == ({}, {})


def test_absent_columns_keep_what_a_product_has_and_empty_cells_clear_it(admin_client: APIClient) -> None:
    kept: dict[str, Any] = {
        "description": "Old",
        "sku": "S",
        "compare_at_price": "20.00",
        "image_url": "https://example.com/a.jpg",
        "in_stock": False,
        "is_published": False,
        "metadata": {"a": 1},
    }
    product = ProductFactory(name="Lamp", **kept)

    assert counts_of(import_rows(admin_client, "slug,price", ("lamp", "7"))) == (0, 1, 0, 0)
    product.refresh_from_db()
    assert product.price == Decimal("7.00")
    assert product.compare_at_price == Decimal("20.00")
    assert {name: getattr(product, name) for name in kept if name != "compare_at_price"} == {
        name: value for name, value in kept.items() if name != "compare_at_price"
    }

    header = "slug,description,sku,compare_at_price,image_url,in_stock,is_published,metadata"
    assert counts_of(import_rows(admin_client, header, ("lamp", *[""] * 7))) == (0, 1, 0, 0)
    product.refresh_from_db()
    assert (product.description, product.sku, product.compare_at_price, product.image_url) == ("", None, None, None)
    assert (product.in_stock, product.is_published, product.metadata) == (False, False, {"a": 1})


def test_a_new_product_needs_name_price_and_category(admin_client: APIClient) -> None:
    response = import_rows(admin_client, "slug", ("a",))

    assert rejected(response) == [(2, "name", "required"), (2, "price", "required"), (2, "category", "required")]


def test_a_row_without_anything_to_tell_its_product_by_is_rejected(admin_client: APIClient) -> None:
    assert rejected(import_rows(admin_client, "slug,price", ("", "5")))[0] == (2, "slug", "required")


def test_a_compare_at_price_must_be_above_the_price_the_product_already_has(admin_client: APIClient) -> None:
    product = ProductFactory(price="10.00")

    response = import_rows(admin_client, "slug,compare_at_price", (product.slug, "10.00"))
    assert rejected(response) == [(2, "compare_at_price", "not_above_price")]


@pytest.mark.parametrize("price", ["1e3", "1e999", "NaN", "٣", "１２", "1,000.00", "$5", "-0.01", "10000000000", "0x1"])
def test_a_price_is_plain_ascii_digits_in_range(admin_client: APIClient, price: str) -> None:
    response = import_rows(admin_client, "name,price,category", ("Lamp", price, "Light"))

    [(line, field, _code)] = rejected(response)
    assert (line, field) == (2, "price")


@pytest.mark.parametrize("word", ["true", "TRUE", "1", "yes", "T", " Yes "])
def test_words_for_true(admin_client: APIClient, word: str) -> None:
    product = ProductFactory(in_stock=False)

    assert counts_of(import_rows(admin_client, "slug,in_stock", (product.slug, word))) == (0, 1, 0, 0)
    product.refresh_from_db()
    assert product.in_stock is True


@pytest.mark.parametrize("word", ["2", "on", "wahr", "-", "null"])
def test_other_words_are_no_boolean(admin_client: APIClient, word: str) -> None:
    product = ProductFactory()

    response = import_rows(admin_client, "slug,is_published", (product.slug, word))
    assert rejected(response) == [(2, "is_published", "invalid")]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("Computers > Laptops", ["Computers", "Laptops"]),
        ("  Computers>Laptops ", ["Computers", "Laptops"]),
        (r"A \> B > C", ["A > B", "C"]),
        (r"A\\ > B", ["A\\", "B"]),
        (r"C:\dir > \\\>", [r"C:\dir", r"\>"]),
        ("Ünïcode > 茶", ["Ünïcode", "茶"]),
    ],
)
def test_a_category_is_a_path_of_names(admin_client: APIClient, cell: str, names: list[str]) -> None:
    assert counts_of(import_rows(admin_client, "name,price,category", ("Lamp", "1", cell))) == (1, 0, 0, 0)
    assert path_of_category(only_product().category) == names
    assert get_category_model().objects.count() == len(names)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (">", "blank"),
        ("A > ", "blank"),
        ("> A", "blank"),
        ("x" * 256, "max_length"),
        (" > ".join("a" * 33), "too_deep"),
    ],
)
def test_a_path_with_a_name_that_cannot_be_is_rejected(admin_client: APIClient, cell: str, code: str) -> None:
    response = import_rows(admin_client, "name,price,category", ("Lamp", "1", cell))

    assert rejected(response) == [(2, "category", code)]
    assert everything() == ([], [])


def test_categories_are_found_by_their_exact_path_and_missing_ones_made_once(admin_client: APIClient) -> None:
    root = CategoryFactory(name="Shoes")
    CategoryFactory(name="Boots", parent=root)
    other = CategoryFactory(name="Boots")
    cells = ["Shoes > Boots", "Boots", "shoes > Boots", "Shoes > Boots > Winter", "Shoes > Boots > Winter"]
    rows = [(f"P{number}", "1", cell) for number, cell in enumerate(cells)]

    assert counts_of(import_rows(admin_client, "name,price,category", *rows)) == (5, 0, 0, 0)
    found = [product.category for product in get_product_model().objects.order_by("name")]
    assert [path_of_category(category) for category in found] == [cell.split(" > ") for cell in cells]
    assert found[1] == other
    assert found[3] == found[4]
    categories = get_category_model().objects
    assert categories.count() == 6
    assert set(categories.filter(name="Boots").values_list("slug", flat=True)) == {"boots", "boots-2", "boots-3"}


def test_unknown_columns_are_reported_once_and_the_exports_own_are_not(admin_client: APIClient) -> None:
    header = "name,colour_code,price,category,id,currency,created_at,updated_at,category_name,Größe"
    rows = [(f"P{n}", "red", "1", "C", "77", "XXX", "never", "never", "no", "L") for n in range(3)]
    response = import_rows(admin_client, header, *rows)

    assert warned(response) == [(1, "colour_code", "unknown_column"), (1, "Größe", "unknown_column")]
    assert counts_of(response) == (3, 0, 0, 0)
    assert set(get_product_model().objects.values_list("currency", flat=True)) == {"USD"}


def test_columns_may_come_in_any_order_case_and_spacing(admin_client: APIClient) -> None:
    content = "\ufeff Category , PRICE,Name\r\nLight,5,Lamp\r\n"

    assert counts_of(send(admin_client, content)) == (1, 0, 0, 0)
    assert only_product().name == "Lamp"


def test_line_numbers_count_the_lines_inside_quotes_and_blank_lines(admin_client: APIClient) -> None:
    content = 'name,price,category,description\n\n"Lamp",1,C,"one\ntwo\r\nthree"\n,,,\n\nChair,x,C,\n'

    assert rejected(send(admin_client, content)) == [(8, "price", "invalid")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(admin_client: APIClient, end: str) -> None:
    content = end.join(["name,price,category,description", 'Lamp,1,C,"a, ""b"""', "Chair,x,C"])

    assert rejected(send(admin_client, content)) == [(3, "price", "invalid")]


def test_a_row_may_leave_out_its_last_cells_but_not_have_more_than_the_header(admin_client: APIClient) -> None:
    response = send(admin_client, "name,price,category,description\nLamp,1,C\nChair,1,C,d,e\n")

    assert rejected(response) == [(3, "", "extra_cells")]
    assert counts_of(response) == (1, 0, 0, 1)


class WarrantyField(serializers.IntegerField):
    pass


class StoreSerializer(ProductSerializer):
    warranty_months = WarrantyField(required=False, min_value=0)
    colour = serializers.CharField(required=False, allow_null=True, max_length=40)


@pytest.mark.projects("swapped")
@override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{__name__}.StoreSerializer")
def test_fields_of_the_sites_own_serializer_are_columns(admin_client: APIClient) -> None:
    header = "name,price,category,warranty_months,colour"
    response = import_rows(admin_client, header, ("Lamp", "1", "C", "36", "red"), ("Chair", "1", "C", "", ""))

    assert warned(response) == []
    values = get_product_model().objects.order_by("name").values_list("name", "warranty_months", "colour")
    assert list(values) == [("Chair", 24, None), ("Lamp", 36, "red")]
    response = import_rows(admin_client, "slug,warranty_months", ("lamp", "-1"))
    assert rejected(response) == [(2, "warranty_months", "min_value")]
