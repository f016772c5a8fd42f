from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings

from django_shopcore.core.conf import (
    Setting,
    SettingsGroup,
    adapter_class,
    boolean,
    dotted_path,
    model_label,
    natural,
    positive_int,
    rate,
    text,
    words,
)


class CatalogSettings(SettingsGroup, prefix="SHOPCORE_CATALOG_"):
    PRODUCT_MODEL = Setting(
        "shopcore_catalog.Product", model_label, "The site's product model; set it before the first migration."
    )
    CATEGORY_MODEL = Setting(
        "shopcore_catalog.Category", model_label, "The site's category model; set it before the first migration."
    )
    CURRENCY = Setting("USD", text, "ISO 4217 code written to new products.")
    PRODUCT_SERIALIZER = Setting[str | None](
        None,
        dotted_path,
        "Serializer of products; a subclass of `django_shopcore.catalog.serializers.ProductSerializer`.",
    )
    CATEGORY_SERIALIZER = Setting[str | None](
        None,
        dotted_path,
        "Serializer of categories; a subclass of `django_shopcore.catalog.serializers.CategorySerializer`.",
    )
    PRODUCT_FILTERSET = Setting[str | None](
        None, dotted_path, "Filters of products; a subclass of `django_shopcore.catalog.filters.ProductFilterSet`."
    )
    SERVICE = Setting[str | None](
        None,
        dotted_path,
        "What a request that writes one product or category does; a subclass of "
        "`django_shopcore.catalog.services.CatalogService`.",
    )
    PRICE_ADAPTER = Setting(
        "django_shopcore.catalog.adapters.StoredPrices",
        adapter_class("price_of"),
        "Says what price a product is shown with; see [](../how-to/prices.md).",
    )
    AVAILABILITY_ADAPTER = Setting(
        "django_shopcore.catalog.adapters.StoredAvailability",
        adapter_class("is_in_stock"),
        "Says whether a product is shown as in stock; see [](../how-to/prices.md).",
    )
    METADATA_FILTERS = Setting[list[str]](
        [],
        words,
        "Keys of the products' `metadata` that lists may be filtered by, as `?metadata.colour=red`. See "
        "[](../how-to/metadata-filters.md).",
    )
    SEARCH_BACKEND = Setting[str | None](
        None,
        dotted_path,
        "How products are searched; a subclass of `django_shopcore.catalog.search.SearchBackend`. None: the "
        "database's own full text.",
    )
    SEARCH_LANGUAGE = Setting(
        "simple",
        text,
        "PostgreSQL's text search configuration whose inflections match too, `english` for one. `simple`: words as "
        "they are written. After a change run `manage.py shopcore_reindex`.",
    )
    SEARCH_RANK_BOUND = Setting(
        2000, positive_int, "Matches that are ranked at most; a search that finds more lists them in the usual order."
    )
    FACET_BOUND = Setting(
        5000,
        positive_int,
        "Facets of up to this many matching products are exact. Above it PostgreSQL estimates them from a sample of "
        "two to four times as many (`is_exact` is false); other databases go on counting.",
    )
    FACET_CATEGORIES = Setting(100, positive_int, "Categories in the facets at most, those with most products.")
    CDN_MAX_AGE = Setting(
        0,
        natural,
        "Seconds for which a CDN may show an anonymous read without asking again, and so show what a write has "
        "replaced. 0: it asks each time.",
    )
    STALE_WHILE_REVALIDATE = Setting(
        0,
        natural,
        "Seconds for which a CDN, or a browser, may go on showing an older answer while it asks for the new one.",
    )
    SURROGATE_KEYS = Setting(
        False, boolean, "Whether anonymous reads carry a `Surrogate-Key` by which a CDN can be told to forget them."
    )
    MAX_BULK_ITEMS = Setting(1000, positive_int, "Items in one bulk request at most.")
    MAX_IMPORT_BYTES = Setting(20 * 1024 * 1024, positive_int, "Largest CSV file for an import over HTTP, in bytes.")
    MAX_REPORTED_ERRORS = Setting(1000, positive_int, "Errors and warnings listed in an import's report at most.")
    READ_RATE = Setting[str | None]("1200/m", rate, "Reads of the catalogue per client; needs a shared cache.")
    SEARCH_RATE = Setting[str | None]("120/m", rate, "Searches per client; needs a shared cache.")
    WRITE_RATE = Setting[str | None]("600/m", rate, "Writes to the catalogue per admin.")
    IMPORT_RATE = Setting[str | None]("60/m", rate, "Imports and exports per admin.")


app_settings = CatalogSettings()


def name_default_models() -> None:
    """Sets the two swappable settings a site left out.

    Django reads them with a plain ``getattr(settings, …)``: without a value ``makemigrations`` fails in a
    site that swaps just one of the models.
    """
    for setting in (CatalogSettings.PRODUCT_MODEL, CatalogSettings.CATEGORY_MODEL):
        if not hasattr(settings, setting.name):
            setattr(settings, setting.name, setting.default)


_models: dict[str, Any] = {}


def swapped_model(name: str) -> Any:
    label = getattr(app_settings, name)
    model = _models.get(label)
    if model is None:
        model = apps.get_model(label, require_ready=False)
        if apps.models_ready:
            _models[label] = model
    return model
