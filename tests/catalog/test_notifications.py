"""What admins are told of products: once for each write, however many products it made or deleted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model, signals
from django_shopcore.catalog.importing import import_products
from django_shopcore.notifications.models import Notification, OutboxMessage
from django_shopcore.notifications.worker import drain
from tests.catalog.admin_pages import browser, form_on, make_superuser, products_url
from tests.catalog.csv_requests import csv_text, import_rows
from tests.catalog.shapes import PRODUCTS, key_of, path_of
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.fixtures import client_of
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped", "host_user", "email_user", "uuid_user")]

BULK = f"{PRODUCTS}bulk/"
OPERATOR = "ops@example.com"
HEADER = "slug,name,price,category"


@pytest.fixture(autouse=True)
def customer() -> Any:
    """Somebody who must not be told."""
    return make_user()


@pytest.fixture(autouse=True)
def admins(settings: Any) -> list[Any]:
    settings.SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS = [OPERATOR]
    return [make_superuser(), make_user(admin=True)]


@pytest.fixture
def client(admins: list[Any]) -> APIClient:
    return client_of(admins[0])


def alert(kind: str, admins: list[Any]) -> EmailMultiAlternatives:
    """The one mail that each admin got, after checking that all got it, in their inboxes too, and nobody else."""
    drain()
    assert sorted(address for message in mail.outbox for address in message.to) == sorted(
        [OPERATOR, *(admin.email for admin in admins)]
    )
    lines = Notification.objects.filter(kind=kind).values_list("user_id", "message")
    subject = mail.outbox[0].subject
    assert sorted(lines, key=str) == sorted(((admin.pk, subject) for admin in admins), key=str)
    assert Notification.objects.count() == len(lines)
    assert OutboxMessage.objects.filter(kind=kind, state="sent").count() == len(mail.outbox)
    [message] = [message for message in mail.outbox if message.to == [admins[0].email]]
    assert isinstance(message, EmailMultiAlternatives)
    return message


def data_of(kind: str, user: Any) -> dict[str, Any]:
    data: dict[str, Any] = Notification.objects.get(kind=kind, user=user).data
    return data


def nobody_is_told() -> bool:
    return not drain() and mail.outbox == [] and not Notification.objects.exists()


def products() -> Any:
    return get_product_model()._default_manager


# A single product


def test_a_product_made_over_the_api_is_told_with_its_name_and_who_made_it(
    client: APIClient, admins: list[Any]
) -> None:
    body = {"name": "Walnut desk", "sku": "WD-1", "price": "5.00", "category": CategoryFactory.create().pk}
    assert client.post(PRODUCTS, body, format="json").status_code == 201
    product = products().get()
    message = alert("product_created", admins)
    assert message.subject == "New product: Walnut desk"
    assert f"\n- Walnut desk (SKU WD-1, ID {product.pk})\n\nAdded by {admins[0].email}.\n" in message.body
    assert data_of("product_created", admins[1]) == {
        "count": 1,
        "products": [{"id": key_of(product), "name": "Walnut desk", "sku": "WD-1"}],
        "more": 0,
        "ids": [key_of(product)],
        "actor": admins[0].email,
    }


def test_a_product_added_in_the_admin_is_told(admins: list[Any]) -> None:
    page = browser(admins[0])
    data = form_on(page.get(products_url("add")))
    data |= {"name": "Oak chair", "slug": "", "price": "5", "category": CategoryFactory.create().pk}
    assert page.post(products_url("add"), data).status_code == 302
    assert alert("product_created", admins).subject == "New product: Oak chair"


def test_a_product_deleted_over_the_api_is_told(client: APIClient, admins: list[Any]) -> None:
    product = ProductFactory.create(name="Oak chair")
    assert client.delete(path_of(product)).status_code == 204
    message = alert("product_deleted", admins)
    assert message.subject == "Product deleted: Oak chair"
    assert f"\n- Oak chair (ID {product.pk})\n\nDeleted by {admins[0].email}.\n" in message.body
    assert data_of("product_deleted", admins[1])["ids"] == [key_of(product)]


def test_a_product_deleted_in_the_admin_is_told(admins: list[Any]) -> None:
    product = ProductFactory.create(name="Oak chair")
    url = products_url("delete", product.pk)
    assert browser(admins[0]).post(url, {"post": "yes"}).status_code == 302
    assert alert("product_deleted", admins).subject == "Product deleted: Oak chair"


# Many at once


def test_three_hundred_new_products_are_one_alert(client: APIClient, admins: list[Any]) -> None:
    category = CategoryFactory.create().pk
    items = [{"name": f"Desk {number}", "price": "5.00", "category": category} for number in range(300)]
    assert client.post(BULK, {"create": items}, format="json").status_code == 200
    message = alert("product_created", admins)
    assert message.subject == "300 new products"
    assert message.body.count("\n- Desk") == 10
    assert "and 290 more" in message.body
    data = data_of("product_created", admins[1])
    assert (data["count"], len(data["products"]), len(data["ids"])) == (300, 10, 100)


def test_an_alert_takes_as_many_queries_for_three_hundred_products_as_for_three(client: APIClient) -> None:
    category = CategoryFactory.create().pk

    def queries(number: int, prefix: str) -> int:
        items = [{"name": f"{prefix}{place}", "price": "5.00", "category": category} for place in range(number)]
        with CaptureQueriesContext(connection) as captured:
            assert client.post(BULK, {"create": items}, format="json").status_code == 200
        return sum("shopcore_notifications" in query["sql"] for query in captured)

    assert 0 < queries(3, "few") == queries(300, "many")


def test_products_deleted_in_bulk_are_one_alert(client: APIClient, admins: list[Any]) -> None:
    doomed = ProductFactory.create_batch(3)
    assert client.post(BULK, {"delete": [key_of(row) for row in doomed]}, format="json").status_code == 200
    assert alert("product_deleted", admins).subject == "3 products deleted"


def test_products_deleted_by_the_admins_action_are_one_alert(admins: list[Any]) -> None:
    doomed = ProductFactory.create_batch(3)
    data = {"action": "delete_selected", "_selected_action": [str(row.pk) for row in doomed], "post": "yes"}
    assert browser(admins[0]).post(products_url(), data).status_code == 302
    message = alert("product_deleted", admins)
    assert message.subject == "3 products deleted"
    assert all(f"- {row.name} (ID {row.pk})" in message.body for row in doomed)


# Imports


def test_an_import_over_http_is_one_alert(client: APIClient, admins: list[Any]) -> None:
    present = ProductFactory.create(slug="present", name="Present", price="1.00")
    rows = [(f"new-{number}", f"New {number}", "5", "Desks") for number in range(12)]
    changed = (present.slug, present.name, "2.00", present.category.name)
    assert import_rows(client, HEADER, changed, *rows).status_code == 200
    message = alert("product_created", admins)
    assert message.subject == "12 new products"
    assert "\n- New 0 (ID " in message.body
    assert f"and 2 more\n\nImported by {admins[0].email}. The import changed 1 product besides.\n" in message.body
    data = data_of("product_created", admins[1])
    assert data["imported"] == {"created": 12, "updated": 1}
    made = products().filter(slug__startswith="new-")
    assert sorted(data["ids"], key=str) == sorted(map(key_of, made), key=str)


def test_an_import_by_command_is_one_alert(admins: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text(csv_text(HEADER, ("lamp", "Lamp", "5", "Light"), ("desk", "Desk", "5", "Seats")), newline="")
    call_command("shopcore_import", str(file), verbosity=0)
    message = alert("product_created", admins)
    assert message.subject == "2 new products"
    assert message.body.split("\n\n--\n")[0].endswith("\n\nMade by an import.")


def test_an_import_in_the_admin_is_one_alert(admins: list[Any]) -> None:
    page = browser(admins[0])
    file = SimpleUploadedFile("products.csv", csv_text(HEADER, ("lamp", "Lamp", "5", "Light")).encode(), "text/csv")
    form = page.post(products_url("import"), {"file": file}).context["form"]
    assert nobody_is_told()  # the preview is a dry run
    data = {name: form[name].value() for name in form.fields}
    assert page.post(products_url("import"), data).status_code == 302
    assert alert("product_created", admins).subject == "New product: Lamp"


def test_a_large_import_lists_its_first_hundred(admins: list[Any]) -> None:
    rows = [(f"p-{number}", f"P {number}", "5", "Desks") for number in range(620)]
    import_products(BytesIO(csv_text(HEADER, *rows).encode()))
    assert alert("product_created", admins).subject == "620 new products"
    data = data_of("product_created", admins[0])
    assert (data["count"], data["more"], len(data["products"]), len(data["ids"])) == (620, 610, 10, 100)


def test_an_import_that_creates_nothing_is_not_told(client: APIClient) -> None:
    present = ProductFactory.create(slug="present", name="Present", price="1.00")
    row = (present.slug, present.name, "2.00", present.category.name)
    assert import_rows(client, HEADER, row).json()["updated"] == 1
    assert nobody_is_told()


def test_a_dry_run_is_not_told(client: APIClient) -> None:
    assert import_rows(client, HEADER, ("lamp", "Lamp", "5", "Light"), query="?dry_run=true").json()["created"] == 1
    assert nobody_is_told()


def test_a_rejected_import_is_not_told(client: APIClient, tmp_path: Path) -> None:
    rows = [("lamp", "Lamp", "5", "Light"), ("desk", "Desk", "cheap", "Seats")]
    assert import_rows(client, HEADER, *rows).status_code == 400
    file = tmp_path / "file.csv"
    file.write_text(csv_text(HEADER, *rows), newline="")
    with pytest.raises(CommandError):
        call_command("shopcore_import", str(file), verbosity=0)
    assert nobody_is_told()


# What is not told


def test_a_write_that_fails_is_not_told(client: APIClient) -> None:
    def refuse(**kwargs: Any) -> None:
        raise RuntimeError("a receiver that comes later")

    signals.products_created.connect(refuse)
    body = {"name": "Desk", "price": "5.00", "category": CategoryFactory.create().pk}
    client.raise_request_exception = False
    assert client.post(PRODUCTS, body, format="json").status_code == 500
    assert not products().exists()
    assert nobody_is_told()


def test_a_bulk_with_an_error_is_not_told(client: APIClient) -> None:
    good = {"name": "Desk", "price": "5.00", "category": CategoryFactory.create().pk}
    assert client.post(BULK, {"create": [good, {**good, "price": "cheap"}]}, format="json").status_code == 400
    assert nobody_is_told()


def test_a_change_is_not_told(client: APIClient) -> None:
    assert client.patch(path_of(ProductFactory.create()), {"price": "7.00"}, format="json").status_code == 200
    assert nobody_is_told()


# Hostile names


def test_a_name_with_markup_line_breaks_and_template_tags_is_text(client: APIClient, admins: list[Any]) -> None:
    product = ProductFactory.create(
        name="<b>Desk</b>\r\nBcc: eve@example.com {{ site_url }} {% now %}\u202e", sku="<i>\n{{ user }}", slug="desk"
    )
    assert client.delete(path_of(product)).status_code == 204
    message = alert("product_deleted", admins)
    flat = "<b>Desk</b> Bcc: eve@example.com {{ site_url }} {% now %}"
    assert message.subject == f"Product deleted: {flat}"
    assert f"\n- {flat} (SKU <i> {{{{ user }}}}, ID {product.pk})\n" in message.body
    html = message.alternatives[0][0]
    assert "&lt;b&gt;Desk&lt;/b&gt; Bcc: eve@example.com {{ site_url }} {% now %}" in html
    assert "SKU &lt;i&gt; {{ user }} · " in html


def test_a_long_name_is_cut_in_the_subject_only(client: APIClient, admins: list[Any]) -> None:
    product = ProductFactory.create(name="Desk " * 51)
    assert client.delete(path_of(product)).status_code == 204
    message = alert("product_deleted", admins)
    assert len(message.subject) < 100
    assert ("Desk " * 51).strip() in message.body


@pytest.mark.projects("full", "host_user")
def test_a_key_is_not_written_as_an_amount(client: APIClient, admins: list[Any]) -> None:
    assert client.delete(path_of(ProductFactory.create(pk=1234567))).status_code == 204
    message = alert("product_deleted", admins)
    assert "(ID 1234567)" in message.body
    assert "ID 1234567<" in message.alternatives[0][0]
