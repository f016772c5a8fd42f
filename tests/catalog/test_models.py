"""What the rows themselves promise, whoever writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.test import override_settings

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.catalog.slugs import slug_base
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]


def refused(**values: Any) -> bool:
    """Whether the database refuses a product with these values, past every check in Python."""
    product = ProductFactory.create()
    try:
        with transaction.atomic():
            get_product_model()._default_manager.filter(pk=product.pk).update(**values)
    except IntegrityError:
        return True
    return False


def test_the_database_refuses_a_negative_price() -> None:
    assert refused(price=Decimal("-0.01"))
    assert not refused(price=Decimal(0))


def test_the_database_refuses_a_compare_at_price_that_is_not_above_the_price() -> None:
    assert refused(compare_at_price=Decimal("9.99"))
    assert refused(compare_at_price=Decimal("10.00"))
    assert not refused(compare_at_price=Decimal("10.01"))
    assert not refused(compare_at_price=None)


def test_the_database_refuses_a_slug_and_a_sku_that_another_product_has() -> None:
    ProductFactory.create(slug="taken", sku="TAKEN")
    assert refused(slug="taken")
    assert refused(sku="TAKEN")


def test_any_number_of_products_has_no_sku_whether_it_is_none_or_empty() -> None:
    products = [ProductFactory.create(sku=sku) for sku in (None, "", None, "")]
    assert [product.sku for product in products] == [None] * 4


def test_an_empty_image_url_is_stored_as_null() -> None:
    product = ProductFactory.create(image_url="")
    product.refresh_from_db()
    assert product.image_url is None


def test_the_database_refuses_two_roots_of_one_name() -> None:
    CategoryFactory.create(name="Computers")
    with pytest.raises(IntegrityError), transaction.atomic():
        CategoryFactory.create(name="Computers")


def test_the_database_refuses_two_siblings_of_one_name() -> None:
    parent = CategoryFactory.create()
    CategoryFactory.create(name="Laptops", parent=parent)
    with pytest.raises(IntegrityError), transaction.atomic():
        CategoryFactory.create(name="Laptops", parent=parent)


def test_cousins_may_share_a_name() -> None:
    first, second = (CategoryFactory.create(name="Used", parent=CategoryFactory.create()) for _ in range(2))
    root = CategoryFactory.create(name="Used")
    assert [category.slug for category in (first, second, root)] == ["used", "used-2", "used-3"]


def test_a_category_with_products_or_children_cannot_be_deleted() -> None:
    parent = CategoryFactory.create()
    child = CategoryFactory.create(parent=parent)
    ProductFactory.create(category=child)
    with pytest.raises(RestrictedError):
        parent.delete()
    with pytest.raises(ProtectedError):
        child.delete()
    assert get_category_model().objects.count() == 2


def test_full_clean_refuses_a_category_beneath_itself() -> None:
    top = CategoryFactory.create()
    middle = CategoryFactory.create(parent=top)
    bottom = CategoryFactory.create(parent=middle)
    for parent in (top, middle, bottom):
        top.parent = parent
        with pytest.raises(ValidationError) as caught:
            top.full_clean()
        assert caught.value.error_dict["parent"][0].code == "cycle"
    bottom.parent = top
    bottom.full_clean()


def test_the_currency_of_a_new_product_comes_from_the_settings_and_stays() -> None:
    old = ProductFactory.create()
    with override_settings(SHOPCORE_CATALOG_CURRENCY="EUR"):
        new = ProductFactory.create()
        old.save()
    assert [old.currency, new.currency] == ["USD", "EUR"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Aero 14 Laptop", "aero-14-laptop"),
        ("  Two   spaces  ", "two-spaces"),
        ("Größe XL", "größe-xl"),
        ("ノートパソコン", "ノートパソコン"),
        ("Ёлка №5", "ёлка-no5"),
        ("!!!", "product"),
        ("😀", "product"),
        ("--__--", "product"),
        ("A/B & C", "ab-c"),
        ("x" * 255, "x" * 255),
        ("é" * 255, "é" * 255),
    ],
)
def test_a_slug_is_made_from_the_name(name: str, slug: str) -> None:
    product = ProductFactory.create(name=name)
    product.refresh_from_db()
    assert product.slug == slug


def test_a_name_longer_than_the_column_of_the_slug_makes_one_that_fits() -> None:
    assert slug_base("y" * 300, "product") == "y" * 255
    assert slug_base("y" * 254 + " z", "product") == "y" * 254


def test_a_slug_that_is_given_stays_as_it_is() -> None:
    product = ProductFactory.create(slug="Eigenwillig_1")
    product.name = "Another name"
    product.save()
    product.refresh_from_db()
    assert product.slug == "Eigenwillig_1"


def test_names_that_collide_get_numbers() -> None:
    slugs = [ProductFactory.create(name=name).slug for name in ("Same", "same", "SAME!", "same-2", "Same")]
    assert slugs == ["same", "same-2", "same-3", "same-2-2", "same-4"]


def test_the_first_free_number_is_taken() -> None:
    products = [ProductFactory.create(name="Gap") for _ in range(12)]
    assert [product.slug for product in products] == ["gap", *(f"gap-{number}" for number in range(2, 13))]
    products[4].delete()
    assert ProductFactory.create(name="Gap").slug == "gap-5"


def test_numbered_slugs_of_long_names_still_fit() -> None:
    slugs = [ProductFactory.create(name="z" * 255).slug for _ in range(3)]
    assert slugs == ["z" * 255, "z" * 253 + "-2", "z" * 253 + "-3"]


def test_a_category_of_which_no_letter_is_left_is_called_category() -> None:
    assert CategoryFactory.create(name="!!!").slug == "category"


def test_an_emptied_slug_is_made_again_also_with_update_fields() -> None:
    product = ProductFactory.create(name="Before")
    product.name, product.slug = "After", ""
    product.save(update_fields=["name"])
    product.refresh_from_db()
    assert (product.name, product.slug) == ("After", "after")


def test_a_failure_that_is_not_about_the_slug_is_not_tried_again() -> None:
    ProductFactory.create(sku="ONE")
    with pytest.raises(IntegrityError), transaction.atomic():
        ProductFactory.create(name="Other", sku="ONE")


@pytest.mark.django_db(transaction=True)
def test_eight_threads_that_save_one_name_at_once_get_eight_slugs() -> None:
    category = CategoryFactory.create()
    model = get_product_model()

    def save() -> str:
        product = model(name="Same", price=1, category_id=category.pk)
        product.save()
        return str(product.slug)

    assert sorted(map(str, at_once([save] * 8))) == ["same", *(f"same-{number}" for number in range(2, 9))]
    assert model.objects.count() == 8
