"""What the search keeps beside the products: always what they are, whoever writes them, and made anew when lost."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model, restoring
from django_shopcore.catalog.search import get_backend, search, search_problems
from tests.catalog.shapes import PRODUCTS, names_in
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped")]

POSTGRESQL = connection.vendor == "postgresql"
HAS_FULL_TEXT = POSTGRESQL or get_product_model()._meta.pk.get_internal_type() != "UUIDField"
postgresql = pytest.mark.skipif(not POSTGRESQL, reason="Only PostgreSQL has this.")
fts5 = pytest.mark.skipif(POSTGRESQL or not HAS_FULL_TEXT, reason="Only SQLite has this, with integer keys.")


def found(text: str) -> list[str]:
    return [row.name for row in search(get_product_model().objects.all(), text)]


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def problems() -> list[str]:
    return search_problems(connection, get_product_model())


def test_the_search_follows_every_kind_of_write() -> None:
    products: Any = get_product_model().objects
    product: Any = ProductFactory.create(name="Lamp", description="Made of oak")
    products.filter(pk=product.pk).update(description="Made of beech")
    assert (found("oak"), found("beech"), found("lamp")) == ([], ["Lamp"], ["Lamp"])
    products.bulk_update([products.model(pk=product.pk, name="Chair")], ["name"])
    assert (found("lamp"), found("chair")) == ([], ["Chair"])
    category = CategoryFactory.create()
    rows = [products.model(name=name, slug=name, price=1, category=category) for name in ("ash", "elm")]
    products.bulk_create(rows)
    products.bulk_create(rows, ignore_conflicts=True)
    assert (found("ash"), found("elm")) == (["ash"], ["elm"])
    products.filter(name="ash").delete()
    assert (found("ash"), found("elm")) == ([], ["elm"])
    products.all().delete()
    assert (found("elm"), found("chair")) == ([], [])
    ProductFactory.create(pk=product.pk, name="Desk")
    assert (found("chair"), found("desk")) == ([], ["Desk"])


def test_a_dump_holds_nothing_of_the_search_and_is_found_after_loading(tmp_path: Path) -> None:
    ProductFactory.create(name="Lamp", description="Made of oak")
    file = tmp_path / "products.json"
    call_command("dumpdata", get_product_model()._meta.label, output=str(file))
    assert "search_vector" not in file.read_text()
    get_product_model().objects.all().delete()
    assert found("oak") == []
    call_command("loaddata", str(file), verbosity=0)
    assert found("oak") == ["Lamp"]


def test_a_text_that_is_longer_than_the_api_lets_in_is_found_by_its_beginning() -> None:
    product: Any = ProductFactory.create(name="Lamp")
    words = " ".join(f"w{number:x}" for number in range(200_000))
    get_product_model().objects.filter(pk=product.pk).update(description=words)
    assert (found("lamp"), found("wff")) == (["Lamp"], ["Lamp"])


@postgresql
@pytest.mark.django_db(transaction=True)
def test_copy_and_truncate_go_on_as_if_there_were_no_search() -> None:
    table = connection.ops.quote_name(get_product_model()._meta.db_table)
    ProductFactory.create(name="Lamp", description="Made of oak")
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} TO STDOUT") as stream:
            rows = b"".join(bytes(part) for part in stream)
        cursor.execute(f"TRUNCATE {table} CASCADE")
        assert found("oak") == []
        with cursor.copy(f"COPY {table} FROM STDIN") as stream:
            stream.write(rows)
    assert found("oak") == ["Lamp"]


@fts5
@pytest.mark.django_db(transaction=True)
def test_a_table_that_django_made_anew_gets_its_search_back() -> None:
    product: Any = ProductFactory.create(name="Lamp")
    with connection.schema_editor() as editor:
        editor._remake_table(get_product_model())
    get_product_model().objects.filter(pk=product.pk).update(name="Chair")
    assert (len(problems()), found("chair")) == (3, [])
    restoring.restore_parts(using="default")
    assert (problems(), found("chair"), found("lamp")) == ([], ["Chair"], [])
    get_product_model().objects.filter(pk=product.pk).update(name="Desk")
    assert (found("chair"), found("desk")) == ([], ["Desk"])


@postgresql
@pytest.mark.django_db(transaction=True)
def test_with_a_language_its_inflections_match_and_so_do_prefixes_of_words_as_written(
    anonymous: APIClient, settings: Any
) -> None:
    def names(text: str) -> list[str]:
        return names_in(anonymous.get(PRODUCTS, {"search": text}))

    ProductFactory.create(name="Sneaker", description="Running shoes for the families of athletes")
    assert names("run") == ["Sneaker"]
    assert names("runs") == []
    settings.SHOPCORE_CATALOG_SEARCH_LANGUAGE = "english"
    [problem] = problems()
    assert "simple" in problem
    assert "shopcore_reindex" in problem
    try:
        call_command("shopcore_reindex", stdout=StringIO())
        assert problems() == []
        for text in (
            "runs",
            "runni",
            "shoe",
            "family",
            "athlete run",
            "the shoe",
            "sneakers",
            '"running shoes"',
            "RUNS famil",
        ):
            assert names(text) == ["Sneaker"], text
        for text in ("runner", "athens", "runs nowhere", "that shoe", "!!!", "'"):
            assert names(text) == [], text
    finally:
        settings.SHOPCORE_CATALOG_SEARCH_LANGUAGE = "simple"
        call_command("shopcore_reindex", stdout=StringIO())
    assert (names("runs"), names("runni"), problems()) == ([], ["Sneaker"], [])


@postgresql
@pytest.mark.django_db(transaction=True)
def test_what_postgresql_lacks_is_reported_and_made_again() -> None:
    table = get_product_model()._meta.db_table
    ProductFactory.create(name="Lamp")
    assert problems() == []
    execute(f'DROP INDEX "{table}_search"')
    assert problems() == [f"index {table}_search"]
    execute(f'ALTER TABLE "{table}" DROP COLUMN search_vector', f'DROP INDEX "{table}_trigram"')
    assert problems() == ["column search_vector", f"index {table}_search", f"index {table}_trigram"]
    out = StringIO()
    call_command("shopcore_reindex", stdout=out)
    assert (problems(), found("lamp"), out.getvalue()) == ([], ["Lamp"], "The search is made anew.\n")


@postgresql
def test_without_pg_trgm_there_is_no_suggestion_and_the_rest_works() -> None:
    ProductFactory.create(name="Headphones")
    assert found("hedphones") == ["Headphones"]
    execute("DROP EXTENSION pg_trgm CASCADE")
    assert (found("hedphones"), found("headph")) == ([], ["Headphones"])
    assert problems() == ["extension pg_trgm: no other spelling is suggested where nothing matches"]


@fts5
def test_reindexing_on_sqlite_fills_the_table_again() -> None:
    ProductFactory.create(name="Lamp")
    fts = f"{get_product_model()._meta.db_table}_fts"
    execute(f"INSERT INTO {fts}({fts}) VALUES ('delete-all')")
    assert found("lamp") == []
    call_command("shopcore_reindex", stdout=StringIO())
    assert (found("lamp"), problems()) == (["Lamp"], [])


@pytest.mark.skipif(HAS_FULL_TEXT, reason="There is full text here.")
def test_where_there_is_no_full_text_that_is_said() -> None:
    out = StringIO()
    call_command("shopcore_reindex", stdout=out, stderr=StringIO())
    assert out.getvalue() == "The search keeps nothing in this database.\n"
    assert problems() == ["FTS5 is not compiled in, or the key is no integer: every search looks at every product"]
    assert type(get_backend("default")).__name__ == "LikeSearch"
