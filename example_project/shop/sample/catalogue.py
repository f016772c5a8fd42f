"""The hand-written products and their categories, by way of the library's own import."""

from __future__ import annotations

import csv
import json
from itertools import islice

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.importing import ImportReport, import_categories, import_products

from ..env import BASE_DIR

CATEGORIES = BASE_DIR / "demo" / "categories.json"
PRODUCTS = BASE_DIR / "demo" / "products.csv"


def is_loaded() -> bool:
    """Whether some of the file's products are there; what a visitor has changed or deleted stays so."""
    with PRODUCTS.open(encoding="utf-8-sig", newline="") as file:
        slugs = {row["Handle"] for row in islice(csv.DictReader(file), 100)}
    return get_product_model()._default_manager.filter(slug__in=slugs).exists()


def load() -> ImportReport:
    """Imports both files; doing it twice changes nothing."""
    import_categories(json.loads(CATEGORIES.read_text(encoding="utf-8")))
    with PRODUCTS.open("rb") as stream:
        return import_products(stream)
