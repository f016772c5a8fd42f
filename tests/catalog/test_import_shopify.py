"""Shopify's product CSV."""

from __future__ import annotations

import io
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.importing import UnreadableFile, import_products
from tests.catalog.csv_requests import counts_of, everything, import_rows, path_of_category, rejected, send, warned
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped"), pytest.mark.django_db]

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"
VARIANTS = "Handle,Title,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price"


def sample(name: str) -> bytes:
    path = SAMPLES / f"shopify-{name}.csv"
    if not path.exists():
        pytest.skip("Shopify's sample files are not here")
    return path.read_bytes()


def product(slug: str) -> Any:
    return get_product_model().objects.get(slug=slug)


@pytest.mark.parametrize(
    ("name", "count", "warnings"),
    [
        ("jewelery", 20, [(4, "price", "price_range")]),
        ("apparel", 20, []),
        ("home-and-garden", 20, [(2, "price", "price_range")]),
    ],
)
def test_shopifys_samples_are_read_and_read_again(
    admin_client: APIClient, name: str, count: int, warnings: list[tuple[int, str, str]]
) -> None:
    response = send(admin_client, sample(name))
    assert counts_of(response) == (count, 0, 0, 0)
    assert warned(response) == warnings
    before = everything()

    assert counts_of(send(admin_client, sample(name))) == (0, 0, count, 0)
    assert everything() == before


def test_variants_and_further_images_of_the_jewelery_sample_are_one_product(admin_client: APIClient) -> None:
    send(admin_client, sample("jewelery"))

    anchor = product("leather-anchor")
    assert anchor.name == "Anchor Bracelet Mens"
    assert anchor.description == "Black leather bracelet with gold or silver anchor for men."
    assert (anchor.price, anchor.compare_at_price) == (Decimal("55.00"), Decimal("85.00"))
    assert (anchor.sku, anchor.in_stock, anchor.is_published) == (None, True, True)
    assert anchor.image_url == "https://burst.shopifycdn.com/photos/anchor-bracelet-mens_925x.jpg"
    assert anchor.metadata == {"vendor": "Company 123", "tags": ["Anchor", "Gold", "Leather", "Silver"]}
    assert path_of_category(anchor.category) == ["Bracelet"]
    assert product("gemstone").description == (
        "Gemstone pendant, housed in sterling silver, with sterling silver chain.\nSterling silver chain, 14 inches\n"
        "Turquoise or Quartz\nBoho Chic\nMade in USA"
    )
    assert product("choker-with-gold-pendant").description.splitlines()[1:4] == [
        "14k yellow gold",
        "Leather",
        'Length, 12" with 2.5" extender',
    ]
    names = [p.category.name for p in get_product_model().objects.select_related("category")]
    assert Counter(names) == {"Necklace": 11, "Bracelet": 5, "Earrings": 4}


def test_products_of_the_apparel_sample_without_a_type_are_uncategorized(admin_client: APIClient) -> None:
    send(admin_client, sample("apparel"))

    assert list(get_category_model().objects.values_list("name", "slug")) == [("Uncategorized", "uncategorized")]
    assert product("classic-varsity-top").price == Decimal("60.00")


def test_the_format_is_told_by_handle_and_title(admin_client: APIClient) -> None:
    assert counts_of(import_rows(admin_client, "Title,Handle,Variant Price", ("Lamp", "my-lamp", "5"))) == (1, 0, 0, 0)
    assert product("my-lamp").name == "Lamp"


def test_the_lowest_price_is_taken_with_its_own_sku_and_compare_at_price(admin_client: APIClient) -> None:
    rows = [
        ("lamp", "Lamp", "S1", "", "", "", "30", "40"),
        ("lamp", "", "", "", "", "", "20.0", "25"),
        ("lamp", "", "S3", "", "", "", "20", "99"),
        ("lamp", "", "", "", "", "", "", ""),
    ]
    response = import_rows(admin_client, VARIANTS, *rows)

    assert warned(response) == [(2, "price", "price_range")]
    assert "20.00 to 30.00" in response.json()["warnings"][0]["detail"]
    lamp = product("lamp")
    assert (lamp.price, lamp.compare_at_price, lamp.sku) == (Decimal("20.00"), Decimal("25.00"), "S3")


@pytest.mark.parametrize("compare", ["0", "19.99", "20"])
def test_a_compare_at_price_that_is_not_above_the_price_is_dropped(admin_client: APIClient, compare: str) -> None:
    response = import_rows(admin_client, VARIANTS, ("lamp", "Lamp", "", "", "", "", "20", compare))

    assert warned(response) == [(2, "compare_at_price", "compare_at_dropped")]
    assert product("lamp").compare_at_price is None


@pytest.mark.parametrize(
    ("variants", "in_stock"),
    [
        ([("", "0", "deny")], True),
        ([("shopify", "0", "deny")], False),
        ([("shopify", "", "deny")], False),
        ([("shopify", "-3", "deny")], False),
        ([("shopify", "000", "deny")], False),
        ([("shopify", "1", "deny")], True),
        ([("shopify", "9" * 5000, "deny")], True),
        ([("shopify", "0", "Continue")], True),
        ([("shopify", "0", "deny"), ("shopify", "0", "continue")], True),
        ([("shopify", "0", "deny"), ("shopify", "0", "deny")], False),
    ],
)
def test_a_product_is_in_stock_when_a_variant_can_be_sold(
    admin_client: APIClient, variants: list[tuple[str, str, str]], in_stock: bool
) -> None:
    import_rows(admin_client, VARIANTS, *[("lamp", "Lamp", "", *variant, "20", "") for variant in variants])

    assert product("lamp").in_stock is in_stock


@pytest.mark.parametrize(
    ("published", "status", "expected"),
    [
        ("TRUE", "active", True),
        ("true", "", True),
        ("TRUE", "draft", False),
        ("TRUE", "Archived", False),
        ("FALSE", "active", False),
        ("FALSE", "", False),
        ("", "active", True),
        ("", "", True),
    ],
)
def test_a_product_is_published_by_published_and_status(
    admin_client: APIClient, published: str, status: str, expected: bool
) -> None:
    header = "Handle,Title,Variant Price,Published,Status"
    assert counts_of(import_rows(admin_client, header, ("lamp", "Lamp", "5", published, status))) == (1, 0, 0, 0)
    assert product("lamp").is_published is expected


@pytest.mark.parametrize(
    ("category", "kind", "path"),
    [
        ("Home > Lighting > Lamps", "Lamp", ["Home", "Lighting", "Lamps"]),
        ("", "Lamp", ["Lamp"]),
        ("", "Home > Lamp", ["Home", "Lamp"]),
        ("", "A>B\\", ["A>B\\"]),
        ("", "", ["Uncategorized"]),
    ],
)
def test_the_category_is_shopifys_or_the_type(
    admin_client: APIClient, category: str, kind: str, path: list[str]
) -> None:
    header = "Handle,Title,Variant Price,Product Category,Type"
    assert counts_of(import_rows(admin_client, header, ("lamp", "Lamp", "5", category, kind))) == (1, 0, 0, 0)
    assert path_of_category(product("lamp").category) == path


def test_columns_that_the_file_lacks_keep_what_a_product_has(admin_client: APIClient) -> None:
    lamp = ProductFactory(
        name="Lamp", description="Old", sku="S", in_stock=False, is_published=False, metadata={"a": 1}, price="7"
    )
    before = everything()

    assert counts_of(import_rows(admin_client, "Handle,Title", (lamp.slug, "Lamp"))) == (0, 0, 1, 0)
    assert everything() == before
    assert rejected(import_rows(admin_client, "Handle,Title", ("new", "New"))) == [(2, "price", "required")]


def test_vendor_and_tags_are_merged_into_the_metadata(admin_client: APIClient) -> None:
    lamp = ProductFactory(name="Lamp", metadata={"a": 1, "vendor": "Old"}, category=CategoryFactory(name="X"))
    header = "Handle,Title,Vendor,Tags"

    assert counts_of(import_rows(admin_client, header, (lamp.slug, "Lamp", "", ""))) == (0, 0, 1, 0)
    assert counts_of(import_rows(admin_client, header, (lamp.slug, "Lamp", "New", " a, b,,c "))) == (0, 1, 0, 0)
    lamp.refresh_from_db()
    assert lamp.metadata == {"a": 1, "vendor": "New", "tags": ["a", "b", "c"]}


@pytest.mark.parametrize("url", ["http://example.com/a.jpg", "not a url", "https://" + "a" * 2000 + ".com/"])
def test_an_image_without_an_https_address_is_dropped(admin_client: APIClient, url: str) -> None:
    response = import_rows(admin_client, "Handle,Title,Variant Price,Image Src", ("lamp", "Lamp", "5", url))

    assert warned(response) == [(2, "image_url", "image_dropped")]
    assert product("lamp").image_url is None


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain\n\ntext &amp; more", "plain\n\ntext & more"),
        ("1 < 2 &lt;b&gt;", "1 < 2 <b>"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<p>One\n  and   half</p>\n<ul>\n<li>Two</li>\n<li>Three</li>\n</ul>", "One and half\nTwo\nThree"),
        ("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
        ("a<br><br>b", "a\n\nb"),
        ("<b>bold</b>, <i>not</i>", "bold, not"),
        ('<a title="a > b" href=x>link</a>', "link"),
        ("<style>p { color: red }</style>a<script>if (1 < 2) alert('<p>')</script>b", "ab"),
        ("a<!-- <p>hidden</p> -->b<![if !vml]>c<![endif]>", "abc"),
        ("caf&eacute; &#8364; &#x1F600; 5 &nbsp;m", "café € 😀 5 \xa0m"),
        ("<h1>Title</h1>text<div>more</div>", "Title\ntext\nmore"),
        ("", ""),
    ],
)
def test_the_description_is_the_text_of_the_html(admin_client: APIClient, html: str, text: str) -> None:
    header = "Handle,Title,Variant Price,Body (HTML)"
    assert counts_of(import_rows(admin_client, header, ("lamp", "Lamp", "5", html))) == (1, 0, 0, 0)
    assert product("lamp").description == text


def test_errors_name_the_line_of_the_variant_and_count_the_product_once(admin_client: APIClient) -> None:
    rows = [
        ("lamp", "Lamp", "", "shopify", "some", "", "x", ""),
        ("lamp", "", "S2", "", "", "", "", ""),
        ("lamp", "", "", "", "", "", "5", "y"),
        ("", "Nobody", "", "", "", "", "5", ""),
        ("chair", "", "", "", "", "", "5", ""),
        ("desk", "Desk", "", "", "", "", "5", ""),
        ("chair", "Chair", "", "", "", "", "5", ""),
    ]
    response = import_rows(admin_client, VARIANTS, *rows)

    assert rejected(response) == [
        (2, "price", "invalid"),
        (2, "in_stock", "invalid"),
        (3, "price", "required"),
        (4, "compare_at_price", "invalid"),
        (5, "slug", "required"),
        (6, "name", "required"),
        (8, "slug", "duplicate"),
    ]
    assert counts_of(response) == (1, 0, 0, 4)


def test_shopifys_own_columns_are_known_and_others_are_reported(admin_client: APIClient) -> None:
    header = ",".join(
        [
            "Handle,Title,Variant Price,Option1 Name,Option1 Linked To,Variant Grams,Image Alt Text,Gift Card",
            "SEO Title,Google Shopping / MPN,Cost per item,Price / International,Compare At Price / EU,Included / EU",
            "Unit Price Total Measure,Color (product.metafields.shopify.color-pattern),Margin",
        ]
    )
    row = ["lamp", "Lamp", "5", *["x"] * (header.count(",") - 2)]

    assert warned(import_rows(admin_client, header, row)) == [(1, "Margin", "unknown_column")]


def test_a_line_with_more_cells_than_the_header_is_rejected(admin_client: APIClient) -> None:
    content = "Handle,Title,Variant Price\nlamp,Lamp,5\nlamp,,5,6\n"

    assert rejected(send(admin_client, content)) == [(3, "", "extra_cells")]


def test_cells_that_make_no_sense_are_errors_of_their_field(admin_client: APIClient) -> None:
    header = "Handle,Title,Variant Price,Type,Published,Status"
    rows = [
        ("a", "A", "5", "X >  > Y", "TRUE", "active"),
        ("b", "B", "5", "X", "maybe", ""),
        ("c", "C", "5", "X", "", "?"),
    ]

    assert rejected(import_rows(admin_client, header, *rows)) == [
        (2, "category", "blank"),
        (3, "is_published", "invalid"),
        (4, "is_published", "invalid_choice"),
    ]


def test_a_file_said_to_be_shopifys_needs_its_columns() -> None:
    with pytest.raises(UnreadableFile) as caught:
        import_products(io.BytesIO(b"Handle,Price\nlamp,5\n"), format="shopify")
    assert [(error["field"], error["code"]) for error in caught.value.errors] == [("Title", "invalid_header")]
