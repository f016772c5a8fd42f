"""Moving in with a product table in use, as the page says, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.docs.pages import ROOT, Block, blocks
from tests.docs.readers import Reader, needs_a_shell

PAGE = ROOT / "docs/how-to/moving-in.md"
URLS = """
from django.urls import include, path

urlpatterns = [path("api/v1/", include("django_shopcore.urls"))]
"""
OLD_ROWS = """
from {app}.models import OrderLine, {model} as Product
names = ["Lámpara", "Lámpara", "日本茶", "!", *(f"P {{number}}" for number in range(2000))]
rows = [Product(name=name, cents=1999 + place, active=place != 1) for place, name in enumerate(names)]
Product.objects.bulk_create(rows)
for product in Product.objects.order_by("pk")[:3]:
    OrderLine.objects.create(product=product, quantity=product.pk)
"""
READ = """
import json
from django.db import connection
from django.db.models import ProtectedError
from django.test import Client
from {app}.models import OrderLine

def get(query):
    return Client(headers={{"host": "localhost"}}).get("/api/v1/products/" + query).json()

lines = [[line.product_id, line.product.name, line.quantity] for line in OrderLine.objects.order_by("pk")]
try:
    OrderLine.objects.first().product.delete()
except ProtectedError:
    protected = True
with connection.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM products")
    (rows,) = cursor.fetchone()
    tables = connection.introspection.table_names(cursor)
    targets = connection.introspection.get_relations(cursor, OrderLine._meta.db_table)
items = []
if hasattr(OrderLine._meta.get_field("product").related_model, "item"):
    items = [[line.product.item.slug, str(line.product.item.price)] for line in OrderLine.objects.order_by("pk")]
cheapest = get("?ordering=price&size=2")["results"]
print(json.dumps({{
    "vendor": connection.vendor,
    "rows": rows,
    "shown": get("")["count"],
    "found": get("?search=lampara")["count"],
    "cheapest": [[row[name] for name in ("id", "name", "slug", "price", "category_name")] for row in cheapest],
    "lines": lines,
    "protected": protected,
    "target": targets["product_id"][1],
    "ours": "shopcore_catalog_product" in tables,
    "items": items,
}}))
"""
LEGACY = """
import json
from django.test import Client
from django_shopcore.catalog import get_product_model

product = get_product_model().objects.get(slug="lámpara-1")
print(json.dumps(Client(headers={"host": "localhost"}).get(f"/api/v1/products/{product.pk}/").json()["legacy"]))
"""
UNTRACKED = """
from django.db import connection
from django_shopcore.core.tracking import TrackTable
from store.models import Product
print(TrackTable("product").missing(connection, Product))
"""
OLD = [
    2004,
    [[1, "Lámpara", 1999, True], [2, "Lámpara", 2000, False], [3, "日本茶", 2001, True]],
    [[1, 1], [2, 2], [3, 3]],
]
BACK = """
import json
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT id, name, cents, active FROM products ORDER BY id")
    rows = [list(row) for row in cursor.fetchall()]
    cursor.execute("SELECT product_id, quantity FROM store_orderline ORDER BY id")
    print(json.dumps([len(rows), [[*row[:3], bool(row[3])] for row in rows[:3]], cursor.fetchall()]))
"""


def section(title: str) -> list[list[Block]]:
    """What is to be done in a section of the page, and what in its last part, which is another way to begin."""
    text = PAGE.read_text(encoding="utf-8")
    start = text.index(f"\n## {title}")
    end = text.find("\n## ", start + 1) % (len(text) + 1)
    other = text.find("\n### From another app", start, end) % (end + 1)
    lines = [text.count("\n", 0, place) for place in (start, other, end)]
    to_do = [block for block in blocks(PAGE) if block.what]
    parts = [[block for block in to_do if first < block.line <= last] for first, last in pairwise(lines)]
    return [part for part in parts if part]


class Shop(Reader):
    """A site in use, on one database or the other, before it moves."""

    def __init__(self, folder: Path, stack: ExitStack, database: str) -> None:
        super().__init__(folder, stack)
        self.database = database
        self.start_project()
        self.settings('INSTALLED_APPS += ["store"]')
        if database == "postgresql":
            self.settings(f'DATABASES = {{"default": {new_database(folder)!r}}}')

    def sells(self, app: str, model: str, text: str) -> None:
        """Has the model ``text`` in ``app``, and rows."""
        (self.folder / app / "models.py").write_text(text)
        self.type(f"python manage.py makemigrations {app} -v0", "python manage.py migrate -v0")
        self.python(OLD_ROWS.format(app=app, model=model))

    def settings(self, text: str) -> None:
        with (self.folder / "mysite/settings.py").open("a") as file:
            file.write(f"\n{text}\n")


def new_database(folder: Path) -> dict[str, Any]:
    psycopg = pytest.importorskip("psycopg")
    settings = servers._postgres_settings(servers.database_url())
    name = f"moving_{abs(hash(folder))}"
    parts = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    address = {key: settings[value] for key, value in parts.items() if settings[value]}
    with psycopg.connect(**address, **settings["OPTIONS"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return {**settings, "NAME": name, "TEST": {}}


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(tmp_path, stack, request.param)


def moved(shop: Shop, app: str = "store") -> Any:
    (shop.folder / "mysite/urls.py").write_text(URLS)
    return json.loads(shop.python(READ.format(app=app)).splitlines()[-1])


def all_is_there(database: str) -> dict[str, Any]:
    return {
        "vendor": database,
        "rows": 2004,
        "shown": 2003,
        "found": 1,
        "cheapest": [
            [1, "Lámpara", "lámpara-1", "19.99", "Uncategorized"],
            [3, "日本茶", "日本茶-3", "20.01", "Uncategorized"],
        ],
        "lines": [[1, "Lámpara", 1], [2, "Lámpara", 2], [3, "日本茶", 3]],
        "protected": True,
        "target": "products",
        "ours": False,
        "items": [],
    }


@needs_a_shell
def test_a_table_in_use_becomes_the_catalogues_and_goes_back(shop: Shop) -> None:
    shop.sells("store", "Product", blocks(PAGE)[0].text)
    here, _elsewhere = section("a.")
    for block in here:
        shop.do(block)

    assert moved(shop) == all_is_there(shop.database)
    assert "\n0 wrong" in shop.type("python manage.py shopcore_doctor")
    shop.type("python manage.py migrate store 0001_initial -v0")
    assert json.loads(shop.python(BACK).splitlines()[-1]) == OLD


@needs_a_shell
def test_a_table_of_ours_that_is_there_already_stays_behind(shop: Shop) -> None:
    shop.settings('INSTALLED_APPS = ["django_shopcore.core", "django_shopcore.catalog", *INSTALLED_APPS]')
    shop.sells("store", "Product", blocks(PAGE)[0].text)
    here, _elsewhere = section("a.")
    settings, *others = here
    assert settings.text.startswith("SHOPCORE_CATALOG_PRODUCT_MODEL")
    for block in [replace(settings, text=settings.text.splitlines(keepends=True)[0]), *others]:
        shop.do(block)

    assert moved(shop) == {**all_is_there(shop.database), "ours": True}


@needs_a_shell
def test_a_model_of_another_app_moves_without_a_statement_on_its_keys(shop: Shop) -> None:
    shop.type("python manage.py startapp warehouse")
    shop.settings('INSTALLED_APPS += ["warehouse"]')
    (shop.folder / "store/models.py").write_text("")
    shop.sells("warehouse", "Item", blocks(PAGE)[0].text.replace("Product", "Item"))
    here, elsewhere = section("a.")
    for block in [*elsewhere, *here]:
        # The lines of orders stay in their app.
        text = block.text.partition("\n\nclass OrderLine")[0] + "\n" if "store/models" in block.what else block.text
        shop.do(replace(block, text=text))

    assert moved(shop, "warehouse") == all_is_there(shop.database)


@needs_a_shell
def test_our_products_are_made_beside_a_table_and_go_again(shop: Shop) -> None:
    shop.sells("store", "Product", blocks(PAGE)[0].text)
    [to_do] = section("b.")
    for block in to_do:
        shop.do(block)

    items = [["lámpara-1", "19.99"], ["lámpara-2", "20.00"], ["日本茶-3", "20.01"]]
    assert moved(shop) == {**all_is_there(shop.database), "ours": True, "items": items}
    assert shop.python(UNTRACKED).splitlines()[-1] == "[]"
    assert json.loads(shop.python(LEGACY).splitlines()[-1]) == {"cents": 1999, "active": True}
    assert json.loads(shop.python(BACK).splitlines()[-1]) == OLD
    shop.type("python manage.py migrate store 0001_initial -v0")
    assert json.loads(shop.python(BACK).splitlines()[-1]) == OLD
    assert moved_away(shop) == 0


def moved_away(shop: Shop) -> int:
    """How many products of ours are left."""
    count = "from django_shopcore.catalog import get_product_model as p; print(p().objects.count())"
    return int(shop.python(count).splitlines()[-1])
