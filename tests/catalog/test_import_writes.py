"""All or nothing: what an import writes and what it leaves, whom it tells, who may hold a slug or a SKU."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model, signals
from tests.catalog.csv_requests import (
    counts_of,
    csv_text,
    entries,
    everything,
    import_rows,
    rejected,
    send,
)
from tests.factories.catalog import ProductFactory

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped", "host_user"), pytest.mark.django_db]


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


@pytest.mark.parametrize("first", [0, 1])
def test_a_sku_that_another_line_keeps_cannot_be_taken(admin_client: APIClient, first: int) -> None:
    ProductFactory(name="keeper", sku="S1")
    ProductFactory(name="taker", sku="S2")
    rows = [("keeper", "S1"), ("taker", "S1")]
    found = rejected(import_rows(admin_client, "slug,sku", *(reversed(rows) if first else rows)))
    assert found == ([(2, "sku", "unique"), (3, "sku", "duplicate")] if first else [(3, "sku", "duplicate")])


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
