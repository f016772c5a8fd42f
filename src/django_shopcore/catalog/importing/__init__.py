"""Products from CSV (our own format, Shopify's or django-oscar's) and categories from JSON."""

from .categories import import_categories
from .products import FORMATS, import_products
from .report import ImportRejected, ImportReport, UnreadableFile

__all__ = ["FORMATS", "ImportRejected", "ImportReport", "UnreadableFile", "import_categories", "import_products"]
