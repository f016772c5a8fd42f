"""What an outsider reads does not depend on what only admins may see: neither bodies nor statuses nor headers.

Every answer is taken twice: before there are hidden things, and after. Nothing here says what a leak looks like, so
none is overlooked.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.core.json import dumps
from tests.catalog.shapes import path_of, unknown_product
from tests.core.callers import demoted, signed_in, superuser
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.users import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.projects("full", "catalog_only", "swapped", "host_user"),
]

API = "/api/v1/"
FILTERS = [
    "", "category=CATEGORY", "category=HIDDEN", "min_price=100", "max_price=2000", "in_stock=true", "in_stock=false",
    "created_after=2020-01-01T00:00:00Z", "updated_after=2020-01-01T00:00:00Z", "slug=unheard-of", "sku=SECRET",
    "search=unheard", "search=unherad of", "search=classified", "search=lamp", "metadata.color=mauve",
    "private_metadata.cost=7", "private_metadata=7", "private_metadata__cost=7", "is_published=false",
    "is_published=true", "id=1", "pk=1", "name=unheard-of", "name__startswith=u", "category__name=Attic",
    "category__private_metadata__cost=7", "price__gt=1000", "sku__isnull=false",
]  # fmt: skip
SHAPES = [
    "", "cursor=", "page=1&size=1", "page=2&size=2", "page=3&size=1", "fields=name", "fields=private_metadata",
    "fields=is_published,name", "ordering=price", "ordering=-price", "ordering=-name", "ordering=created_at",
    "ordering=category__name", "ordering=private_metadata", "ordering=category__private_metadata__cost",
    "ordering=is_published", "ordering=sku", "ordering=id", "expand=category", "include=private_metadata",
]  # fmt: skip
OTHERS = [
    "categories/", "categories/?cursor=", "categories/?search=attic", "categories/?fields=private_metadata",
    "categories/?fields=id,metadata", "categories/?parent=null", "categories/?ordering=private_metadata",
    "categories/?private_metadata=x", "categories/?parent__private_metadata__cost=7", "categories/tree/",
    "categories/tree/?fields=private_metadata",
]  # fmt: skip
# A list's tag is that of the catalogue's state, which tells that something changed and not what.
TELLS_CHANGE = ("ETag",)


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False
    settings.SHOPCORE_CATALOG_METADATA_FILTERS = ["color"]


@pytest.fixture
def shown() -> tuple[Any, Any]:
    """A category and a product that everybody sees, and two more."""
    category = CategoryFactory.create(name="Lamps")
    CategoryFactory.create(name="Attic", slug="attic")
    product = ProductFactory.create(name="Lamp", price="10.00", category=category, metadata={"color": "red"})
    ProductFactory.create(name="Lantern", price="20.00", category=category)
    ProductFactory.create(name="Candle", price="30.00", category=category, in_stock=False)
    return category, product


def hide(category: Any, product: Any) -> Any:
    """Makes unpublished products and private metadata, by what leaves the times of change alone."""
    private = {"cost": "7"}
    get_product_model()._default_manager.filter(pk=product.pk).update(private_metadata=private)
    get_category_model()._default_manager.all().update(private_metadata=private)
    for where in (category, get_category_model()._default_manager.get(slug="attic")):
        hidden = ProductFactory.create(
            name="Unheard-of", sku=f"SECRET{where.pk}", description="classified lamp", price="1234.00",
            category=where, is_published=False, metadata={"color": "mauve"}, private_metadata=private,
        )  # fmt: skip
    return hidden


def urls(category: Any, product: Any) -> list[str]:
    attic = get_category_model()._default_manager.get(slug="attic")
    queries = [*itertools.product(FILTERS, SHAPES[:6]), *itertools.product(FILTERS[:2], SHAPES[6:])]
    lists = [f"products/?{'&'.join(filter(None, query))}" for query in queries]
    lists += [f"products/{path}/?{query}" for path in ("facets", "export") for query in FILTERS]
    one = [path_of(product).removeprefix(API), f"categories/{category.pk}/"]
    ones = [f"{path}?{shape}" for path in one for shape in SHAPES]
    return [
        API + url.replace("CATEGORY", str(category.pk)).replace("HIDDEN", str(attic.pk))
        for url in [*lists, *OTHERS, *ones]
    ]


def answers(client: APIClient, addresses: list[str]) -> dict[str, Any]:
    """What each address answers, but for the tags."""
    cache.clear()
    found = {}
    for url in addresses:
        response = client.get(url)
        headers = {name: value for name, value in response.items() if name not in TELLS_CHANGE}
        found[url] = (response.status_code, response.getvalue(), headers)
    return found


OUTSIDERS = {
    "anonymous": APIClient,
    "customer": lambda: signed_in(make_user()),
    "demoted": lambda: demoted(make_user(admin=True)),
    "superuser": lambda: superuser(make_user()),
}


@pytest.mark.parametrize("who", OUTSIDERS)
def test_what_is_hidden_changes_no_answer_to_an_outsider(who: str, shown: tuple[Any, Any]) -> None:
    client, addresses = OUTSIDERS[who](), urls(*shown)
    before = answers(client, addresses)
    assert {status for status, _, _ in before.values()} >= {200, 400}
    hide(*shown)

    after = answers(client, addresses)
    assert [url for url in addresses if after[url] != before[url]] == []


def test_the_control_an_admin_is_answered_otherwise(shown: tuple[Any, Any]) -> None:
    client = signed_in(make_user(admin=True))
    addresses = urls(*shown)
    before = answers(client, addresses)
    hide(*shown)

    after = answers(client, addresses)
    changed = {url for url in addresses if after[url] != before[url]}
    for path in ("products/?", "products/facets/?", "products/export/?", "categories/"):
        assert any(url.startswith(API + path) for url in changed), path


def test_a_write_of_an_outsider_is_refused_alike_for_what_is_hidden_and_what_is_not_there(
    shown: tuple[Any, Any],
) -> None:
    hidden = hide(*shown)
    for make in OUTSIDERS.values():
        client = make()
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            for headers in ({}, {"HTTP_IF_MATCH": '"x"'}, {"HTTP_IF_NONE_MATCH": "*"}):
                said = set()
                for key in (hidden.pk, unknown_product()):
                    url = f"{API}products/{key}/"
                    response = client.generic(method, url, "{}", content_type="application/json", **headers)
                    said.add((response.status_code, response.content, "ETag" in response))
                assert len(said) == 1, method


def test_the_tag_of_an_object_does_not_let_its_private_metadata_be_tried_out(shown: tuple[Any, Any]) -> None:
    """Whoever knows all but the private metadata could otherwise compute the tag for one guess after the other."""
    hide(*shown)
    url = path_of(shown[1])
    whole = signed_in(make_user(admin=True)).get(url).json()
    tag = APIClient().get(url)["ETag"].strip('"')
    for content in (dumps(whole), dumps(whole, sort_keys=True)):
        for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            assert not hashlib.new(algorithm, content).hexdigest().startswith(tag)


def test_a_tag_depends_on_the_sites_secret(shown: tuple[Any, Any], settings: Any) -> None:
    settings.SHOPCORE_CATALOG_CACHE = 0
    url = path_of(shown[1])
    tag = APIClient().get(url)["ETag"]
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    assert APIClient().get(url)["ETag"] != tag
