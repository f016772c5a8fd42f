"""The outbox and the notifications in the Django admin."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_shopcore.core.users import email_of
from django_shopcore.notifications import outbox
from django_shopcore.notifications.models import DigestEntry, Notification, OptOut, OutboxMessage, Preferences
from django_shopcore.notifications.worker import drain
from tests.catalog.admin_pages import browser, form_on, make_superuser, messages_on, url
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "email_user", "uuid_user")]

State = OutboxMessage.State
MODELS = [OutboxMessage, Notification, Preferences, DigestEntry, OptOut]


@pytest.fixture
def superuser(db: None) -> Any:
    return make_superuser()


@pytest.fixture
def client(superuser: Any) -> Client:
    return browser(superuser)


def make_row(key: str, **fields: Any) -> OutboxMessage:
    row: OutboxMessage = OutboxMessage.objects.create(
        dedupe_key=key, **{"kind": "welcome", "channel": "email", **fields}
    )
    return row


def staff(*codenames: str) -> Any:
    user = make_user(admin=True)
    wanted = Permission.objects.filter(content_type__app_label="shopcore_notifications", codename__in=codenames)
    user.user_permissions.set(wanted)
    return user


def keys_on(response: Any) -> list[str]:
    assert response.status_code == 200
    return [row.dedupe_key for row in response.context["cl"].result_list]


def act(client: Client, action: str, *rows: Any) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(url(type(rows[0]), "changelist"), data, follow=True)


def test_the_list_shows_who_gets_what_and_why_it_failed(client: Client) -> None:
    user = make_user()
    make_row("one", user=user, state=State.DEAD, attempts=7, last_error="Refused: " + "no such box " * 40)
    make_row("two", address="other@example.com")
    response = client.get(url(OutboxMessage, "changelist"))
    assert keys_on(response) == ["two", "one"]
    page = response.content.decode()
    assert email_of(user) in page
    assert "other@example.com" in page
    assert "Refused: no such box" in page
    assert "no such box " * 10 not in page


def test_the_list_is_searched_by_address_user_and_key(client: Client) -> None:
    user = make_user()
    make_row("one", user=user)
    make_row("two", address="other@example.com")
    for query, keys in [(email_of(user), ["one"]), ("other@", ["two"]), ("wo", ["two"]), ("three", [])]:
        assert keys_on(client.get(url(OutboxMessage, "changelist"), {"q": query})) == keys


def test_the_list_is_narrowed_by_state_kind_channel_and_date(client: Client) -> None:
    now = timezone.now()
    make_row("dead", state=State.DEAD)
    make_row("digest", kind="daily_digest")
    make_row("sms", channel="sms")
    make_row("old", created_at=now - datetime.timedelta(days=3))
    for query, keys in [
        ({"state__exact": "dead"}, ["dead"]),
        ({"kind": "daily_digest"}, ["digest"]),
        ({"channel": "sms"}, ["sms"]),
        ({"created_at__gte": (now - datetime.timedelta(days=1)).isoformat()}, ["sms", "digest", "dead"]),
    ]:
        assert keys_on(client.get(url(OutboxMessage, "changelist"), query)) == keys


@pytest.mark.parametrize("model", MODELS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(client: Client, model: Any) -> None:
    def fill(number: int) -> None:
        for user in [make_user() for _ in range(number)]:
            make_row(f"of {user.pk}", user=user)
            Notification.objects.create(user=user, kind="welcome", message="Welcome")
            Preferences.objects.create(user=user)
            DigestEntry.objects.create(user=user, kind="welcome", frequency="daily", due_at=timezone.now())
            OptOut.objects.create(address=email_of(user), kind="welcome")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url(model, "changelist"), {"q": "example"}).status_code == 200
        assert not [query for query in queries.captured_queries if "DISTINCT" in query["sql"]]
        return len(queries)

    fill(2)
    cost()
    few = cost()
    fill(10)
    assert cost() == few


def test_a_message_is_shown_with_its_data_and_cannot_be_changed(client: Client) -> None:
    row = make_row("one", data={"name": "<b>Łódź</b>", "lines": [1]}, last_error="<script>")
    page = client.get(url(OutboxMessage, "change", row.pk))
    assert page.status_code == 200
    text = page.content.decode()
    assert "&lt;b&gt;Łódź&lt;/b&gt;" in text
    assert "&lt;script&gt;" in text
    assert str(row.message_uuid) in text
    assert client.post(url(OutboxMessage, "change", row.pk), {"state": "sent"}).status_code == 403
    assert client.get(url(OutboxMessage, "add")).status_code == 403
    row.refresh_from_db()
    assert row.state == State.PENDING


def test_messages_that_were_given_up_are_sent_again(client: Client) -> None:
    user = make_user()
    dead = make_row("dead", user=user, state=State.DEAD, attempts=40, finished_at=timezone.now())
    sent = make_row("sent", user=user, state=State.SENT, finished_at=timezone.now())
    held = make_row("held", user=user, lease="elsewhere", available_at=timezone.now() + datetime.timedelta(minutes=1))
    assert drain()["sent"] == 0

    response = act(client, "send_again", dead, sent, held)

    assert messages_on(response) == [
        "1 message was put at the head of the queue.",
        "2 messages were left: they are delivered already, or just being delivered.",
    ]
    assert drain()["sent"] == 1
    assert [message.to for message in mail.outbox] == [[email_of(user)]]
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == (State.SENT, 1)
    held.refresh_from_db()
    assert held.lease == "elsewhere"


def test_the_page_of_a_message_has_a_button_that_sends_it_again(client: Client) -> None:
    dead = make_row("dead", user=make_user(), state=State.DEAD, finished_at=timezone.now())
    page = url(OutboxMessage, "change", dead.pk)
    assert b'name="_send_again"' in client.get(page).content
    response = client.post(page, {"_send_again": "Send again"}, follow=True)
    assert messages_on(response) == ["1 message was put at the head of the queue."]
    dead.refresh_from_db()
    assert (dead.state, dead.finished_at) == (State.PENDING, None)
    assert client.post(url(OutboxMessage, "change", dead.pk + 1), {"_send_again": ""}).status_code == 404
    sent = make_row("sent", state=State.SENT)
    assert b"_send_again" not in client.get(url(OutboxMessage, "change", sent.pk)).content


def test_whoever_may_only_look_sends_nothing_again() -> None:
    dead = make_row("dead", user=make_user(), state=State.DEAD)
    client, page = browser(staff("view_outboxmessage")), url(OutboxMessage, "change", dead.pk)
    assert keys_on(client.get(url(OutboxMessage, "changelist"))) == ["dead"]
    assert b"_send_again" not in client.get(page).content
    assert b'value="send_again"' not in client.get(url(OutboxMessage, "changelist")).content
    act(client, "send_again", dead)
    assert client.post(page, {"_send_again": ""}).status_code == 403
    dead.refresh_from_db()
    assert dead.state == State.DEAD
    changing = browser(staff("change_outboxmessage"))
    assert messages_on(act(changing, "send_again", dead)) == ["1 message was put at the head of the queue."]


def test_deleting_takes_the_permission_for_it() -> None:
    row = make_row("one")
    page = url(OutboxMessage, "delete", row.pk)
    assert browser(staff("change_outboxmessage")).post(page, {"post": "yes"}).status_code == 403
    assert browser(staff("delete_outboxmessage", "view_outboxmessage")).post(page, {"post": "yes"}).status_code == 302
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("model", MODELS)
def test_staff_without_permissions_see_nothing(model: Any) -> None:
    client = browser(staff())
    assert client.get(url(model, "changelist")).status_code == 403
    assert b"shopcore_notifications" not in client.get("/admin/").content


def test_of_a_notification_only_seen_can_be_changed(client: Client) -> None:
    user = make_user()
    row = Notification.objects.create(user=user, kind="welcome", message="Welcome", data={"a": 1})
    page = url(Notification, "change", row.pk)
    data = {**form_on(client.get(page)), "seen": "on", "message": "Something else", "kind": "other"}
    assert client.post(page, data).status_code == 302
    row.refresh_from_db()
    assert (row.seen, row.message, row.kind) == (True, "Welcome", "welcome")
    assert client.get(url(Notification, "add")).status_code == 403


def test_notifications_are_marked_as_seen_and_back(client: Client) -> None:
    rows = [
        Notification.objects.create(user=make_user(), kind="welcome", message="Hi", seen=seen) for seen in (True, False)
    ]
    assert messages_on(act(client, "mark_seen", *rows)) == ["1 notification was changed."]
    assert not Notification.objects.unseen().exists()
    assert messages_on(act(client, "mark_unseen", *rows)) == ["2 notifications were changed."]
    assert Notification.objects.unseen().count() == 2


def test_an_admin_finds_their_own_unseen_notifications(client: Client, superuser: Any) -> None:
    mine = Notification.objects.create(user=superuser, kind="welcome", message="Mine")
    Notification.objects.create(user=superuser, kind="welcome", message="Seen", seen=True)
    Notification.objects.create(user=make_user(), kind="welcome", message="Another's")
    lists = url(Notification, "changelist")
    found = client.get(lists, {"seen__exact": "0", "whose": "mine"}).context["cl"].result_list
    assert list(found) == [mine]
    assert client.get(lists).context["cl"].result_count == 3


def test_preferences_are_shown_and_deleted(client: Client) -> None:
    row = Preferences.objects.create(user=make_user(), kinds={"welcome": {"email": False}}, time_zone="Asia/Tokyo")
    page = client.get(url(Preferences, "change", row.pk)).content.decode()
    assert "&quot;email&quot;: false" in page
    assert client.post(url(Preferences, "change", row.pk), {"time_zone": "UTC"}).status_code == 403
    assert client.post(url(Preferences, "delete", row.pk), {"post": "yes"}).status_code == 302
    assert not Preferences.objects.exists()


def test_entries_of_digests_are_only_looked_at(client: Client) -> None:
    row = DigestEntry.objects.create(user=make_user(), kind="welcome", frequency="daily", due_at=timezone.now())
    assert client.get(url(DigestEntry, "change", row.pk)).status_code == 200
    assert client.post(url(DigestEntry, "change", row.pk), {"kind": "x"}).status_code == 403
    assert client.get(url(DigestEntry, "add")).status_code == 403


def test_an_address_is_opted_out_once_in_small_letters(client: Client) -> None:
    page = url(OptOut, "add")
    assert client.post(page, {"address": "Boss@Example.com", "kind": "welcome"}).status_code == 302
    [row] = OptOut.objects.all()
    assert (row.address, row.kind) == ("boss@example.com", "welcome")
    assert client.post(page, {"address": "BOSS@example.com", "kind": "welcome"}).context["errors"]
    assert client.post(page, {"address": "boss@example.com", "kind": "no such"}).context["errors"]
    assert client.get(url(OptOut, "change", row.pk)).status_code == 200
    assert (
        client.post(url(OptOut, "change", row.pk), {"address": "b@example.com", "kind": "welcome"}).status_code == 403
    )
    assert client.post(url(OptOut, "delete", row.pk), {"post": "yes"}).status_code == 302


def test_what_was_opted_out_in_the_admin_is_not_sent(client: Client) -> None:
    client.post(url(OptOut, "add"), {"address": "Boss@Example.com", "kind": "welcome"})
    make_row("one", address="BOSS@example.com")
    make_row("two", address="other@example.com")
    assert drain() == {"sent": 1, "skipped": 1}
    assert outbox.lag() == 0
