"""How fast products are written: ``python -m tests.benchmarks.writes [--rows 20000] [--database postgres]``.

With ``--project catalog_accounts`` there is no audit log, which otherwise gets an entry for each product.

On a database of its own, whose tables have all their indexes and triggers, it measures products a second of a bare
COPY (on SQLite: plain INSERTs) of the rows that an import makes, of that import, of the same file again, of one in
which every row has changed, and of ``POST products/bulk/`` with 1,000 products a request. Every figure is the median
of three; the bare writes come between the others. ``--memory`` prints instead how far the memory of a process grows
in an import of 5,000, 50,000 and 200,000 rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import django

SIZES = (5_000, 50_000, 200_000)
BATCH = 1000
ROUNDS = 3
DATABASES = ("postgres", "sqlite")
VOCABULARY = 20_000
WORDS = 30  # of a description, some 190 characters; a few of them common, most rare, as in any language


def made(count: int, edition: int, folder: str) -> Path:
    """A CSV file of products; ``edition`` makes every row another."""
    path = Path(folder, f"{count}-{edition}.csv")
    with path.open("w", newline="") as file:
        file.write(
            "slug,name,sku,description,price,compare_at_price,category,in_stock,is_published,image_url,metadata\n"
        )
        for product in products(count, edition):
            file.write(
                '{slug},{name},{sku},"{description}",{price},{compare_at_price},{path},true,true,{image_url},'
                '"{{""colour"": ""{colour}""}}"\n'.format(**product)
            )
    return path


def products(count: int, edition: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 10))) for _ in range(VOCABULARY)]
    shares = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    for number in range(count):
        yield {
            "slug": f"product-{number}",
            "name": f"{chance.choice(words)} {chance.choice(words)} {number}",
            "sku": f"SKU-{number}",
            "description": " ".join(chance.choices(words, cum_weights=shares, k=WORDS)),
            "price": f"{chance.randint(1, 500) + edition}.00",
            "compare_at_price": f"{600 + edition}.00",
            "path": f"Goods > Kind {number % 50}",
            "image_url": f"https://example.com/images/{number}.jpg",
            "colour": chance.choice(words),
        }


class Rows:
    """What is written, by COPY or by plain INSERTs: the rows of the last import, with all their columns."""

    def __init__(self) -> None:
        from django.db import connection

        from django_shopcore.catalog import get_product_model

        meta: Any = get_product_model()._meta
        quote = connection.ops.quote_name
        self.connection, self.table = connection, quote(meta.db_table)
        self.columns = ", ".join(quote(field.column) for field in meta.local_concrete_fields)
        self.copied: list[Any] = []

    def keep(self) -> None:
        with self.connection.cursor() as cursor:
            select = f"SELECT {self.columns} FROM {self.table} ORDER BY 1"
            if self.connection.vendor == "postgresql":
                with cursor.copy(f"COPY ({select}) TO STDOUT") as copy:
                    self.copied = [bytes(part) for part in copy]
            else:
                cursor.execute(select)
                # As the database holds them: Django's connection makes texts of times and amounts.
                self.copied = [tuple(_plain(value) for value in row) for row in cursor.fetchall()]

    def write(self) -> None:
        from django.db import transaction

        with transaction.atomic(), self.connection.cursor() as cursor:
            if self.connection.vendor == "postgresql":
                with cursor.copy(f"COPY {self.table} ({self.columns}) FROM STDIN") as copy:
                    for part in self.copied:
                        copy.write(part)
            else:
                places = ", ".join(["%s"] * len(self.copied[0]))
                cursor.executemany(
                    f"INSERT INTO {self.table} ({self.columns}) VALUES ({places})",
                    self.copied,
                )


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else str(value)


def empty() -> None:
    from django.db import connection

    from django_shopcore.catalog import get_product_model

    get_product_model().objects.all().delete()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"VACUUM {connection.ops.quote_name(get_product_model()._meta.db_table)}")


def imported(path: Path) -> None:
    from django_shopcore.catalog.importing import import_products

    with path.open("rb") as file:
        report = import_products(file)
    assert report.ok, report.errors[:3]


class Batches:
    """``POST products/bulk/`` of so many products by an admin."""

    def __init__(self, count: int) -> None:
        from django.contrib.auth import get_user_model
        from rest_framework.test import APIClient

        from django_shopcore.catalog import get_category_model

        self.client = APIClient()
        admin, _made = get_user_model()._default_manager.get_or_create(email="a@example.com", is_staff=True)
        self.client.force_authenticate(admin)
        category, _made = get_category_model()._default_manager.get_or_create(name="Bulk")
        names = ("slug", "name", "sku", "description", "price", "compare_at_price", "image_url")
        self.items: list[dict[str, Any]] = [
            {**{name: product[name] for name in names}, "category": category.pk, "metadata": {"a": number}}
            for number, product in enumerate(products(count, 0))
        ]
        self.bodies = self._bodies("create", self.items)

    def changes(self) -> None:
        """Makes ready the requests that change what the ones before have created."""
        keys = [product["id"] for response in self.answers for product in response.json()["created"]]
        changed = [{"id": key, **item, "price": "599.00"} for key, item in zip(keys, self.items, strict=True)]
        self.bodies = self._bodies("update", changed)

    def send(self) -> None:
        post = self.client.post
        self.answers = [post("/api/v1/products/bulk/", body, content_type="application/json") for body in self.bodies]
        assert {response.status_code for response in self.answers} == {200}

    @staticmethod
    def _bodies(what: str, items: list[dict[str, Any]]) -> list[str]:
        # As text: what a client does is not measured.
        return [json.dumps({what: items[start : start + BATCH]}) for start in range(0, len(items), BATCH)]


def rates(count: int, folder: str) -> dict[str, float]:
    """Products a second of every way to write them."""
    seconds: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], None]) -> None:
        start = time.perf_counter()
        work()
        seconds.setdefault(name, []).append(time.perf_counter() - start)

    rows = Rows()
    files = [made(count, edition, folder) for edition in range(2)]
    imported(files[0])
    rows.keep()
    for _round in range(ROUNDS):
        empty()
        timed("bare", rows.write)
        empty()
        timed("import, new", lambda: imported(files[0]))
        timed("import, unchanged", lambda: imported(files[0]))
        timed("import, changed", lambda: imported(files[1]))
        empty()
        batches = Batches(count)
        timed("bulk, create", batches.send)
        batches.changes()
        timed("bulk, update", batches.send)
    return {name: count / statistics.median(taken) for name, taken in seconds.items()}


def growth(count: int, folder: str) -> float:
    """MiB by which this process grows at most while it imports, after it has imported a little."""
    imported(made(2000, 0, folder))
    path = made(count, 1, folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    imported(path)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def measure(options: argparse.Namespace) -> None:
    from django.conf import settings
    from django.db import connection

    settings.SHOPCORE_RATE_LIMITS = False
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if options.memory:
                print(f"  {options.rows:7,} rows: {growth(options.rows, folder):6.1f} MiB")
                return
            found = rates(options.rows, folder)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    for what, rate in found.items():
        print(f"  {what:18} {rate:8,.0f}/s  {rate / found['bare']:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--database", choices=DATABASES)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--project", default="full", help="of tests/projects; catalog_accounts has no audit log")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        django.setup()
        measure(options)
        return 0
    for database in [options.database] if options.database else DATABASES:
        print(f"{database}, {os.cpu_count()} cores", flush=True)
        for rows in SIZES if options.memory else [options.rows]:
            command = [sys.executable, "-m", "tests.benchmarks.writes", "--child", f"--rows={rows}"]
            settings = {"DJANGO_SETTINGS_MODULE": f"tests.projects.{options.project}", "SHOPCORE_TEST_DB": database}
            subprocess.run(
                [*command, *(["--memory"] if options.memory else [])], env={**os.environ, **settings}, check=True
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
