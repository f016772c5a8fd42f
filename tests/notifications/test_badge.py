"""``{% shopcore_unseen_badge %}`` in a site's admin templates."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.template import engines
from django.test import Client, RequestFactory

from django_shopcore.notifications.models import Notification
from tests.catalog.admin_pages import browser, make_superuser
from tests.factories.accounts import has_role
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "email_user", "uuid_user")]

TEMPLATE = "{% load shopcore_notifications %}{% shopcore_unseen_badge %}"


def badge(user: Any) -> str:
    request = RequestFactory().get("/admin/")
    request.user = user
    return str(engines["django"].from_string(TEMPLATE).render({}, request)).strip()


def notify(user: Any, number: int = 1, **fields: Any) -> None:
    for _ in range(number):
        Notification.objects.create(user=user, kind="welcome", message="Welcome", **fields)


def test_it_leads_to_the_admins_own_unseen_notifications(client: Client) -> None:
    admin = make_superuser()
    notify(admin, 2)
    notify(admin, seen=True)
    notify(make_user())
    text = badge(admin)
    assert re.fullmatch(
        r'<a class="shopcore-unseen-badge" dir="auto" href="[^"]+" aria-label="2 [^"]+">2 \w+</a>', text
    )
    [link] = re.findall(r'href="([^"]+)"', text)
    rows = browser(admin).get(link.replace("&amp;", "&")).context["cl"].result_list
    assert [(row.user, row.seen) for row in rows] == [(admin, False)] * 2


@pytest.mark.projects("full", "host_user", "email_user")
def test_it_takes_one_query(django_assert_num_queries: Any) -> None:
    admin = make_superuser()
    notify(admin)
    with django_assert_num_queries(1):
        assert badge(admin)


def test_there_is_none_without_unseen_notifications() -> None:
    admin = make_superuser()
    notify(admin, seen=True)
    assert badge(admin) == ""


def test_there_is_none_for_whoever_may_not_see_notifications() -> None:
    admin = make_user(admin=True)
    customer = make_user()
    permission = Permission.objects.get(codename="view_notification", content_type__app_label="shopcore_notifications")
    for user in (admin, customer):
        notify(user)
    assert badge(admin) == badge(AnonymousUser()) == ""
    for user in (admin, customer):
        user.user_permissions.add(permission)
        user = type(user)._default_manager.get(pk=user.pk)
        assert bool(badge(user)) is has_role(user)


def test_there_is_none_without_a_request() -> None:
    assert engines["django"].from_string(TEMPLATE).render({}).strip() == ""
