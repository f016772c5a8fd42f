"""What is done in the Django admin is in the log: forms, lists, actions, of our models and of others."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from django_shopcore.audit.models import AuditEntry
from tests.accounts.clients import tokens_of
from tests.accounts.test_admin_site import act as act_on
from tests.accounts.test_admin_site import change
from tests.audit.log import entries
from tests.catalog.admin_pages import browser, form_on, list_on, make_superuser, products_url
from tests.factories.catalog import ProductFactory
from tests.factories.notifications import NotificationFactory
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

WHERE = {"REMOTE_ADDR": "192.0.2.7"}
USERS = "admin:shopcore_accounts_user"


@pytest.fixture
def boss() -> Any:
    return make_superuser()


@pytest.fixture
def site(boss: Any) -> Client:
    site = browser(boss)
    site.defaults |= WHERE
    return site


def told(*actions: str) -> list[tuple[str, str, Any]]:
    """Action, object's key and changes of the entries so far, the first one first."""
    rows = (
        AuditEntry.objects.filter(action__in=actions)
        if actions
        else AuditEntry.objects.exclude(action__startswith="auth.")
    )
    return [(row.action, row.object_key, row.changes) for row in rows.order_by("pk")]


def test_a_product_on_its_form(site: Client, boss: Any) -> None:
    product = ProductFactory.create(price="3.00", name="Desk")
    form = form_on(site.get(products_url("change", product.pk)))
    assert site.post(products_url("change", product.pk), form | {"price": "4.00"}).status_code == 302

    [entry] = entries(action="product.updated")
    assert (entry["actor_id"], entry["ip_address"], entry["object"]) == (str(boss.pk), "192.0.2.7", "Desk")
    assert entry["changes"] == {"price": ["3.00", "4.00"]}
    assert told() == [("product.updated", str(product.pk), {"price": ["3.00", "4.00"]})]


def test_products_in_the_list(site: Client) -> None:
    one, _other = ProductFactory.create(price="3.00"), ProductFactory.create(price="3.00")
    form = list_on(site.get(products_url()))
    place = next(name for name, value in form.items() if name.endswith("-id") and str(value) == str(one.pk))
    form |= {place.replace("-id", "-price"): "5.00", "_save": "Save"}
    assert site.post(products_url(), form).status_code == 302
    assert told() == [("product.updated", str(one.pk), {"price": ["3.00", "5.00"]})]


def test_actions_on_products(site: Client) -> None:
    one, two = ProductFactory.create(is_published=False), ProductFactory.create(is_published=True)
    data = {"_selected_action": [str(one.pk), str(two.pk)], "index": "0"}
    site.post(products_url(), {"action": "publish", **data})
    site.post(products_url(), {"action": "delete_selected", "post": "yes", **data})

    assert told("product.updated") == [("product.updated", str(one.pk), {"is_published": [False, True]})]
    assert {key for _action, key, _changes in told("product.deleted")} == {str(one.pk), str(two.pk)}
    assert told("admin.action", "admin.deleted") == []  # not a second time


def test_roles_and_rights_of_a_user(site: Client, boss: Any) -> None:
    user = make_user()
    group = Group.objects.create(name="Stock")
    assert change(site, user, is_staff=True, is_superuser=True, groups=[group.pk]).status_code == 302
    assert [action for action, *_rest in told()] == ["user.promoted", "user.updated"]
    [(_action, key, changes)] = told("user.updated")
    assert (key, changes) == (str(user.pk), {"is_superuser": [False, True], "groups": [[], ["Stock"]]})
    assert entries(action="user.promoted")[0]["actor_id"] == str(boss.pk)


def test_a_new_user_a_password_and_an_end(site: Client) -> None:
    values = {"email": "ada@example.com", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert site.post(reverse(f"{USERS}_add"), values).status_code == 302
    made = AuditEntry.objects.get(action="user.created")
    url = reverse("admin:auth_user_password_change", args=[made.object_key])
    new = {"password1": "another long secret", "password2": "another long secret", "usable_password": "true"}
    assert site.post(url, new).status_code == 302
    assert told("user.updated")[0][2] == {"password": ["***", "***"]}
    delete = reverse(f"{USERS}_delete", args=[made.object_key])
    assert site.post(delete, {"post": "yes"}).status_code == 302

    [entry] = entries(action="account.deleted")
    assert entry["object_id"].startswith("erased-")
    assert entry["ip_address"] == "192.0.2.7"  # the admin's
    assert not AuditEntry.objects.filter(object_key=made.object_key).exists()


def test_users_deactivated_and_deleted_by_actions(site: Client) -> None:
    one, two = make_user(), make_user()
    act_on(site, USERS, "deactivate", one, two)
    assert [action for action, *_rest in told()] == ["user.deactivated"] * 2
    act_on(site, USERS, "delete_selected", one, two, post="yes")
    assert len(told("account.deleted")) == 2
    assert told("admin.action") == []


def test_sessions_ended_by_an_admin(site: Client, boss: Any) -> None:
    user = make_user()
    tokens_of(user)
    tokens_of(user)
    sessions = list(user.shopcore_sessions.all())
    act_on(site, "admin:shopcore_accounts_session", "end_sessions", *sessions)
    entry = AuditEntry.objects.get(action="auth.signed_out")
    assert (entry.actor_key, entry.object_key, len(entry.data["sessions"])) == (str(boss.pk), str(user.pk), 2)


def test_models_of_other_apps_by_djangos_own_log(site: Client, boss: Any) -> None:
    url = reverse("admin:auth_group_add")
    right = Permission.objects.first()
    assert site.post(url, {"name": "Stock", "permissions": [right.pk]}).status_code == 302
    group = Group.objects.get()
    change_url = reverse("admin:auth_group_change", args=[group.pk])
    assert site.post(change_url, {"name": "Buyers", "permissions": [right.pk]}).status_code == 302
    assert site.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"}).status_code == 302
    rows = AuditEntry.objects.filter(object_type="auth.group").order_by("pk")
    assert [row.action for row in rows] == ["admin.created", "admin.updated", "admin.deleted"]
    assert {(row.actor_key, row.object_key, row.ip_address) for row in rows} == {
        (str(boss.pk), str(group.pk), "192.0.2.7")
    }
    assert rows[1].data == {"fields": ["Name"]}


def test_actions_on_models_of_others(site: Client) -> None:
    rows = [NotificationFactory.create(user=make_user()) for _ in range(2)]
    act_on(site, "admin:shopcore_notifications_notification", "mark_seen", *rows)
    found = AuditEntry.objects.filter(action="admin.action").order_by("pk")
    assert [(row.object_type, row.object_key) for row in found] == [
        ("shopcore_notifications.notification", str(row.pk)) for row in rows
    ]
    assert found[0].data == {"action": "mark_seen", "all": False, "count": 2}


def test_groups_deleted_together_once_it_is_confirmed(site: Client) -> None:
    groups = [Group.objects.create(name=name) for name in ("A", "B")]
    act_on(site, "admin:auth_group", "delete_selected", *groups)
    assert not AuditEntry.objects.filter(action="admin.action").exists()
    act_on(site, "admin:auth_group", "delete_selected", *groups, post="yes")
    assert AuditEntry.objects.filter(action="admin.action").count() == 2
    assert not Group.objects.exists()


def test_signing_in_and_out_of_the_admin_site() -> None:
    admin = make_superuser()
    admin.set_password(PASSWORD)
    admin.save()
    site = Client(**WHERE)
    login = {"username": admin.email, "next": "/admin/"}
    site.post("/admin/login/", {**login, "password": "wrong"})
    site.post("/admin/login/", {**login, "username": "hunter2@example.com", "password": "wrong"})
    site.post("/admin/login/", {**login, "password": PASSWORD})
    site.post("/admin/logout/")
    rows = list(AuditEntry.objects.order_by("pk"))
    assert [(row.action, row.object_key == str(admin.pk)) for row in rows] == [
        ("auth.login_failed", True), ("auth.login_failed", False), ("auth.signed_in", True), ("auth.signed_out", True),
    ]  # fmt: skip
    assert {row.ip_address for row in rows} == {"192.0.2.7"}
    assert not AuditEntry.objects.filter(object_title__contains="hunter2").exists()
