"""What waits for a digest follows its user's preferences."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.notifications import Message
from django_shopcore.notifications.digests import post_due
from django_shopcore.notifications.models import DigestEntry, Notification, OutboxMessage, Preferences
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.preferences import Wishes
from tests.factories.accounts import UserFactory
from tests.factories.notifications import DigestEntryFactory
from tests.problems import errors_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

URL = "/api/v1/notifications/preferences/"
UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
THURSDAY = datetime.datetime(2026, 3, 5, 7, tzinfo=UTC)  # 8 o'clock in Berlin
MONDAY = datetime.datetime(2026, 3, 9, 7, tzinfo=UTC)


@pytest.fixture
def news(declare: Callable[..., Any]) -> Any:
    return declare("news")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime.datetime:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    return NOW


def choose(user: Any, time_zone: str = "Europe/Berlin", **chosen: dict[str, Any]) -> Preferences:
    return Preferences.objects.create(user=user, kinds=chosen, time_zone=time_zone)


def change(client: APIClient, **body: Any) -> None:
    response = client.patch(URL, body, format="json")
    assert response.status_code == 200, response.json()


def switch(client: APIClient, **chosen: Any) -> None:
    change(client, kinds=chosen)


def waiting(user: Any, frequency: str, due_at: datetime.datetime, **more: Any) -> DigestEntry:
    entry: DigestEntry = DigestEntryFactory.create(
        **{"user": user, "kind": "news", "frequency": frequency, "due_at": due_at, **more}
    )
    return entry


def entries() -> list[tuple[str, datetime.datetime]]:
    return list(DigestEntry.objects.order_by("pk").values_list("frequency", "due_at"))


@pytest.mark.parametrize("email", [True, False])
def test_a_digest_collects_instead_of_single_mails(user: Any, client: APIClient, news: Any, email: bool) -> None:
    switch(client, news={"email": email, "digest": "daily"})
    post(news, [Message(user=user)])
    assert not OutboxMessage.objects.exists()
    assert Notification.objects.count() == 1
    assert [frequency for frequency, _ in entries()] == ["daily"]


def test_what_waits_moves_to_the_digest_that_is_chosen(user: Any, client: APIClient, news: Any, now: Any) -> None:
    choose(user, news={"digest": "daily"})
    post(news, [Message(user=user), Message(user=user)])
    assert entries() == [("daily", THURSDAY)] * 2

    for digest, due_at in (("weekly", MONDAY), ("weekly", MONDAY), ("daily", THURSDAY)):
        switch(client, news={"digest": digest})
        assert entries() == [(digest, due_at)] * 2


def test_what_waits_stays_when_mails_come_singly_again(user: Any, client: APIClient, news: Any, now: Any) -> None:
    choose(user, news={"digest": "weekly"})
    waiting(user, "weekly", MONDAY)

    switch(client, news={"digest": "off"})
    assert entries() == [("weekly", MONDAY)]
    change(client, time_zone="Asia/Tokyo")
    assert entries() == [("weekly", datetime.datetime(2026, 3, 8, 23, tzinfo=UTC))]
    switch(client, news={"email": False})
    assert entries() == []


@pytest.mark.parametrize("due_at", [MONDAY, NOW - datetime.timedelta(hours=5)])
def test_what_waits_goes_when_no_mail_is_wanted(
    user: Any, client: APIClient, news: Any, now: Any, due_at: datetime.datetime
) -> None:
    choose(user, news={"digest": "weekly"})
    waiting(user, "weekly", due_at)
    switch(client, news={"digest": "off", "email": False})
    assert entries() == []
    assert post_due() == 0


def test_a_digest_comes_by_the_clock_of_the_new_time_zone(user: Any, client: APIClient, news: Any, now: Any) -> None:
    choose(user, news={"digest": "daily"}, other={"digest": "weekly"})
    waiting(user, "daily", THURSDAY)
    waiting(user, "weekly", MONDAY, kind="news")

    change(client, time_zone="Asia/Tokyo")
    assert entries() == [("daily", datetime.datetime(2026, 3, 4, 23, tzinfo=UTC))] * 2  # 8 o'clock on Thursday
    change(client, time_zone="Pacific/Honolulu")
    assert entries() == [("daily", datetime.datetime(2026, 3, 4, 18, tzinfo=UTC))] * 2  # still Wednesday there


def test_what_is_due_already_goes_out_as_it_was_to(user: Any, client: APIClient, news: Any, now: Any) -> None:
    choose(user, news={"digest": "daily"})
    missed = NOW - datetime.timedelta(hours=5)
    waiting(user, "daily", missed)

    change(client, kinds={"news": {"digest": "weekly"}}, time_zone="Asia/Tokyo")

    assert entries() == [("daily", missed)]
    assert post_due() == 1


def test_nothing_else_moves(user: Any, client: APIClient, declare: Callable[..., Any], news: Any, now: Any) -> None:
    declare("other")
    choose(user, news={"digest": "daily"}, other={"digest": "daily"})
    waiting(user, "daily", THURSDAY, kind="other")
    waiting(user, "daily", THURSDAY, kind="of a feature that is gone")
    waiting(UserFactory(), "daily", THURSDAY)

    switch(client, news={"digest": "weekly"})
    change(client, language="fr")

    assert entries() == [("daily", THURSDAY)] * 3


def test_a_digest_hour_is_told_without_time_zones_too(user: Any, settings: Any) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "America/New_York"
    wishes = Wishes(choose(user, "Europe/Berlin"))
    noon = datetime.datetime(2026, 3, 4, 12)
    assert wishes.next_digest("daily", noon) == datetime.datetime(2026, 3, 5, 2)  # 8 o'clock in Berlin
    assert wishes.next_digest("weekly", noon) == datetime.datetime(2026, 3, 9, 3)  # New York is on summer time


def test_a_digest_that_the_site_disables_cannot_be_chosen(client: APIClient, news: Any, settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_DISABLED = ["weekly_digest"]
    response = client.patch(URL, {"kinds": {"news": {"digest": "weekly"}}})
    assert errors_of(response) == [("kinds.news.digest", "unavailable")]
    assert client.patch(URL, {"kinds": {"news": {"digest": "daily"}}}).status_code == 200
