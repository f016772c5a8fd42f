"""The log and erasures while others are at work, with real threads."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.accounts import services
from django_shopcore.audit import upkeep
from django_shopcore.audit.models import AuditEntry
from tests.accounts.clients import signed_in
from tests.factories.catalog import ProductFactory
from tests.parallel import at_once, only_postgresql
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "host_user")]

ME, LOGIN = "/api/v1/auth/me/", "/api/v1/auth/login/"


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


def test_of_twenty_erasures_of_one_account_one_succeeds_and_is_logged_once() -> None:
    user = make_user()
    client = signed_in(user)
    answers = at_once([lambda: client.delete(ME, {"password": PASSWORD}).status_code] * 20)
    assert sorted(answers) == [204] + [401] * 19
    assert AuditEntry.objects.filter(action="account.deleted").count() == 1
    assert not AuditEntry.objects.filter(actor=user.email).exists()


def test_every_write_has_its_entry_and_every_entry_its_write() -> None:
    client, product = signed_in(make_user(admin=True)), ProductFactory.create(price="1.00")
    path = f"/api/v1/products/{product.pk}/"
    prices = [f"{number}.00" for number in range(2, 22)]
    answers = at_once([lambda price=price: client.patch(path, {"price": price}).status_code for price in prices])
    assert answers == [200] * 20
    found = AuditEntry.objects.filter(action="product.updated").order_by("pk").values_list("changes", flat=True)
    pairs = [changes["price"] for changes in found]
    assert sorted(new for _old, new in pairs) == sorted(prices)
    # Each saw what the one before had written: they form one chain, whatever the order of the commits.
    assert {old for old, _new in pairs} == {"1.00", *prices} - {str(_price_of(product))}


def _price_of(product: Any) -> Any:
    product.refresh_from_db()
    return product.price


def test_failed_sign_ins_at_once_are_all_logged() -> None:
    user = make_user()
    names = [user.email, "nobody@example.com"] * 10
    answers = at_once([
        lambda name=name: APIClient().post(LOGIN, {"email": name, "password": "wrong"}).status_code for name in names
    ])  # fmt: skip
    assert answers == [401] * 20
    assert AuditEntry.objects.filter(action="auth.login_failed").count() == 20


@only_postgresql
def test_what_was_written_beside_an_erasure_is_forgotten_by_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    user, boss = make_user(admin=True), make_user(admin=True)
    client, product = signed_in(user), ProductFactory.create()
    erase = services.personal_data.erase

    def erase_and_let_another_in(person: Any) -> Any:
        found = erase(person)
        path = f"/api/v1/products/{product.pk}/"
        [status] = at_once([lambda: client.patch(path, {"price": "7.00"}, REMOTE_ADDR="203.0.113.77").status_code])
        assert status == 200
        return found

    monkeypatch.setattr(services.personal_data, "erase", erase_and_let_another_in)
    assert client.delete(ME, {"password": PASSWORD}).status_code == 204
    late = AuditEntry.objects.filter(actor_key=str(user.pk))
    assert late.count() == 1  # the race is there
    upkeep.forget_the_deleted()
    assert late.count() == 0
    assert not AuditEntry.objects.filter(ip_address="203.0.113.77").exists()
    assert AuditEntry.objects.filter(action="product.updated").get().actor_key.startswith("erased-")
    assert boss
