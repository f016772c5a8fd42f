"""Search in names and descriptions; what only PostgreSQL forgives is tested as such."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.search import search
from tests.catalog.shapes import PRODUCTS, names_in
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL knows similar words.")
sqlite = pytest.mark.skipif(connection.vendor == "postgresql", reason="What other databases do instead.")


def stock(*products: str | tuple[str, str]) -> None:
    category = CategoryFactory.create()
    for product in products:
        name, description = product if isinstance(product, tuple) else (product, "")
        ProductFactory.create(name=name, description=description, category=category)


def found(client: APIClient, text: str, more: str = "") -> list[str]:
    return names_in(client.get(f"{PRODUCTS}?search={quote(text)}{more}"))


def test_all_words_must_match_in_the_name_or_the_description(anonymous: APIClient) -> None:
    stock(("Red shirt", "Made of cotton"), ("Blue shirt", "Made of wool"), ("Cotton socks", ""))
    assert set(found(anonymous, "shirt")) == {"Red shirt", "Blue shirt"}
    assert found(anonymous, "shirt cotton") == ["Red shirt"]
    assert found(anonymous, "cotton shirt red") == ["Red shirt"]
    assert found(anonymous, "red wool") == []


def test_case_does_not_matter_also_beyond_ascii(anonymous: APIClient) -> None:
    stock("Grüne ÄPFEL", "ЁЛКА зелёная")
    for text in ("äpfel", "ÄPFEL", "Äpfel", "GRÜNE äpfel"):
        assert found(anonymous, text) == ["Grüne ÄPFEL"], text
    assert found(anonymous, "ёлка") == ["ЁЛКА зелёная"]


def test_prefixes_match(anonymous: APIClient) -> None:
    stock("Wireless headphones", "Wired headset")
    assert set(found(anonymous, "head")) == {"Wireless headphones", "Wired headset"}
    assert found(anonymous, "wirel headp") == ["Wireless headphones"]


def test_the_name_counts_more_than_the_description(anonymous: APIClient) -> None:
    stock(("Bag", "Fits a laptop"), ("Laptop", "A computer"), ("Chair", "Nice"))
    assert found(anonymous, "laptop") == ["Laptop", "Bag"]


def test_an_ordering_takes_the_place_of_the_best_match(anonymous: APIClient) -> None:
    stock(("Bag", "Fits a laptop"), ("Laptop", "A computer"))
    assert found(anonymous, "laptop", "&ordering=name") == ["Bag", "Laptop"]
    assert found(anonymous, "laptop", "&ordering=-name") == ["Laptop", "Bag"]


def test_an_empty_search_is_none(anonymous: APIClient) -> None:
    stock("A", "B")
    assert set(found(anonymous, "")) == {"A", "B"}


@pytest.mark.parametrize(
    "text",
    ["!!!", "%", "%%", "_", "'", "''", '"', "\\", "\\'", ":*", "&", "|", "!", "<->", "()", ";--", "*", "?", "$$", "{}"]
    + ["...", "-", "~`", "[", "/*", "@>", "#", "^"],
)
def test_punctuation_finds_nothing_and_breaks_nothing(anonymous: APIClient, text: str) -> None:
    stock("Plain name", ("100% _ it's", "a\\b 'quoted' \"text\" {} $$ ()"))
    assert found(anonymous, text) == []


@pytest.mark.parametrize("text", ["{0}", "%s", "%(name)s", "{name}", "\\0", "$1", ":name", "?1"])
def test_what_looks_like_a_placeholder_is_none(anonymous: APIClient, text: str) -> None:
    stock("Zebra")
    assert found(anonymous, text) == []


@pytest.mark.parametrize(
    "text",
    ["laptop' OR 1=1 --", "laptop:*", "laptop & bag", "laptop | nothing", "!laptop", "laptop <-> bag", "laptop\\"]
    + ["laptop'", "'laptop':*&'bag'", "laptop%", "lap_top", "lap%top", "laptop) OR (1=1", "laptop{0}", "laptop%s"],
)
def test_what_looks_like_an_operator_is_none(anonymous: APIClient, text: str) -> None:
    stock("Laptop bag", "Other thing", "Zebra")
    assert set(found(anonymous, text)) <= {"Laptop bag"}


def test_punctuation_within_names_separates_words(anonymous: APIClient) -> None:
    stock("USB-C/HDMI adapter (v2.0)", ("Q_z", "x@example.com, https://example.org/path?q=1"))
    for text in ("usb", "hdmi", "usb-c", "USB C", "usb-c/hdmi", "v2", "(v2.0)", "adapter, HDMI"):
        assert found(anonymous, text) == ["USB-C/HDMI adapter (v2.0)"], text
    for text in ("example.org", "path", "x@example.com", "q_z"):
        assert found(anonymous, text) == ["Q_z"], text


@pytest.mark.parametrize(
    "text", ["ノート", "手提げ", "мебель", "ψωμί", "😀", "naïve", "été", "a\u0301b", "\u202eabc", "İ", "ﬁn"]
)
def test_no_script_breaks_the_search(anonymous: APIClient, text: str) -> None:
    stock("Plain name")
    assert found(anonymous, text) == []


def test_words_of_other_scripts_are_found(anonymous: APIClient) -> None:
    stock("ノートパソコン 新品", "Белая мебель", "Crème brûlée")
    assert found(anonymous, "ノート") == ["ノートパソコン 新品"]
    assert found(anonymous, "мебель белая") == ["Белая мебель"]
    assert found(anonymous, "brûlée") == ["Crème brûlée"]


def test_words_beyond_the_twelfth_are_not_looked_at(anonymous: APIClient) -> None:
    stock("a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3")
    twelve = "a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3"
    assert found(anonymous, twelve) == [twelve]
    assert found(anonymous, twelve + " nowhere") == [twelve]
    assert found(anonymous, twelve.replace("b3", "nowhere")) == []


def test_a_search_has_a_longest_length(anonymous: APIClient) -> None:
    assert found(anonymous, "x" * 200) == []
    response = anonymous.get(PRODUCTS, {"search": "x" * 201})
    assert errors_of(response) == [("search", "max_length")]


def test_a_search_is_counted_and_paged(anonymous: APIClient) -> None:
    stock(*(f"Lamp {number}" for number in range(5)), "Chair")
    body = anonymous.get(PRODUCTS, {"search": "lamp", "size": 2, "page": 3}).json()
    assert (body["count"], body["count_is_exact"], body["next"], len(body["results"])) == (5, True, None, 1)
    first = anonymous.get(PRODUCTS, {"search": "lamp", "size": 2}).json()
    assert (first["count"], first["count_is_exact"]) == (5, True)


@postgresql
@pytest.mark.parametrize("text", ["headphnes", "haedphones", "headphonse", "wirless headphones", "Hedphones"])
def test_small_typing_errors_are_forgiven(anonymous: APIClient, text: str) -> None:
    stock("Wireless headphones", "Office chair", "Desk")
    assert found(anonymous, text) == ["Wireless headphones"]


@postgresql
def test_a_right_spelling_hides_what_is_only_similar(anonymous: APIClient) -> None:
    stock("Lamp shade", "Lampe")
    assert found(anonymous, "lampe") == ["Lampe"]


@postgresql
def test_a_typing_error_beside_a_short_word_still_needs_that_word(anonymous: APIClient) -> None:
    stock("Tea kettle", "Blue kettle")
    assert found(anonymous, "tea ketle") == ["Tea kettle"]


@postgresql
def test_search_by_typing_errors_works_with_every_ordering_and_page(anonymous: APIClient) -> None:
    stock("Headphones A", "Headphones B", "Headphones C")
    assert found(anonymous, "haedphones", "&ordering=-name") == ["Headphones C", "Headphones B", "Headphones A"]
    assert len(found(anonymous, "haedphones", "&size=2")) == 2


@postgresql
def test_search_uses_its_index(anonymous: APIClient) -> None:
    stock("Laptop")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = search(get_product_model().objects.all(), "laptop").explain()
    assert f"{get_product_model()._meta.db_table[:50]}_search" in plan


@sqlite
def test_elsewhere_a_typing_error_finds_nothing_and_any_part_of_a_word_matches(anonymous: APIClient) -> None:
    stock("Wireless headphones")
    assert found(anonymous, "headphnes") == []
    assert found(anonymous, "phones") == ["Wireless headphones"]


def test_the_filters_hold_beside_the_search(anonymous: APIClient, admin_client: APIClient) -> None:
    category: Any = CategoryFactory.create()
    ProductFactory.create(name="Lamp one", category=category, price=5)
    ProductFactory.create(name="Lamp two", price=50)
    ProductFactory.create(name="Lamp hidden", is_published=False)
    assert found(anonymous, "lamp", "&max_price=10") == ["Lamp one"]
    assert found(anonymous, "lamp", f"&category={category.pk}") == ["Lamp one"]
    assert set(found(anonymous, "lamp")) == {"Lamp one", "Lamp two"}
    assert set(found(admin_client, "lamp")) == {"Lamp one", "Lamp two", "Lamp hidden"}
    assert found(anonymous, "hidden") == []
    assert found(anonymous, "hiddn") == []
