"""What a public answer tells a CDN, and which of them a write makes it forget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import signals
from tests.catalog.shapes import CATEGORIES, PRODUCTS, TREE, path_of
from tests.factories.catalog import ProductFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "swapped")]

FACETS = f"{PRODUCTS}facets/"
KEYED = override_settings(SHOPCORE_CATALOG_SURROGATE_KEYS=True)


@pytest.fixture
def product() -> Any:
    return ProductFactory.create()


@pytest.fixture(params=["kept", "computed"])
def ask(request: pytest.FixtureRequest, anonymous: APIClient, settings: Any) -> Callable[[str], Any]:
    """A GET, of which the answer comes from the response cache or from the view."""
    settings.SHOPCORE_CATALOG_CACHE = 600 if request.param == "kept" else 0

    def ask(url: str) -> Any:
        anonymous.get(url)
        return anonymous.get(url)

    return ask


def addresses(product: Any) -> list[str]:
    return [PRODUCTS, f"{PRODUCTS}?cursor=", FACETS, path_of(product), CATEGORIES, path_of(product.category), TREE]


@pytest.mark.parametrize(
    ("age", "stale", "expected"),
    [
        (0, 0, "public, no-cache"),
        (60, 0, "public, max-age=0, s-maxage=60"),
        (60, 30, "public, max-age=0, s-maxage=60, stale-while-revalidate=30"),
        (0, 30, "public, max-age=0, s-maxage=0, stale-while-revalidate=30"),
    ],
)
def test_a_cdn_may_keep_anonymous_reads_as_long_as_the_settings_say(
    ask: Any, product: Any, settings: Any, age: int, stale: int, expected: str
) -> None:
    settings.SHOPCORE_CATALOG_CDN_MAX_AGE, settings.SHOPCORE_CATALOG_STALE_WHILE_REVALIDATE = age, stale
    for url in addresses(product):
        answer = ask(url)
        assert (url, answer.status_code, answer["Cache-Control"]) == (url, 200, expected)
        assert "Surrogate-Key" not in answer


def test_a_cdn_may_keep_a_304_as_long(ask: Any, product: Any, anonymous: APIClient, settings: Any) -> None:
    settings.SHOPCORE_CATALOG_CDN_MAX_AGE = 60
    for url in addresses(product):
        answer = anonymous.get(url, HTTP_IF_NONE_MATCH=ask(url)["ETag"])
        assert (url, answer.status_code, answer["Cache-Control"]) == (url, 304, "public, max-age=0, s-maxage=60")


@override_settings(SHOPCORE_CATALOG_CDN_MAX_AGE=60, SHOPCORE_CATALOG_STALE_WHILE_REVALIDATE=30)
@KEYED
def test_nothing_is_offered_of_answers_to_credentials_of_errors_and_of_writes(
    product: Any, anonymous: APIClient, customer_client: APIClient, admin_client: APIClient
) -> None:
    answers = [client.get(url) for client in (customer_client, admin_client) for url in addresses(product)]
    answers.append(anonymous.get(path_of(product), HTTP_AUTHORIZATION="Unheard-of x"))
    assert {answer["Cache-Control"] for answer in answers} == {"private, no-cache"}
    refused = [anonymous.get(f"{PRODUCTS}?page=0"), anonymous.get(f"{PRODUCTS}0/"), anonymous.post(PRODUCTS, {})]
    refused.append(admin_client.patch(path_of(product), {"price": "2.00"}))
    assert {answer["Cache-Control"] for answer in refused} == {"private, no-store"}
    assert not any("Surrogate-Key" in answer for answer in answers + refused)


@KEYED
def test_each_answer_names_what_it_is_made_of(ask: Any, product: Any) -> None:
    of_all, of_one = "catalogue products categories", f"catalogue product-{product.pk} categories"
    of_categories, of_category = "catalogue categories", f"catalogue category-{product.category.pk}"
    expected = [of_all, of_all, of_all, of_one, of_categories, of_category, of_categories]
    assert [ask(url)["Surrogate-Key"] for url in addresses(product)] == expected


@KEYED
def test_an_objects_key_is_the_same_however_its_address_writes_it(ask: Any, product: Any) -> None:
    other = f"00{product.pk}" if isinstance(product.pk, int) else str(product.pk).upper()
    assert ask(f"{PRODUCTS}{other}/")["Surrogate-Key"] == f"catalogue product-{product.pk} categories"


class Cdn:
    """Keeps what it is given by its keys until it is told to forget one, as the documentation tells it."""

    def __init__(self, client: APIClient) -> None:
        self.client = client
        self.kept: dict[str, Any] = {}

    def get(self, url: str) -> Any:
        if url not in self.kept:
            self.kept[url] = self.client.get(url)
        return self.kept[url].json()

    def forget(self, *keys: str) -> None:
        self.kept = {u: a for u, a in self.kept.items() if not {*keys} & {*a["Surrogate-Key"].split()}}


def receivers(cdn: Cdn) -> None:
    def products(products: Any, **kwargs: Any) -> None:
        transaction.on_commit(lambda: cdn.forget("products", *(f"product-{product.pk}" for product in products)))

    def categories(categories: Any, **kwargs: Any) -> None:
        transaction.on_commit(lambda: cdn.forget("categories", *(f"category-{one.pk}" for one in categories)))

    for event in ("created", "updated", "deleted"):
        getattr(signals, f"products_{event}").connect(products, weak=False)
        getattr(signals, f"categories_{event}").connect(categories, weak=False)
    signals.products_imported.connect(
        lambda **kwargs: transaction.on_commit(lambda: cdn.forget("catalogue")), weak=False
    )


def rename(client: APIClient, row: Any) -> None:
    assert client.patch(path_of(row), {"name": "New"}).status_code == 200


WRITES: dict[str, Callable[[APIClient, Any], Any]] = {
    "product": rename,
    "category": lambda client, product: rename(client, product.category),
    "new product": lambda client, product: client.post(
        PRODUCTS, {"name": "N", "price": "1.00", "category": product.category.pk}
    ),
    "deleted": lambda client, product: client.delete(path_of(product)),
    "import": lambda client, product: client.post(
        f"{PRODUCTS}import/", f"slug,name,price,category\n{product.slug},I,3.00,Cats\n", content_type="text/csv"
    ),
}


@KEYED
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("purged", [True, False])
def test_a_cdn_that_is_purged_by_the_signals_shows_no_replaced_answer(
    anonymous: APIClient, admin_client: APIClient, product: Any, write: str, purged: bool
) -> None:
    """Without the purges it does: the keys are what makes it forget."""
    other, cdn = ProductFactory.create(), Cdn(anonymous)
    if purged:
        receivers(cdn)
    urls = [*addresses(product), path_of(other)]
    before = {url: cdn.get(url) for url in urls}
    WRITES[write](admin_client, product)
    now = {url: anonymous.get(url).json() for url in urls}
    changed = {url for url in urls if now[url] != before[url]}
    assert changed
    stale = {url for url in urls if cdn.get(url) != now[url]}
    assert stale == (set() if purged else changed)
    if purged and write == "product":
        assert path_of(other) in cdn.kept
