"""Changes of a site's extensions are told with what they extend, whichever way they were made."""

from __future__ import annotations

from typing import Any

import pytest

from django_shopcore.audit.models import AuditEntry
from django_shopcore.catalog import get_product_model
from tests.accounts.clients import signed_in
from tests.catalog.admin_pages import browser, make_superuser, url
from tests.catalog.test_extension_admin import whole_form
from tests.core.test_export import EXPORT, body_of
from tests.factories.catalog import ProductFactory
from tests.projects.extras.models import Profile
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("extended")]


def changes(action: str = "product.updated") -> list[dict[str, Any]]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk").values_list("changes", flat=True))


def test_over_the_api() -> None:
    client, product = signed_in(make_user(admin=True)), ProductFactory.create(price="1.00")
    path = f"/api/v1/products/{product.pk}/"
    for body in (
        {"spec": {"weight": 7}},
        {"spec": {"weight": 7}},
        {"spec": {"weight": 8}, "price": "2.00"},
        {"spec": None},
    ):
        assert client.patch(path, body).status_code == 200
    made, changed, gone = changes()
    assert made["spec.weight"] == [None, 7]
    assert changed == {"price": ["1.00", "2.00"], "spec.weight": [7, 8]}
    assert gone["spec.weight"] == [8, None]


def test_in_bulk() -> None:
    client, product = signed_in(make_user(admin=True)), ProductFactory.create()
    body = {"update": [{"id": product.pk, "spec": {"weight": 7}}]}
    assert client.post("/api/v1/products/bulk/", body).status_code == 200
    assert changes()[0]["spec.weight"] == [None, 7]


def test_in_the_admin_site() -> None:
    client, product = browser(make_superuser()), ProductFactory.create()
    page = url(get_product_model(), "change", product.pk)
    for more in ({"sheet-0-weight": "7"}, {"sheet-0-weight": "8"}, {"sheet-0-DELETE": "on"}):
        assert client.post(page, {**whole_form(client.get(page)), **more}).status_code == 302
    assert [found["spec.weight"] for found in changes()] == [[None, 7], [7, 8], [8, None]]


def test_of_users_and_in_their_export_and_erasure() -> None:
    user = make_user()
    client = signed_in(user)
    assert client.patch("/api/v1/auth/me/", {"profile": {"phone": "0711"}}).status_code == 200
    assert changes("user.updated")[0]["profile.phone"] == [None, "0711"]
    assert body_of(client.get(EXPORT))["account"]["profile"]["phone"] == "0711"
    assert client.delete("/api/v1/auth/me/", {"password": PASSWORD}).status_code == 204
    assert not Profile.objects.exists()
    assert changes("user.updated") == [{}]
