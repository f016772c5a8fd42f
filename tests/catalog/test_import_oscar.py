"""A catalogue of django-oscar's. ``oscar.csv`` is what a real Oscar wrote, see ``tests/oscar_site``."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.importing import UnreadableFile, import_products
from tests.catalog import admin_pages
from tests.catalog.csv_requests import counts_of, everything, import_rows, path_of_category, rejected, send, warned
from tests.factories.catalog import ProductFactory

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped"), pytest.mark.django_db]

DUMP = Path(__file__).with_name("oscar.csv")
NAMES = "id,structure,parent_id,title,slug"
SOLD = f"{NAMES},partner_sku,price,currency,track_stock,num_in_stock,num_allocated,is_public"
in_euro = override_settings(SHOPCORE_CATALOG_CURRENCY="EUR")


def product(slug: str) -> Any:
    return get_product_model().objects.select_related("category").get(slug=slug)


def standalone(*cells: object) -> tuple[object, ...]:
    return (1, "standalone", "", "Lamp", "lamp", *cells)


@in_euro
def test_a_real_dump_is_read_and_read_again(admin_client: APIClient) -> None:
    response = send(admin_client, DUMP.read_bytes())
    assert counts_of(response) == (8, 0, 0, 0)
    assert warned(response) == [(2, "category", "several_categories"), (5, "price", "price_range")]
    before = everything()

    assert counts_of(send(admin_client, DUMP.read_bytes())) == (0, 0, 8, 0)
    assert everything() == before


@in_euro
def test_a_product_of_the_dump_is_what_it_was_in_oscar(admin_client: APIClient) -> None:
    send(admin_client, DUMP.read_bytes())

    lamp = product("lampara-de-mesa")
    assert (lamp.name, lamp.sku, lamp.price, lamp.currency) == ("Lámpara de mesa", "LAMP-1", Decimal("39.90"), "EUR")
    assert (lamp.in_stock, lamp.is_published) == (True, True)
    assert lamp.description == "Warm & bright.\nThree steps"
    assert lamp.image_url == "https://old.example.com/media/images/products/first.png"
    assert path_of_category(lamp.category) == ["Home", "Lighting", "Lámpas"]
    assert lamp.metadata == {
        "upc": "4006381333931",
        "categories": ["Sale"],
        "attributes": {
            "care": "<b>Dust</b> it.",
            "dimmable": True,
            "since": "2024-05-01",
            "size": "Größe L",
            "sizes": ["Small", "Größe L"],
            "watts": 12,
            "weight": 1.25,
        },
    }
    mug = product("mug-rock-pop")
    assert (mug.name, mug.description) == ('Mug "Rock, Pop"', "Plain text,\nin two lines.")
    assert path_of_category(mug.category) == ["Home", "Cups > Mugs"]
    assert not mug.in_stock, "all three are allocated"
    assert product("entwurf").is_published is False
    assert product("manual").in_stock, "its class does not track stock"
    assert path_of_category(product("manual").category) == ["Uncategorized"]
    assert [product(slug).sku for slug in ("twin", "twin-10")] == ["TWIN-1", "TWIN-2"]
    assert get_product_model().objects.filter(name="日本茶").count() == 1
    assert get_category_model().objects.count() == 6


@in_euro
def test_a_parent_and_its_children_are_one_product(admin_client: APIClient) -> None:
    send(admin_client, DUMP.read_bytes())

    shirt = product("t-shirt")
    assert (shirt.name, shirt.description) == ("T-Shirt", "Cotton.")
    assert (shirt.price, shirt.sku, shirt.in_stock) == (Decimal("15.50"), "TS-L", True)
    assert shirt.metadata == {"attributes": {"care": "Cold."}}
    assert not get_product_model().objects.filter(slug__startswith="t-shirt-").exists()


@in_euro
def test_the_command_takes_the_format_by_its_name() -> None:
    out = io.StringIO()
    call_command("shopcore_import", str(DUMP), "--format", "oscar", stdout=out, stderr=io.StringIO())

    assert out.getvalue() == "created 8, updated 0, unchanged 0, rejected 0\n"


@in_euro
def test_the_admin_takes_it_as_a_file() -> None:
    browser = admin_pages.browser(admin_pages.make_superuser())
    upload = SimpleUploadedFile("oscar.csv", DUMP.read_bytes(), "text/csv")
    form = browser.post(admin_pages.products_url("import"), {"file": upload}).context["form"]
    hidden = {name: form[name].value() for name in form.fields}

    assert browser.post(admin_pages.products_url("import"), hidden).status_code == 302
    assert get_product_model().objects.count() == 8


def test_prices_of_another_currency_are_not_taken_for_ours(admin_client: APIClient) -> None:
    response = send(admin_client, DUMP.read_bytes())

    assert (2, "currency", "other_currency") in rejected(response)
    assert "EUR" in response.json()["errors"][0]["detail"]
    assert everything() == ([], [])


def test_children_that_are_not_public_do_not_count(admin_client: APIClient) -> None:
    rows = [
        (1, "parent", "", "Shirt", "shirt", "", "", "", True, "", "", True),
        (2, "child", 1, "", "", "S", "5", "USD", True, 0, 0, True),
        (3, "child", 1, "", "", "L", "1", "USD", True, 9, 0, False),
        (4, "child", 1, "", "", "X", "", "", True, "", "", False),
    ]
    assert counts_of(import_rows(admin_client, SOLD, *rows)) == (1, 0, 0, 0)
    shirt = product("shirt")
    assert (shirt.price, shirt.sku, shirt.in_stock) == (Decimal("5.00"), "S", False)


def test_a_parent_without_a_public_child_is_out_of_stock(admin_client: APIClient) -> None:
    rows = [
        (1, "parent", "", "Shirt", "shirt", "", "", "", True, "", "", True),
        (3, "child", 1, "", "", "L", "1", "USD", True, 9, 0, False),
    ]
    assert counts_of(import_rows(admin_client, SOLD, *rows)) == (1, 0, 0, 0)
    shirt = product("shirt")
    assert (shirt.price, shirt.in_stock, shirt.is_published) == (Decimal("1.00"), False, True)


@pytest.mark.parametrize(
    ("track", "stock", "allocated", "in_stock"),
    [
        ("True", "5", "", True),
        ("True", "5", "5", False),
        ("True", "", "", False),
        ("True", "2", "-1", True),
        ("False", "", "", True),
        ("", "0", "", False),
    ],
)
def test_a_product_is_in_stock_when_more_is_there_than_allocated(
    admin_client: APIClient, track: str, stock: str, allocated: str, in_stock: bool
) -> None:
    import_rows(admin_client, SOLD, standalone("", "5", "USD", track, stock, allocated, "True"))

    assert product("lamp").in_stock is in_stock


def test_errors_name_the_line_of_the_child_and_count_the_product_once(admin_client: APIClient) -> None:
    rows = [
        (1, "parent", "", "Shirt", "shirt", "", "", "", True, "", "", True),
        (2, "child", 1, "", "", "", "x", "USD", True, "some", 0, True),
        (3, "child", 1, "", "", "", "5", "GBP", "?", 1, "9" * 5000, "perhaps"),
        (4, "child", 1, "", "", "", "", "", True, 1, 0, True),
        (7, "child", 6, "", "", "", "5", "USD", True, 1, 0, True),
        (8, "standalone", "", "", "eight", "", "5", "USD", True, 1, 0, True),
        ("", "standalone", "", "Nine", "nine", "", "5", "USD", True, 1, 0, True),
        (10, "standalone", "", "Ten", "ten", "", "5", "USD", True, 1, 0, True),
        (10, "standalone", "", "Ten", "ten", "", "5", "USD", True, 1, 0, True),
        (11, "standalone", "", "Eight", "eight", "", "5", "USD", True, 1, 0, True),
        (12, "parent", "", "Lonely", "lonely", "", "", "", True, "", "", True),
    ]
    response = import_rows(admin_client, SOLD, *rows)

    assert rejected(response) == [
        (4, "is_published", "invalid"),
        (3, "price", "invalid"),
        (3, "in_stock", "invalid"),
        (4, "currency", "other_currency"),
        (4, "in_stock", "invalid"),
        (4, "in_stock", "invalid"),
        (5, "price", "required"),
        (6, "", "orphan"),
        (7, "name", "required"),
        (8, "", "required"),
        (10, "", "duplicate"),
        (11, "slug", "duplicate"),
        (12, "price", "required"),
    ]
    assert counts_of(response) == (0, 0, 0, 7)


@pytest.mark.parametrize(
    ("column", "cell", "error"),
    [
        ("categories", "Home", ("category", "parse_error")),
        ("categories", '{"a": 1}', ("category", "invalid")),
        ("categories", '["Home"]', ("category", "invalid")),
        ("categories", "[[1]]", ("category", "invalid")),
        ("categories", "[[]]", ("category", "blank")),
        ("categories", '[["Home", " "]]', ("category", "blank")),
        ("categories", '[["Home"], ["' + "x" * 256 + '"]]', ("category", "max_length")),
        ("attributes", "[1]", ("attributes", "invalid")),
        ("attributes", '{"a": NaN}', ("attributes", "invalid_number")),
        ("attributes", '{"a":' + "[" * 90 + "]" * 90 + "}", ("attributes", "too_deep")),
        ("attributes", f'{{"a": "{"x" * 16384}"}}', ("metadata", "too_large")),
        ("price", "-1", ("price", "min_value")),
        ("description", "d" * 20_001, ("description", "max_length")),
    ],
)
def test_a_cell_that_makes_no_sense_is_an_error_of_its_row(
    admin_client: APIClient, column: str, cell: str, error: tuple[str, str]
) -> None:
    header = NAMES + (",price" if column != "price" else "")
    row = standalone(*(["5"] if column != "price" else []), cell)

    assert rejected(import_rows(admin_client, f"{header},{column}", row)) == [(2, *error)]


def test_columns_that_the_file_lacks_keep_what_a_product_has(admin_client: APIClient) -> None:
    ProductFactory(name="Lamp", description="Old", sku="S", in_stock=False, is_published=False, metadata={"a": 1})
    before = everything()

    assert counts_of(import_rows(admin_client, NAMES, standalone())) == (0, 0, 1, 0)
    assert everything() == before
    new = (2, "standalone", "", "New", "new")
    assert rejected(import_rows(admin_client, NAMES, new)) == [(2, "price", "required")]


def test_a_product_without_a_slug_gets_that_of_its_name(admin_client: APIClient) -> None:
    row = (1, "standalone", "", "日本茶", "", "5")

    assert counts_of(import_rows(admin_client, f"{NAMES},price", row)) == (1, 0, 0, 0)
    assert counts_of(import_rows(admin_client, f"{NAMES},price", row)) == (0, 0, 1, 0)
    assert product("日本茶").name == "日本茶"


def test_an_image_without_an_https_address_is_dropped(admin_client: APIClient) -> None:
    response = import_rows(admin_client, f"{NAMES},price,image,colour", standalone("5", "/media/lamp.png", "red"))

    assert warned(response) == [(1, "colour", "unknown_column"), (2, "image_url", "image_dropped")]
    assert product("lamp").image_url is None


def test_a_line_with_more_cells_than_the_header_is_rejected(admin_client: APIClient) -> None:
    assert rejected(import_rows(admin_client, f"{NAMES},price", standalone("5", "6"))) == [(2, "", "extra_cells")]


def test_a_file_said_to_be_oscars_needs_its_columns() -> None:
    with pytest.raises(UnreadableFile) as caught:
        import_products(io.BytesIO(b"id,title,slug\n1,Lamp,lamp\n"), format="oscar")
    assert [(error["field"], error["code"]) for error in caught.value.errors] == [("structure", "invalid_header")]
