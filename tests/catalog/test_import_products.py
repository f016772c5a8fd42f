"""What an import does to the catalogue: the library's own CSV format."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from rest_framework import serializers
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model, signals
from django_shopcore.catalog.serializers import ProductSerializer
from tests.catalog.csv_requests import (
    counts_of,
    csv_text,
    entries,
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


def test_an_update_sets_updated_at_and_an_unchanged_row_writes_nothing(admin_client: APIClient) -> None:
    products = [ProductFactory(name=name, metadata={"n": 1}) for name in ("Lamp", "Chair")]
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    get_product_model().objects.update(updated_at=long_ago)

    header = "slug,price,metadata,category"
    rows = [(p.slug, "10.0" if p.name == "Lamp" else "11", '{"n": 1}', p.category.name) for p in products]
    assert counts_of(import_rows(admin_client, header, *rows)) == (0, 1, 1, 0)

    lamp, chair = (get_product_model().objects.get(pk=product.pk) for product in products)
    assert lamp.updated_at == long_ago
    assert chair.updated_at > long_ago
    assert chair.created_at == products[1].created_at


def test_json_values_that_python_takes_for_equal_are_a_change(admin_client: APIClient) -> None:
    product = ProductFactory(metadata={"n": True})

    assert counts_of(import_rows(admin_client, "slug,metadata", (product.slug, '{"n": 1}'))) == (0, 1, 0, 0)
    product.refresh_from_db()
    assert product.metadata["n"] is not True


def test_a_second_import_of_a_file_without_slugs_changes_nothing(admin_client: APIClient) -> None:
    rows = [("Café Crème", "3.20", "Drinks"), ("!!!", "1", "Odd"), ("茶", "2", "Drinks > Hot")]
    assert counts_of(import_rows(admin_client, "name,price,category", *rows)) == (3, 0, 0, 0)
    assert set(get_product_model().objects.values_list("slug", flat=True)) == {"café-crème", "product", "茶"}
    before = everything()

    assert counts_of(import_rows(admin_client, "name,price,category", *rows)) == (0, 0, 3, 0)
    assert everything() == before


def test_a_wrong_row_undoes_the_whole_file_with_its_categories(admin_client: APIClient) -> None:
    ProductFactory(name="Lamp")
    before = everything()
    rows = [("lamp", "Lamp", "99", "New"), ("chair", "Chair", "1", "New > Newer"), ("desk", "Desk", "-1", "Other")]
    response = import_rows(admin_client, "slug,name,price,category", *rows)

    assert rejected(response) == [(4, "price", "min_value")]
    body = response.json()
    assert {**body, "errors": []} == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "Nothing was imported: some rows are wrong.",
        "code": "import_rejected",
        "created": 1,
        "updated": 1,
        "unchanged": 0,
        "rejected": 1,
        "errors": [],
        "warnings": [],
    }
    assert everything() == before


def test_all_errors_of_all_rows_are_listed_in_the_files_order(admin_client: APIClient) -> None:
    header = "slug,name,price,category,in_stock,compare_at_price,image_url,metadata"
    rows = [
        ("a", "", "", "", "maybe", "", "", ""),
        ("b", "B", "1.999", "A >  > B", "", "x", "http://example.com/", "[]"),
        ("a", "A", "1", "C", "", "", "", ""),
        ("c d", "C", "5", "C", "", "5", "", "{"),
    ]
    assert rejected(import_rows(admin_client, header, *rows)) == [
        (2, "name", "required"),
        (2, "price", "required"),
        (2, "category", "required"),
        (2, "in_stock", "invalid"),
        (3, "category", "blank"),
        (3, "price", "max_decimal_places"),
        (3, "compare_at_price", "invalid"),
        (3, "image_url", "invalid"),
        (3, "metadata", "not_an_object"),
        (4, "slug", "duplicate"),
        (5, "metadata", "parse_error"),
        (5, "slug", "invalid"),
    ]


def test_a_new_product_needs_name_price_and_category(admin_client: APIClient) -> None:
    response = import_rows(admin_client, "slug", ("a",))

    assert rejected(response) == [(2, "name", "required"), (2, "price", "required"), (2, "category", "required")]


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


def test_the_second_row_of_a_slug_or_a_sku_is_rejected(admin_client: APIClient) -> None:
    rows = [("a", "A", "S1"), ("b", "B", "S1"), ("a", "A again", ""), ("", "b", "S2")]
    rows = [(*row, "1", "C") for row in rows]
    response = import_rows(admin_client, "slug,name,sku,price,category", *rows)

    assert rejected(response) == [(3, "sku", "duplicate"), (4, "slug", "duplicate"), (5, "slug", "duplicate")]
    assert "Line 2" in response.json()["errors"][1]["detail"]


def test_a_sku_of_a_product_that_the_file_does_not_name_is_taken(admin_client: APIClient) -> None:
    ProductFactory(name="Lamp", sku="S1")
    chair = ProductFactory(name="Chair", sku="S2")

    assert rejected(import_rows(admin_client, "slug,sku", ("chair", "S1"))) == [(2, "sku", "unique")]
    response = import_rows(admin_client, "slug,name,sku,price,category", ("desk", "Desk", "S2", "1", "C"))
    assert rejected(response) == [(2, "sku", "unique")]
    assert counts_of(import_rows(admin_client, "slug,sku", (chair.slug, "S2"))) == (0, 0, 1, 0)


def test_a_sku_that_a_line_gives_up_is_free_for_the_lines_below(admin_client: APIClient) -> None:
    for name, sku in (("a", "S1"), ("b", "S2"), ("c", "S3")):
        ProductFactory(name=name, sku=sku)
    rows = [("a", "S9", "A"), ("b", "S1", "B"), ("c", "", "C"), ("d", "S3", "D")]
    rows = [(*row, "1", "X") for row in rows]

    assert counts_of(import_rows(admin_client, "slug,sku,name,price,category", *rows)) == (1, 3, 0, 0)
    held = dict(get_product_model().objects.values_list("slug", "sku"))
    assert held == {"a": "S9", "b": "S1", "c": None, "d": "S3"}


def test_a_sku_that_is_given_up_further_down_is_still_taken(admin_client: APIClient) -> None:
    ProductFactory(name="a", sku="S1")
    ProductFactory(name="b", sku="S2")

    assert rejected(import_rows(admin_client, "slug,sku", ("a", "S2"), ("b", "S1"))) == [(2, "sku", "unique")]


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


def test_a_dry_run_reports_the_same_and_writes_nothing(admin_client: APIClient) -> None:
    heard: list[Any] = []
    receivers = [signals.products_imported, signals.categories_created, signals.products_created]
    for signal in receivers:
        signal.connect(heard.append, weak=False, dispatch_uid="test")
    ProductFactory(name="Lamp")
    before = everything()
    content = csv_text("slug,name,price,category", ("lamp", "Lamp", "3", "New"), ("chair", "Chair", "1", "A > B"))
    try:
        response = send(admin_client, content, "?dry_run=true")
    finally:
        for signal in receivers:
            signal.disconnect(dispatch_uid="test")

    assert response.status_code == 200
    assert counts_of(response) == (1, 1, 0, 0)
    assert everything() == before
    assert heard == []
    assert counts_of(send(admin_client, content, "?dry_run=false")) == (1, 1, 0, 0)


def test_a_dry_run_with_wrong_rows_is_a_report_too(admin_client: APIClient) -> None:
    response = import_rows(admin_client, "name,price,category", ("Lamp", "x", "C"), query="?dry_run=true")

    assert response.status_code == 200
    assert counts_of(response) == (0, 0, 0, 1)
    assert entries(response.json()["errors"]) == [(2, "price", "invalid")]


def test_an_import_announces_itself_once_and_its_new_categories(admin_client: APIClient) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []

    def on_import(sender: Any, **kwargs: Any) -> None:
        heard.append(("import", {"sender": sender, **kwargs}))

    def on_categories(sender: Any, **kwargs: Any) -> None:
        heard.append(("categories", {"sender": sender, **kwargs}))

    signals.products_imported.connect(on_import)
    signals.categories_created.connect(on_categories)
    row = ("Lamp", "1", "A > B")
    import_rows(admin_client, "name,price,category", row)
    import_rows(admin_client, "name,price,category", row)
    import_rows(admin_client, "name,price,category", ("Chair", "x", "Other"))

    assert [name for name, _event in heard] == ["categories", "import"]
    assert [category.name for category in heard[0][1]["categories"]] == ["A", "B"]
    event = heard[1][1]
    assert event["sender"] is get_product_model()
    assert event["report"].created == 1
    assert event["actor"].is_staff


def test_a_receiver_that_raises_undoes_the_import(admin_client: APIClient) -> None:
    def refuse(**kwargs: Any) -> None:
        raise RuntimeError("no")

    signals.products_imported.connect(refuse)
    with pytest.raises(RuntimeError):
        import_rows(admin_client, "name,price,category", ("Lamp", "1", "A"))
    assert everything() == ([], [])


@override_settings(SHOPCORE_CATALOG_MAX_REPORTED_ERRORS=3)
def test_the_report_lists_a_bounded_number_of_errors_and_counts_them_all(admin_client: APIClient) -> None:
    response = import_rows(admin_client, "name,price,category", *[(f"P{n}", "x", "C") for n in range(10)])

    assert rejected(response) == [(2, "price", "invalid"), (3, "price", "invalid"), (4, "price", "invalid")]
    assert counts_of(response) == (0, 0, 0, 10)


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
