"""Import and export of products in the admin."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from django_shopcore.catalog import admin_upload, get_category_model, get_product_model, signals
from django_shopcore.core.errors import Conflict
from tests.catalog.admin_pages import browser, heard, make_superuser, messages_on, products_url
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "swapped", "host_user")]

HEADER = "slug,name,price,category\r\n"
NOT_THE_SAME = "This is not the file you looked at, or that was over an hour ago. Start again."


@pytest.fixture
def superuser(db: None) -> Any:
    return make_superuser()


@pytest.fixture
def client(superuser: Any) -> Client:
    return browser(superuser)


@pytest.fixture
def news() -> Iterator[list[dict[str, Any]]]:
    with heard(signals.products_imported, signals.products_created, signals.products_updated) as calls:
        yield calls


@pytest.fixture
def lamp() -> Any:
    return ProductFactory.create(slug="lamp", name="Lamp", category=CategoryFactory.create(name="Lighting"))


def products() -> Any:
    return get_product_model()._default_manager


def grant(user: Any, *verbs: str) -> Any:
    meta = get_product_model()._meta
    names = [f"{verb}_{meta.model_name}" for verb in verbs]
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label=meta.app_label, codename__in=names))
    return user


def file(text: str | bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("products.csv", text.encode() if isinstance(text, str) else text, "text/csv")


def look(client: Client, text: str | bytes) -> Any:
    return client.post(products_url("import"), {"file": file(text)})


def numbers_on(response: Any) -> list[int]:
    return [number for _name, number in response.context["numbers"]]


def confirmation(response: Any, **changes: Any) -> dict[str, Any]:
    """What the confirm button on the page would send."""
    form = response.context["form"]
    data = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**data, **changes}.items() if value is not None}


def confirm(client: Client, data: dict[str, Any]) -> Any:
    return client.post(products_url("import"), data, follow=True)


# Import


def test_an_import_is_looked_at_and_then_carried_out(
    client: Client, superuser: Any, lamp: Any, news: list[dict[str, Any]]
) -> None:
    news.clear()
    text = HEADER + "lamp,Lamp,12.00,Lighting\r\ndesk,Desk,99.00,Office > Desks\r\n"
    page = look(client, text)
    assert numbers_on(page) == [1, 1, 0, 0]
    lamp.refresh_from_db()
    assert lamp.price == Decimal("10.00")
    assert not products().filter(slug="desk").exists()
    assert not get_category_model()._default_manager.filter(name="Office").exists()
    assert news == []

    response = confirm(client, confirmation(page))
    assert messages_on(response) == ["Imported: 1 new, 1 changed."]
    lamp.refresh_from_db()
    assert lamp.price == Decimal("12.00")
    desk = products().get(slug="desk")
    assert (desk.price, desk.category.name, desk.category.parent.name) == (Decimal("99.00"), "Desks", "Office")
    [event] = news
    assert event["signal"] is signals.products_imported
    assert event["actor"] == superuser


def test_the_preview_shows_what_would_change(client: Client, lamp: Any) -> None:
    page = look(client, HEADER + "lamp,Lamp,12.00,Lighting\r\ndesk,Desk,99.00,Office > Desks\r\n")
    assert [(change.line, change.slug, change.is_new) for change in page.context["changes"]] == [
        (2, "lamp", False),
        (3, "desk", True),
    ]
    assert page.context["changes"][0].fields == [("price", Decimal("10.00"), Decimal("12.00"))]
    html = page.content.decode()
    assert re.search(r"<td><bdi>10.00</bdi></td>\s*<td><bdi>12.00</bdi></td>", html)
    assert '<td><bdi>desk</bdi></td><td colspan="3">new</td>' in html


def test_of_many_changes_the_first_are_shown(client: Client) -> None:
    rows = "".join(f"p{number},Product {number},1.00,Office\r\n" for number in range(23))
    page = look(client, HEADER + rows)
    assert len(page.context["changes"]) == 20
    assert "and 3 more" in page.content.decode()


def test_a_file_with_wrong_rows_cannot_be_confirmed(client: Client, superuser: Any, lamp: Any) -> None:
    text = HEADER + "lamp,Lamp,12.00,Lighting\r\ndesk,Desk,dear,Office\r\n"
    page = look(client, text)
    assert numbers_on(page) == [0, 1, 0, 1]
    assert page.context["form"] is None
    assert b"<td>3</td><td><bdi>price</bdi></td>" in page.content
    assert b'name="ticket"' not in page.content
    forged = {"ticket": admin_upload.ticket(text.encode(), superuser), "packed": admin_upload.pack(text.encode())}
    assert numbers_on(confirm(client, forged)) == [0, 1, 0, 1]
    lamp.refresh_from_db()
    assert lamp.price == Decimal("10.00")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff\xfes\x00l\x00", 1),
        (HEADER.encode() + b"lamp,L\xe4mp,1,Lighting\r\n", 2),
        (b"colour,size\r\nred,1\r\n", 1),
        (b"\x89PNG\r\n\x1a\n\x00\x00", 1),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(client: Client, content: bytes, line: int) -> None:
    page = look(client, content)
    assert page.status_code == 200
    assert page.context["form"] is None
    assert [error["line"] for error in page.context["report"].errors] == [line]


def test_a_file_that_changes_nothing_has_nothing_to_confirm(client: Client, lamp: Any) -> None:
    page = look(client, HEADER + "lamp,Lamp,10.00,Lighting\r\n")
    assert numbers_on(page) == [0, 0, 1, 0]
    assert page.context["form"] is None
    assert b"no product is new or different" in page.content


def test_warnings_are_shown_and_do_not_hinder(client: Client) -> None:
    page = look(client, "slug,name,price,category,mood\r\nlamp,Lamp,1.00,Lighting,sunny\r\n")
    assert b"<td>1</td><td><bdi>mood</bdi></td>" in page.content
    assert messages_on(confirm(client, confirmation(page))) == ["Imported: 1 new, 0 changed."]


def test_of_many_errors_the_first_are_shown(client: Client) -> None:
    page = look(client, HEADER + "".join(f"lamp-{number},Lamp,dear,Lighting\r\n" for number in range(105)))
    assert page.content.decode().count("<td><bdi>price</bdi></td>") == 100
    assert b"and 5 more" in page.content


def test_no_file_an_empty_one_and_a_too_large_one_are_errors_at_the_field(client: Client, settings: Any) -> None:
    settings.SHOPCORE_CATALOG_MAX_IMPORT_BYTES = 100
    url = products_url("import")
    for data in ({}, {"file": file("")}, {"file": file("x" * 101)}):
        response = client.post(url, data)
        assert response.status_code == 200
        assert list(response.context["form"].errors) == ["file"]


TEXT = HEADER + "lamp,Lamp,12.00,Lighting\r\n"
OTHER = (HEADER + "lamp,Lamp,0.01,Lighting\r\n").encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"packed": admin_upload.pack(OTHER)},
        {"packed": "nonsense"},
        {"packed": "ä"},
        {"packed": ""},
        {"ticket": "nonsense"},
        {"packed": None, "file": SimpleUploadedFile("other.csv", OTHER)},
    ],
)
def test_only_the_file_that_was_looked_at_is_imported(client: Client, lamp: Any, changes: dict[str, Any]) -> None:
    if "file" in changes:
        changes["file"].seek(0)
    data = confirmation(look(client, TEXT), **changes)
    assert messages_on(confirm(client, data)) == [NOT_THE_SAME]
    lamp.refresh_from_db()
    assert lamp.price == Decimal("10.00")


def test_a_confirmation_is_for_one_user_and_an_hour(client: Client, lamp: Any, monkeypatch: Any) -> None:
    data = confirmation(look(client, TEXT))
    assert messages_on(confirm(browser(make_superuser()), data)) == [NOT_THE_SAME]
    monkeypatch.setattr(admin_upload, "MAX_AGE", -1)
    assert messages_on(confirm(client, data)) == [NOT_THE_SAME]
    lamp.refresh_from_db()
    assert lamp.price == Decimal("10.00")


def test_a_file_too_large_to_carry_is_chosen_again(client: Client, lamp: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = admin_upload.RESERVE
    page = look(client, TEXT)
    assert page.context["form"]["packed"].value() is None
    assert b'type="file"' in page.content
    data = {**confirmation(page), "file": file(TEXT)}
    assert messages_on(confirm(client, data)) == ["Imported: 0 new, 1 changed."]
    lamp.refresh_from_db()
    assert lamp.price == Decimal("12.00")


def test_a_packed_file_does_not_unpack_to_more_than_the_limit(settings: Any) -> None:
    settings.SHOPCORE_CATALOG_MAX_IMPORT_BYTES = 1000
    whole, bomb = admin_upload.pack(b"x" * 1000), admin_upload.pack(b"x" * 1001)
    assert whole
    assert bomb
    assert admin_upload.unpack(whole) == b"x" * 1000
    assert admin_upload.unpack(bomb) is None
    assert admin_upload.unpack(whole[:8]) is None


def test_what_became_wrong_in_between_is_reported_and_nothing_is_written(client: Client) -> None:
    page = look(client, "slug,sku,name,price,category\r\ndesk,D-1,Desk,99.00,Office\r\nchair,C-1,Chair,9.00,Office\r\n")
    ProductFactory.create(slug="other", sku="D-1")
    response = confirm(client, confirmation(page))
    assert numbers_on(response)[3] == 1
    assert not products().filter(slug__in=["desk", "chair"]).exists()


def test_a_lost_race_during_the_import_is_a_message(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    data = confirmation(look(client, TEXT))

    def lose(*args: Any, **kwargs: Any) -> Any:
        raise Conflict("Try again.")

    monkeypatch.setattr("django_shopcore.catalog.admin_import.import_products", lose)
    assert messages_on(confirm(client, data)) == ["Try again."]


@pytest.mark.parametrize("verbs", [(), ("view",), ("view", "add"), ("view", "change")])
def test_an_import_needs_the_permissions_to_add_and_to_change(
    client: Client, lamp: Any, verbs: tuple[str, ...]
) -> None:
    data = confirmation(look(client, TEXT))
    other = browser(grant(make_user(admin=True), *verbs))
    assert other.get(products_url("import")).status_code == 403
    assert look(other, TEXT).status_code == 403
    assert other.post(products_url("import"), data).status_code == 403
    if verbs:
        assert products_url("import") not in other.get(products_url()).content.decode()


def test_an_import_works_with_just_these_permissions(lamp: Any) -> None:
    client = browser(grant(make_user(admin=True), "view", "add", "change"))
    assert products_url("import") in client.get(products_url()).content.decode()
    assert messages_on(confirm(client, confirmation(look(client, TEXT)))) == ["Imported: 0 new, 1 changed."]


def test_who_is_not_signed_in_is_sent_to_the_login() -> None:
    for page in ("import", "export"):
        response = Client().get(products_url(page))
        assert response.status_code == 302
        assert "/login/" in response["Location"]


def test_our_pages_hold_no_script_and_no_style_of_their_own(client: Client, lamp: Any) -> None:
    pages = [client.get(products_url("import")), look(client, TEXT), look(client, HEADER + "lamp,,x,\r\n")]
    for page in pages:
        inside = page.content.decode().split('id="content-main"')[1].split("<footer")[0]
        assert "<script" not in inside
        assert "<style" not in inside
        assert not re.search(r"\s(style|on\w+)=", inside)


# Export


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="products.csv"'
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(StringIO(text)))


def test_the_export_has_what_the_list_shows_on_all_its_pages(client: Client, lamp: Any) -> None:
    for number in range(60):
        ProductFactory.create(name=f"Desk {number}", category=lamp.category)
    ProductFactory.create(name="Desk elsewhere")
    query = {"q": "desk", "category": lamp.category.pk, "p": "2"}
    page = client.get(products_url(), query)
    link = re.search(rf'href="({products_url("export")}\?[^"]*)"', page.content.decode())
    assert link
    rows = rows_of(client.get(link[1].replace("&amp;", "&")))
    assert {row["name"] for row in rows} == {f"Desk {number}" for number in range(60)}
    assert {row["category"] for row in rows} == {"Lighting"}


def test_the_whole_export_can_be_imported_again(client: Client, lamp: Any) -> None:
    response = client.get(products_url("export"))
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    lamp.name = "Other"
    lamp.save()
    assert numbers_on(look(client, content)) == [0, 1, 0, 0]


def test_selected_products_are_exported(client: Client, lamp: Any) -> None:
    ProductFactory.create()
    data = {"action": "export_selected", "_selected_action": [str(lamp.pk)], "index": "0"}
    assert [row["slug"] for row in rows_of(client.post(products_url(), data))] == ["lamp"]


def test_a_query_that_makes_no_sense_goes_back_to_the_list(client: Client) -> None:
    response = client.get(products_url("export"), {"in_stock__exact": "nonsense"})
    assert response.status_code == 302
    assert response["Location"] == f"{products_url()}?e=1"


def test_an_export_needs_the_permission_to_view() -> None:
    assert browser(make_user(admin=True)).get(products_url("export")).status_code == 403
    assert browser(grant(make_user(admin=True), "view")).get(products_url("export")).status_code == 200
