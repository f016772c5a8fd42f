"""Reading the log, and that it is only ever added to."""

from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from django_shopcore import audit
from django_shopcore.audit import upkeep
from django_shopcore.audit.models import AuditEntry
from django_shopcore.audit.querysets import AppendOnlyError
from django_shopcore.core.models import PeriodicRun
from tests.accounts.clients import signed_in
from tests.problems import errors_of, problem_of
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

AUDIT = "/api/v1/audit/"
NOW = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)


@pytest.fixture
def client() -> APIClient:
    client = signed_in(make_user(admin=True))
    upkeep._rows().delete()
    return client


def entry(minutes: int = 0, **values: Any) -> AuditEntry:
    values = {"action": "a.b", "created_at": NOW + datetime.timedelta(minutes=minutes)} | values
    return AuditEntry.objects.create(**values)


def found(client: APIClient, **query: Any) -> list[int]:
    response = client.get(AUDIT, query)
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def test_only_admins_read_it(client: APIClient) -> None:
    assert problem_of(APIClient().get(AUDIT))[0] == 401
    assert problem_of(signed_in(make_user()).get(AUDIT))[0] == 403
    response = client.get(AUDIT)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_there_is_no_request_that_writes(client: APIClient, method: str) -> None:
    kept = entry()
    assert getattr(client, method)(AUDIT, {}).status_code == 405
    assert getattr(client, method)(f"{AUDIT}{kept.pk}/", {}).status_code in (404, 405)
    assert AuditEntry.objects.filter(pk=kept.pk).exists()


def test_filters(client: APIClient) -> None:
    user = make_user()
    one = entry(0, action="product.updated", actor_key=str(user.pk), object_type="shop.product", object_key="1")
    two = entry(1, action="product.deleted", object_type="shop.product", object_key="11", ip_address="192.0.2.7")
    three = entry(2, action="auth.signed_in", object_type="shop.user", object_key="1", ip_address="2001:db8::7")

    assert found(client) == [three.pk, two.pk, one.pk]
    assert found(client, ordering="created_at") == [one.pk, two.pk, three.pk]
    assert found(client, action="product.updated") == [one.pk]
    assert found(client, actor=str(user.pk)) == [one.pk]
    assert found(client, object="shop.product") == [two.pk, one.pk]
    assert found(client, object="shop.Product:1") == [one.pk]
    assert found(client, ip="192.0.2.7") == [two.pk]
    assert found(client, ip="2001:DB8:0::7") == [three.pk]
    assert found(client, since="2026-01-31T12:01:00Z") == [three.pk, two.pk]
    assert found(client, until="2026-01-31T12:01:00Z") == [one.pk]
    assert found(client, since="2026-01-31T12:01:00Z", until="2026-01-31T12:02:00Z", action="product.deleted") == [
        two.pk
    ]
    assert found(client, action="nothing.at_all") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"ip": "somewhere"}, "ip"),
        ({"ip": ""}, "ip"),
        ({"ip": "192.0.2.7/24"}, "ip"),
        ({"since": "yesterday"}, "since"),
        ({"ordering": "actor"}, "ordering"),
        ({"action": "a" * 101}, "action"),
        ({"object": "a" * 401}, "object"),
    ],
)
def test_what_is_no_filter_is_refused(client: APIClient, query: dict[str, str], field: str) -> None:
    assert [name for name, _code in errors_of(client.get(AUDIT, query))] == [field]


def test_by_pages_and_by_cursor(client: APIClient) -> None:
    keys = [entry(minute // 3).pk for minute in range(9)]  # some at the same moment
    newest_first = sorted(keys, reverse=True)
    pages = [found(client, page=page, size=4) for page in (1, 2, 3)]
    assert [key for page in pages for key in page] == newest_first
    walked: list[int] = []
    url: str | None = f"{AUDIT}?cursor=&size=2"
    while url:
        body = client.get(url).json()
        walked += [row["id"] for row in body["results"]]
        entry(99, action="x.y")  # others go on adding
        url = body["next"]
    assert walked == newest_first


def test_the_number_of_statements_does_not_grow(client: APIClient) -> None:
    numbers = []
    for more in (1, 9, 90):
        for _ in range(more):
            entry()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{AUDIT}?size=100").status_code == 200
        numbers.append(len(captured))
    assert numbers == [2, 2, 2]


def refused() -> Any:
    return pytest.raises(AppendOnlyError)


def test_nothing_in_it_is_changed_or_deleted_through_the_orm() -> None:
    kept = entry(action="a.b")
    rows = AuditEntry.objects.filter(pk=kept.pk)
    kept.action = "c.d"
    with refused():
        kept.save()
    with refused():
        kept.save(force_update=True)
    with refused():
        AuditEntry.objects.get(pk=kept.pk).save(update_fields=["action"])
    with refused():
        kept.delete()
    for change in (
        lambda: rows.update(action="c.d"),
        lambda: AuditEntry.objects.update(action="c.d"),
        lambda: AuditEntry._base_manager.update(action="c.d"),
        lambda: rows.delete(),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditEntry.objects.bulk_update([kept], ["action"]),
        lambda: AuditEntry.objects.update_or_create(pk=kept.pk, defaults={"action": "c.d"}),
        lambda: AuditEntry.objects.bulk_create(
            [kept], update_conflicts=True, update_fields=["action"], unique_fields=["id"]
        ),
        lambda: asyncio.run(rows.aupdate(action="c.d")),
        lambda: asyncio.run(rows.adelete()),
        lambda: asyncio.run(kept.adelete()),
        lambda: asyncio.run(kept.asave()),
    ):
        with refused():
            change()
    assert list(rows.values_list("action", flat=True)) == ["a.b"]


def test_a_copy_with_the_key_of_another_does_not_take_its_place() -> None:
    from django.db import IntegrityError, transaction

    kept = entry(action="a.b")
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry(pk=kept.pk, action="c.d").save()
    assert AuditEntry.objects.get(pk=kept.pk).action == "a.b"


def tick() -> None:
    PeriodicRun.objects.all().delete()
    call_command("shopcore_tick", verbosity=0)


def test_entries_end_by_their_age(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    days = {age: entry(created_at=timezone.now() - datetime.timedelta(days=age)).pk for age in (0, 364, 366, 367, 999)}
    settings.SHOPCORE_AUDIT_RETENTION_DAYS = None
    tick()
    assert AuditEntry.objects.count() == 5
    settings.SHOPCORE_AUDIT_RETENTION_DAYS = 365
    tick()
    assert set(AuditEntry.objects.values_list("pk", flat=True)) == {days[0], days[364]}
    settings.SHOPCORE_AUDIT_RETENTION_DAYS = 1
    tick()
    assert AuditEntry.objects.count() == 1


def test_a_person_whose_entry_came_too_late_is_forgotten_by_the_hour() -> None:
    gone, present = make_user(), make_user()
    key, label = gone.pk, gone._meta.label_lower
    gone.delete()
    for who in (str(key), str(present.pk)):
        entry(created_at=timezone.now(), actor_key=who, actor="late@example.com", ip_address="203.0.113.77")
        entry(created_at=timezone.now(), object_type=label, object_key=who, object_title="late@example.com")
    tick()
    kept = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert str(key) not in kept
    assert kept.count("203.0.113.77") == 1
    assert AuditEntry.objects.filter(actor_key=str(present.pk), actor="late@example.com").count() == 1
    assert AuditEntry.objects.filter(actor_key__startswith="erased-").count() == 1


def test_a_user_whom_the_site_deletes_by_itself_is_forgotten_at_once() -> None:
    user = make_user()
    signed_in(user, REMOTE_ADDR="203.0.113.77")
    audit.record("order.placed", actor=user)
    user.delete()
    kept = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert AuditEntry.objects.filter(action="order.placed").count() == 1
    assert user.email not in kept


@pytest.fixture
def browser() -> Client:
    from tests.catalog.admin_pages import browser, make_superuser

    return browser(make_superuser())


def test_the_admin_site_shows_it_and_writes_nothing(browser: Client) -> None:
    kept = entry(action="product.updated", object_key="4711", changes={"price": ["1.00", "<b>"]}, ip_address="::1")
    url = "/admin/shopcore_audit/auditentry/"
    assert b"product.updated" in browser.get(url).content
    for word, there in (("4711", True), ("product.updated", True), ("::1", True), ("471", False), ("no'body", False)):
        assert (b"1 audit entry" in browser.get(url, {"q": word}).content) is there, word
    page = browser.get(f"{url}{kept.pk}/change/")
    assert b"&lt;b&gt;" in page.content
    assert b'name="_save"' not in page.content
    assert browser.get(f"{url}add/").status_code == 403
    assert browser.post(f"{url}{kept.pk}/change/", {"action": "c.d"}).status_code == 403
    assert browser.post(f"{url}{kept.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post(url, {"action": "delete_selected", "_selected_action": [kept.pk], "post": "yes"})
    assert AuditEntry.objects.get(pk=kept.pk).action == "product.updated"


def test_whoever_may_view_it_sees_it_in_the_admin_site_and_nobody_else() -> None:
    from django.contrib.auth.models import Permission

    from tests.catalog.admin_pages import browser

    staff = make_user(admin=True)
    assert browser(staff).get("/admin/shopcore_audit/auditentry/").status_code == 403
    staff.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    assert browser(staff).get("/admin/shopcore_audit/auditentry/").status_code == 200
