"""Extensions on the pages of Django's admin, as inlines of what they extend."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from django_shopcore.catalog import get_category_model, get_product_model, signals
from tests.catalog.admin_pages import browser, form_on, heard, make_superuser, url
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.projects.extras.models import Display, Profile, Spec
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("extended", "extended_swapped")]


@pytest.fixture
def client() -> Client:
    return browser(make_superuser())


def whole_form(response: Any) -> dict[str, Any]:
    """What the page would send, its inlines included."""
    data = form_on(response)
    for inline in response.context["inline_admin_formsets"]:
        for form in [inline.formset.management_form, *inline.formset.forms]:
            values = {form.add_prefix(name): form[name].value() for name in form.fields}
            data |= {name: value for name, value in values.items() if value is not None and value is not False}
    return data


def inlines_on(response: Any) -> list[Any]:
    return [inline.opts.model for inline in response.context["inline_admin_formsets"]]


def test_a_products_page_shows_makes_changes_and_deletes_it(client: Client) -> None:
    model = get_product_model()
    product = ProductFactory.create()
    page = url(model, "change", product.pk)
    assert inlines_on(client.get(page)) == [Spec]
    with heard(signals.products_updated) as news:
        response = client.post(page, {**whole_form(client.get(page)), "sheet-0-weight": "7"})
        assert response.status_code == 302
    assert [call["products"] for call in news] == [[product]]
    assert Spec.objects.get().weight == 7
    client.post(page, {**whole_form(client.get(page)), "sheet-0-weight": "8"})
    assert Spec.objects.get().weight == 8
    client.post(page, {**whole_form(client.get(page)), "sheet-0-DELETE": "on"})
    assert not Spec.objects.exists()


def test_it_is_made_with_a_new_product_and_not_if_it_is_left_blank(client: Client) -> None:
    model, category = get_product_model(), CategoryFactory.create()
    page = url(model, "add")
    values = {"name": "A", "slug": "a", "price": "1", "category": category.pk}
    response = client.post(page, {**whole_form(client.get(page)), **values, "sheet-0-weight": "7"})
    assert response.status_code == 302
    assert Spec.objects.get().product.slug == "a"
    client.post(page, {**whole_form(client.get(page)), **values, "name": "B", "slug": "b"})
    assert [row.slug for row in model.objects.order_by("slug")] == ["a", "b"]
    assert Spec.objects.count() == 1


def test_what_is_wrong_in_it_is_said_and_nothing_is_written(client: Client) -> None:
    product = ProductFactory.create(name="A")
    page = url(get_product_model(), "change", product.pk)
    response = client.post(page, {**whole_form(client.get(page)), "name": "B", "sheet-0-weight": "-1"})
    assert response.status_code == 200
    product.refresh_from_db()
    assert (product.name, Spec.objects.count()) == ("A", 0)


def test_pages_of_categories_and_users_have_theirs(client: Client) -> None:
    category, user = CategoryFactory.create(), make_user()
    page = url(get_category_model(), "change", category.pk)
    assert inlines_on(client.get(page)) == [Display]
    client.post(page, {**whole_form(client.get(page)), "display-0-banner": "new"})
    assert Display.objects.get().category == category
    assert Profile in inlines_on(client.get(url(get_user_model(), "change", user.pk)))


def test_who_may_not_see_its_model_does_not_see_it() -> None:
    user = make_user(admin=True)
    product = ProductFactory.create()
    name = get_product_model()._meta.model_name
    user.user_permissions.add(*Permission.objects.filter(codename=f"change_{name}"))
    assert inlines_on(browser(user).get(url(get_product_model(), "change", product.pk))) == []
