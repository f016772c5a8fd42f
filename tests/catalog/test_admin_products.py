"""Products in the admin."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from django_shopcore.catalog import get_product_model, signals
from django_shopcore.catalog.admin import ProductAdmin
from tests.catalog.admin_pages import (
    browser,
    form_on,
    heard,
    line_of,
    list_on,
    make_superuser,
    messages_on,
    products_url,
    rows_on,
)
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture
def superuser(db: None) -> Any:
    return make_superuser()


@pytest.fixture
def client(superuser: Any) -> Client:
    return browser(superuser)


@pytest.fixture
def news() -> Iterator[list[dict[str, Any]]]:
    with heard(signals.products_created, signals.products_updated, signals.products_deleted) as calls:
        yield calls


def products() -> Any:
    return get_product_model()._default_manager


def make_old(**values: Any) -> Any:
    product = ProductFactory.create(**values)
    products().filter(pk=product.pk).update(updated_at=LONG_AGO)
    product.refresh_from_db()
    return product


def act(client: Client, action: str, *rows: Any, **data: Any) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], "index": "0", **data}
    return client.post(products_url(), data, follow=True)


# The list


def test_the_list_shows_products_newest_first(client: Client) -> None:
    category = CategoryFactory.create(name="Laptops")
    ProductFactory.create(name="Older", category=category, sku="A-1")
    ProductFactory.create(name="Newer", category=category)
    response = client.get(products_url())
    assert rows_on(response) == ["Newer", "Older"]
    assert b"Laptops" in response.content
    assert b"A-1" in response.content


@pytest.mark.parametrize("text", ["aero", "AERO-14", "sku-77"])
def test_the_search_looks_at_name_slug_and_sku(client: Client, text: str) -> None:
    ProductFactory.create(name="Aero 14", sku="SKU-77")
    ProductFactory.create(name="Other")
    assert rows_on(client.get(products_url(), {"q": text})) == ["Aero 14"]


def test_the_list_filters_by_stock_and_publication(client: Client) -> None:
    ProductFactory.create(name="Sold", in_stock=False)
    ProductFactory.create(name="Hidden", is_published=False)
    assert rows_on(client.get(products_url(), {"in_stock__exact": "0"})) == ["Sold"]
    assert rows_on(client.get(products_url(), {"is_published__exact": "0"})) == ["Hidden"]


def test_the_category_filter_includes_what_is_beneath(client: Client) -> None:
    root = CategoryFactory.create(name="Computers")
    leaf = CategoryFactory.create(name="Laptops", parent=root)
    ProductFactory.create(name="Aero", category=leaf)
    ProductFactory.create(name="Elsewhere")
    assert rows_on(client.get(products_url(), {"category": root.pk})) == ["Aero"]
    assert rows_on(client.get(products_url(), {"category": leaf.pk})) == ["Aero"]
    assert rows_on(client.get(products_url(), {"category": "nonsense"})) == []


def test_the_category_filter_walks_through_the_tree(client: Client) -> None:
    root = CategoryFactory.create(name="Computers")
    leaf = CategoryFactory.create(name="Laptops", parent=root)
    CategoryFactory.create(name="Thin", parent=leaf)
    CategoryFactory.create(name="Garden")

    def choices(**query: Any) -> list[str]:
        response = client.get(products_url(), query)
        spec = next(spec for spec in response.context["cl"].filter_specs if spec.title == "category")
        return [str(choice["display"]).strip("\u00a0") for choice in spec.choices(response.context["cl"])]

    assert choices() == ["All", "Computers", "Garden"]
    assert choices(category=leaf.pk) == ["All", "Computers", "Laptops", "Thin"]
    assert choices(category="999999") == ["All"]


def test_thousands_of_categories_do_not_make_thousands_of_links(client: Client) -> None:
    for _ in range(40):
        CategoryFactory.create()
    content = client.get(products_url()).content.decode()
    assert content.count("?category=") == 30
    assert "More in the list of categories" in content


def test_the_counts_beside_the_filters_are_right(client: Client) -> None:
    root = CategoryFactory.create(name="Computers")
    ProductFactory.create(category=CategoryFactory.create(name="Laptops", parent=root))
    assert "Computers (1)" in client.get(products_url(), {"_facets": "True"}).content.decode()


def test_the_list_takes_as_many_queries_for_a_hundred_rows_as_for_ten(client: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(products_url()).status_code == 200
        return len(queries)

    for number in range(10):
        ProductFactory.create(category=CategoryFactory.create(parent=CategoryFactory.create(), name=f"{number}"))
    client.get(products_url())
    few = cost()
    for number in range(90):
        ProductFactory.create(category=CategoryFactory.create(parent=CategoryFactory.create(), name=f"{number}"))
    assert cost() == few


def test_prices_and_stock_are_edited_in_the_list(client: Client, superuser: Any, news: list[dict[str, Any]]) -> None:
    first, second, third = (make_old(name=f"P{number}") for number in range(3))
    news.clear()
    page = client.get(products_url())
    data = list_on(page)
    data[f"{line_of(page, first)}-price"] = "12.34"
    del data[f"{line_of(page, second)}-in_stock"]
    assert messages_on(client.post(products_url(), data, follow=True)) == ["2 products were changed successfully."]
    for product in (first, second, third):
        product.refresh_from_db()
    assert (first.price, first.in_stock) == (Decimal("12.34"), True)
    assert (second.price, second.in_stock) == (Decimal("10.00"), False)
    assert first.updated_at > LONG_AGO
    assert third.updated_at == LONG_AGO
    [event] = news
    assert event["signal"] is signals.products_updated
    assert event["sender"] is get_product_model()
    assert event["actor"] == superuser
    assert {product.pk for product in event["products"]} == {first.pk, second.pk}


def test_a_price_above_the_compare_at_price_is_an_error_in_the_list(client: Client) -> None:
    product = ProductFactory.create(compare_at_price="15.00")
    page = client.get(products_url())
    data = {**list_on(page), f"{line_of(page, product)}-price": "15.00"}
    response = client.post(products_url(), data)
    [form] = response.context["cl"].formset.forms
    assert form.errors == {"price": ["Must be below the compare-at price, 15.00."]}
    product.refresh_from_db()
    assert product.price == Decimal("10.00")


# Actions


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        ("publish", "is_published", True),
        ("unpublish", "is_published", False),
        ("put_in_stock", "in_stock", True),
        ("take_out_of_stock", "in_stock", False),
    ],
)
def test_an_action_changes_what_is_selected(
    client: Client, superuser: Any, news: list[dict[str, Any]], action: str, field: str, value: bool
) -> None:
    first, second, other = (make_old(**{field: not value}) for _ in range(3))
    already = make_old(**{field: value})
    news.clear()
    response = act(client, action, first, second, already)
    assert messages_on(response) == ["2 products were changed. 1 was so already."]
    rows = {row.pk: row for row in products().all()}
    assert [getattr(rows[row.pk], field) for row in (first, second, other)] == [value, value, not value]
    assert rows[first.pk].updated_at > LONG_AGO
    assert rows[other.pk].updated_at == rows[already.pk].updated_at == LONG_AGO
    [event] = news
    assert event["signal"] is signals.products_updated
    assert event["actor"] == superuser
    assert {(row.pk, getattr(row, field)) for row in event["products"]} == {(first.pk, value), (second.pk, value)}
    assert LogEntry.objects.filter(object_id__in=[str(first.pk), str(second.pk)]).count() == 2


def test_an_action_on_everything_that_matches_takes_in_other_pages(client: Client) -> None:
    for number in range(60):
        ProductFactory.create(name=f"P{number}")
    other = ProductFactory.create(name="Other")
    data = {"action": "unpublish", "_selected_action": [str(other.pk)], "index": "0", "select_across": "1"}
    client.post(f"{products_url()}?q=P", data)
    assert products().filter(is_published=False).count() == 60


def test_an_action_does_nothing_and_tells_nobody_when_all_is_so_already(
    client: Client, news: list[dict[str, Any]]
) -> None:
    product = ProductFactory.create()
    news.clear()
    assert messages_on(act(client, "publish", product)) == ["0 products were changed. 1 was so already."]
    assert news == []


def test_actions_need_the_permission_to_change() -> None:
    user = make_user(admin=True)
    grant(user, "view")
    product = ProductFactory.create()
    client = browser(user)
    page = client.get(products_url())
    assert [value for value, _ in page.context["action_form"].fields["action"].choices] == ["", "export_selected"]
    act(client, "unpublish", product)
    product.refresh_from_db()
    assert product.is_published


def grant(user: Any, *verbs: str) -> None:
    meta = get_product_model()._meta
    names = [f"{verb}_{meta.model_name}" for verb in verbs]
    permissions = Permission.objects.filter(content_type__app_label=meta.app_label, codename__in=names)
    assert len(permissions) == len(verbs)
    user.user_permissions.add(*permissions)


# The form


def test_a_product_is_added(client: Client, superuser: Any, news: list[dict[str, Any]]) -> None:
    category = CategoryFactory.create()
    data = form_on(client.get(products_url("add")))
    data |= {"name": "Grüne Lampe", "price": "19.90", "category": str(category.pk), "metadata": '{"size": 3}'}
    response = client.post(products_url("add"), data)
    assert response.status_code == 302
    product = products().get()
    assert (product.name, product.slug, product.price) == ("Grüne Lampe", "grüne-lampe", Decimal("19.90"))
    assert (product.sku, product.image_url, product.currency) == (None, None, "USD")
    assert (product.metadata, product.private_metadata) == ({"size": 3}, {})
    [event] = news
    assert event["signal"] is signals.products_created
    assert (event["products"], event["actor"]) == ([product], superuser)


def test_a_product_is_changed(client: Client, superuser: Any, news: list[dict[str, Any]]) -> None:
    product = make_old(description="One\nTwo", metadata={"a": 1})
    news.clear()
    url = products_url("change", product.pk)
    data = {**form_on(client.get(url)), "name": "New name", "compare_at_price": "20.00", "description": "One\r\nTwo"}
    assert client.post(url, data).status_code == 302
    product.refresh_from_db()
    assert (product.name, product.compare_at_price) == ("New name", Decimal("20.00"))
    assert (product.description, product.metadata) == ("One\nTwo", {"a": 1})
    assert product.updated_at > LONG_AGO
    [event] = news
    assert event["signal"] is signals.products_updated
    assert (event["products"], event["actor"]) == ([product], superuser)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"price": "-1"}, "price"),
        ({"price": "12345678901.00"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"compare_at_price": "10.00"}, "compare_at_price"),
        ({"metadata": "[]"}, "metadata"),
        ({"metadata": '"text"'}, "metadata"),
        ({"metadata": "{"}, "metadata"),
        ({"metadata": '{"a": NaN}'}, "metadata"),
        ({"metadata": '{"a": "\\u0000"}'}, "metadata"),
        ({"metadata": '{"a": "\\ud800"}'}, "metadata"),
        ({"metadata": "[" * 100_000}, "metadata"),
        ({"private_metadata": '{"a": ' + "[" * 70 + "]" * 70 + "}"}, "private_metadata"),
        ({"private_metadata": '{"a": "' + "ä" * 8192 + '"}'}, "private_metadata"),
        ({"image_url": "http://example.com/a.png"}, "image_url"),
        ({"description": "x" * 20_001}, "description"),
        ({"slug": "taken"}, "slug"),
        ({"sku": "TAKEN"}, "sku"),
        ({"category": "999999"}, "category"),
    ],
)
def test_an_error_is_shown_at_its_field(client: Client, values: dict[str, str], field: str) -> None:
    ProductFactory.create(slug="taken", sku="TAKEN")
    product = make_old()
    url = products_url("change", product.pk)
    response = client.post(url, {**form_on(client.get(url)), **values})
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    product.refresh_from_db()
    assert product.updated_at == LONG_AGO


def test_metadata_up_to_the_limit_is_kept(client: Client) -> None:
    product = ProductFactory.create()
    url = products_url("change", product.pk)
    text = "ä" * ((16 * 1024 - len('{"a":""}')) // 2)
    data = {**form_on(client.get(url)), "metadata": '{"a": "' + text + '"}', "private_metadata": ""}
    assert client.post(url, data).status_code == 302
    product.refresh_from_db()
    assert (product.metadata, product.private_metadata) == ({"a": text}, {})


def test_what_nobody_enters_is_shown_but_not_on_the_form(client: Client) -> None:
    response = client.get(products_url("change", ProductFactory.create().pk))
    form = response.context["adminform"].form
    assert not {"currency", "created_at", "updated_at"} & set(form.fields)
    assert b"USD" in response.content


@pytest.mark.projects("swapped")
def test_the_form_has_the_fields_of_the_sites_own_product(client: Client) -> None:
    product = ProductFactory.create()
    url = products_url("change", product.pk)
    page = client.get(url)
    assert b"Warranty months" in page.content
    assert client.post(url, {**form_on(page), "warranty_months": "36", "colour": "red"}).status_code == 302
    product.refresh_from_db()
    assert (product.warranty_months, product.colour) == (36, "red")  # type: ignore[attr-defined]


def test_a_product_is_deleted(client: Client, superuser: Any, news: list[dict[str, Any]]) -> None:
    product = ProductFactory.create()
    news.clear()
    url = products_url("delete", product.pk)
    assert client.get(url).status_code == 200
    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not products().exists()
    [event] = news
    assert event["signal"] is signals.products_deleted
    assert ([row.pk for row in event["products"]], event["actor"]) == ([product.pk], superuser)


def test_selected_products_are_deleted_together(client: Client, news: list[dict[str, Any]]) -> None:
    doomed = [ProductFactory.create() for _ in range(3)]
    kept = ProductFactory.create()
    news.clear()
    act(client, "delete_selected", *doomed, post="yes")
    assert products().get() == kept
    [event] = news
    assert event["signal"] is signals.products_deleted
    assert {row.pk for row in event["products"]} == {row.pk for row in doomed}


def test_a_receiver_that_raises_undoes_the_change(client: Client) -> None:
    product = make_old()

    def refuse(**kwargs: Any) -> None:
        raise RuntimeError("refused")

    signals.products_updated.connect(refuse)
    try:
        with pytest.raises(RuntimeError, match="refused"):
            act(client, "unpublish", product)
    finally:
        signals.products_updated.disconnect(refuse)
    product.refresh_from_db()
    assert product.is_published
    assert product.updated_at == LONG_AGO


def test_a_lost_race_is_a_message(client: Client) -> None:
    product, other = ProductFactory.create(), ProductFactory.create()
    url = products_url("change", product.pk)
    data = {**form_on(client.get(url)), "slug": "wanted"}

    def get_in_between(instance: Any, **kwargs: Any) -> None:
        if instance.pk == product.pk:
            products().filter(pk=other.pk).update(slug="wanted")

    pre_save.connect(get_in_between, sender=get_product_model())
    try:
        response = client.post(url, data, follow=True)
    finally:
        pre_save.disconnect(get_in_between, sender=get_product_model())
    assert messages_on(response) == ["Another request changed the data at the same time. Try again."]


def test_who_may_only_look_sees_the_product_and_changes_nothing() -> None:
    user = make_user(admin=True)
    grant(user, "view")
    product = make_old()
    client = browser(user)
    url = products_url("change", product.pk)
    assert client.get(url).status_code == 200
    assert client.get(products_url()).context["cl"].formset is None
    assert client.post(url, {"name": "New"}).status_code == 403
    assert client.post(products_url("delete", product.pk), {"post": "yes"}).status_code == 403
    assert client.get(products_url("add")).status_code == 403
    product.refresh_from_db()
    assert product.updated_at == LONG_AGO


def test_whoever_has_no_permission_sees_nothing() -> None:
    ProductFactory.create()
    client = browser(make_user(admin=True))
    assert client.get(products_url()).status_code == 403


# What a site may build on


def request_of(user: Any) -> Any:
    request = RequestFactory().post("/")
    request.user = user
    return request


def test_a_subclass_may_leave_out_a_field_or_name_its_own(superuser: Any) -> None:
    class WithoutSku(ProductAdmin):
        exclude = ["sku"]

    class Short(ProductAdmin):
        fields = ["name", "price"]

    request, product = request_of(superuser), ProductFactory.create()
    without = flatten_fieldsets(WithoutSku(get_product_model(), admin.site).get_fieldsets(request, product))
    whole = flatten_fieldsets(ProductAdmin(get_product_model(), admin.site).get_fieldsets(request, product))
    assert set(whole) - set(without) == {"sku"}
    short = Short(get_product_model(), admin.site)
    assert short.get_fieldsets(request, product) == [(None, {"fields": ["name", "price"]})]


def test_a_save_outside_our_pages_sends_its_event_at_once(superuser: Any, news: list[dict[str, Any]]) -> None:
    product = ProductFactory.create()
    news.clear()
    page = ProductAdmin(get_product_model(), admin.site)
    page.save_model(request_of(superuser), product, form=None, change=True)
    assert [(event["products"], event["actor"]) for event in news] == [([product], superuser)]
