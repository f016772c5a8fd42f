"""The inbox: one's own, the latest first, to read and to mark."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from django_shopcore.core import periodic
from django_shopcore.notifications import Message, services
from django_shopcore.notifications.models import Notification
from django_shopcore.notifications.posting import post
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.notifications import NotificationFactory
from tests.fixtures import client_of
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "email_user", "uuid_user")]

URL = "/api/v1/notifications/"
COUNT = f"{URL}unseen-count/"
MARK_ALL = f"{URL}mark-all-seen/"
NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)


def body_of(row: Notification, **changes: Any) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": "welcome",
        "message": row.message,
        "data": {},
        "seen": False,
        "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
        **changes,
    }


def url_of(key: Any) -> str:
    return f"{URL}{key}/"


def lines(user: Any, number: int) -> list[Notification]:
    """So many of ``user``, the latest first; some made in the same moment."""
    moments = [NOON + datetime.timedelta(minutes=place // 2) for place in range(number)]
    return [NotificationFactory.create(user=user, created_at=moment) for moment in moments][::-1]


def keys_of(response: Any) -> list[int]:
    assert response.status_code == 200, response.json()
    return [row["id"] for row in response.json()["results"]]


def test_lists_ones_own_the_latest_first(user: Any, client: APIClient) -> None:
    old = NotificationFactory.create(user=user, seen=True, data={"product": "Walnut desk"}, created_at=NOON)
    new = NotificationFactory.create(user=user, created_at=NOON + datetime.timedelta(microseconds=1))
    NotificationFactory.create()

    response = client.get(URL)

    assert response.status_code == 200
    assert response.json() == {
        "count": 2,
        "count_is_exact": True,
        "next": None,
        "previous": None,
        "results": [body_of(new), body_of(old, seen=True, data={"product": "Walnut desk"})],
    }
    assert response["Cache-Control"] == "no-store"
    assert "Authorization" in response["Vary"]


def test_what_an_event_tells_is_there_at_once(user: Any, client: APIClient, declare: Callable[..., Any]) -> None:
    post(declare("news", channels=("in_app",)), [Message(user=user, data={"number": 7})])

    [row] = client.get(URL).json()["results"]
    assert (row["kind"], row["message"], row["data"], row["seen"]) == ("news", "The news", {"number": 7}, False)


def test_pages_and_cursors_leave_nothing_out(user: Any, client: APIClient) -> None:
    expected = [row.pk for row in lines(user, 7)]

    assert [keys_of(client.get(f"{URL}?size=3&page={page}")) for page in (1, 2, 3)] == [
        expected[:3],
        expected[3:6],
        expected[6:],
    ]
    seen, url = [], f"{URL}?size=3&cursor="
    while url:
        response = client.get(url)
        seen += keys_of(response)
        assert "count" not in response.json()
        url = response.json()["next"]
    assert seen == expected
    assert problem_of(client.get(f"{URL}?page=9")) == (404, "not_found")
    assert errors_of(client.get(f"{URL}?cursor=x")) == [("cursor", "invalid_cursor")]


def test_anothers_cursor_shows_ones_own(user: Any, client: APIClient) -> None:
    lines(user, 4)
    following = client.get(f"{URL}?size=2&cursor=").json()["next"]
    other = UserFactory()
    mine = [row.pk for row in lines(other, 4)]
    assert set(keys_of(client_of(other).get(following))) <= set(mine)


def test_narrow_lists_read_no_more_than_they_show(user: Any, client: APIClient) -> None:
    row = NotificationFactory.create(user=user)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"{URL}?fields=id,seen").json()["results"] == [{"id": row.pk, "seen": False}]
    assert '"message"' not in queries[-1]["sql"]
    assert errors_of(client.get(f"{URL}?fields=id,user")) == [("fields", "unknown_field")]


def test_are_filtered_by_whether_they_were_seen(user: Any, client: APIClient) -> None:
    seen = NotificationFactory.create(user=user, seen=True)
    unseen = NotificationFactory.create(user=user)

    assert keys_of(client.get(f"{URL}?seen=true")) == [seen.pk]
    assert keys_of(client.get(f"{URL}?seen=false")) == [unseen.pk]


@pytest.mark.parametrize("value", ["", "maybe", "2", "null", "\u0661", "true,false"])
def test_a_filter_that_is_no_boolean_is_an_error(client: APIClient, value: str) -> None:
    assert errors_of(client.get(URL, {"seen": value})) == [("seen", "invalid")]


def test_one_is_marked_and_unmarked(user: Any, client: APIClient) -> None:
    row, other = lines(user, 2)
    for seen in (True, True, False):
        response = client.patch(url_of(row.pk), {"seen": seen})
        assert (response.status_code, response.json()) == (200, body_of(row, seen=seen))
        row.refresh_from_db()
        assert row.seen is seen
    assert response["Cache-Control"] == "no-store"
    other.refresh_from_db()
    assert not other.seen


def test_nothing_but_seen_can_be_changed(user: Any, client: APIClient) -> None:
    row = NotificationFactory.create(user=user, seen=True)
    for body in ({}, {"message": "Another", "kind": "x", "user": UserFactory().pk, "id": 7, "data": {"x": 1}}):
        response = client.patch(url_of(row.pk), body)
        assert (response.status_code, response.json()) == (200, body_of(row, seen=True))
    assert list(Notification.objects.values("user", "message", "seen")) == [
        {"user": user.pk, "message": row.message, "seen": True}
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"seen": "true"}, ("seen", "invalid")),
        ({"seen": 1}, ("seen", "invalid")),
        ({"seen": None}, ("seen", "null")),
        ({"seen": []}, ("seen", "invalid")),
        ([], ("", "invalid")),
    ],
)
def test_seen_is_true_or_false(user: Any, client: APIClient, body: Any, error: tuple[str, str]) -> None:
    row = NotificationFactory.create(user=user)
    assert errors_of(client.patch(url_of(row.pk), body, format="json")) == [error]
    row.refresh_from_db()
    assert not row.seen


def test_anothers_is_not_there(client: APIClient) -> None:
    row = NotificationFactory.create()
    assert problem_of(client.patch(url_of(row.pk), {"seen": True})) == (404, "not_found")
    row.refresh_from_db()
    assert not row.seen


@pytest.mark.parametrize("key", [0, -1, 2**31, 2**63, 10**30, "x", "1.0", "1e3", "%00", "%2e", "\u0661", "null"])
def test_a_key_that_nothing_has_is_404(user: Any, client: APIClient, key: Any) -> None:
    NotificationFactory.create(user=user, pk=1)
    assert problem_of(client.patch(url_of(key), {"seen": True})) == (404, "not_found")
    assert not Notification.objects.filter(seen=True).exists()


def test_a_write_for_another_version_is_refused(user: Any, client: APIClient) -> None:
    row = NotificationFactory.create(user=user)
    tag = client.patch(url_of(row.pk), {})["ETag"]

    marked = client.patch(url_of(row.pk), {"seen": True}, headers={"If-Match": tag})
    assert marked.status_code == 200
    assert marked["ETag"] != tag
    refused = client.patch(url_of(row.pk), {"seen": False}, headers={"If-Match": tag})
    assert problem_of(refused) == (412, "precondition_failed")
    row.refresh_from_db()
    assert row.seen


def test_all_are_marked_in_one_statement(user: Any, client: APIClient) -> None:
    lines(user, 3)
    NotificationFactory.create(user=user, seen=True)
    others = NotificationFactory.create()

    with CaptureQueriesContext(connection) as queries:
        response = client.post(MARK_ALL)

    assert (response.status_code, response.json()) == (200, {"marked": 3})
    assert [query["sql"][:6] for query in queries if "_notification" in query["sql"]] == ["UPDATE"]
    assert client.post(MARK_ALL, {}).json() == {"marked": 0}
    assert list(Notification.objects.filter(seen=False)) == [others]
    assert response["Cache-Control"] == "no-store"


def test_marking_all_takes_json_only(user: Any, client: APIClient) -> None:
    NotificationFactory.create(user=user)
    response = client.post(MARK_ALL, "seen=1", content_type="application/x-www-form-urlencoded")
    assert problem_of(response) == (415, "unsupported_media_type")
    assert client.get(COUNT).json() == {"count": 1}


def test_the_unseen_are_counted(user: Any, client: APIClient) -> None:
    assert client.get(COUNT).json() == {"count": 0}
    row, *_ = lines(user, 3)
    NotificationFactory.create()
    client.patch(url_of(row.pk), {"seen": True})

    response = client.get(COUNT)

    assert (response.status_code, response.json()) == (200, {"count": 2})
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "url"), [("get", URL), ("patch", url_of(1)), ("post", MARK_ALL), ("get", COUNT)])
def test_are_for_people_who_are_signed_in(anonymous: APIClient, method: str, url: str) -> None:
    response = getattr(anonymous, method)(url)
    assert problem_of(response) == (401, "not_authenticated")
    assert response["Cache-Control"] == "no-store"


def test_any_sign_in_of_the_site_will_do(user: Any, settings: Any) -> None:
    settings.SHOPCORE_AUTHENTICATION_CLASSES = ["rest_framework.authentication.BasicAuthentication"]
    row = NotificationFactory.create(user=user)
    pair = base64.b64encode(f"{user.get_username()}:{PASSWORD}".encode()).decode()
    client = APIClient(headers={"Authorization": f"Basic {pair}"})
    assert keys_of(client.get(URL)) == [row.pk]


def test_writes_are_limited(user: Any, client: APIClient, settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_WRITE_RATE = "1/m"
    row = NotificationFactory.create(user=user)
    assert client.post(MARK_ALL).status_code == 200
    for response in (client.post(MARK_ALL), client.patch(url_of(row.pk), {"seen": False})):
        assert problem_of(response) == (429, "rate_limited")
        assert response["RateLimit-Policy"] == '"notifications-write";q=1;w=60'
    assert client.get(COUNT).json() == {"count": 0}


def test_are_deleted_when_they_are_old_if_the_site_says_so(user: Any, settings: Any) -> None:
    days = [400, 91, 89, 0]
    rows = [
        NotificationFactory.create(user=user, created_at=timezone.now() - datetime.timedelta(days=age)) for age in days
    ]
    services.prune_inbox()
    assert Notification.objects.count() == 4
    settings.SHOPCORE_NOTIFICATIONS_INBOX_RETENTION = 90
    assert services.prune_inbox() == 2
    assert set(Notification.objects.all()) == set(rows[2:])
    assert "notifications.prune_inbox" in {task.name for task in periodic.tasks()}
