"""Digests: at the hour of the recipient's own clock, with all that was collected, each thing told once."""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Callable
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from django_shopcore.notifications import Message, digests, kinds
from django_shopcore.notifications.models import DigestEntry, OutboxMessage, Preferences
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.preferences import Wishes
from django_shopcore.notifications.worker import drain
from tests.parallel import at_once
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

UTC = datetime.timezone.utc
MINUTE, DAY = datetime.timedelta(minutes=1), datetime.timedelta(days=1)
THREADS = 4


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the clock: ``at("2026-03-28T07:59Z")``."""

    def set_clock(moment: str) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment_of(moment))

    return set_clock


def moment_of(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def reader(frequency: str = "daily", time_zone: str = "UTC", **row: Any) -> Any:
    """A user who wants the news in a digest."""
    user = make_user()
    kinds = {"news": {"digest": frequency}} | row.pop("kinds", {})
    Preferences.objects.create(user=user, time_zone=time_zone, kinds=kinds, **row)
    return user


def tell(news: Any, user: Any, *titles: str) -> None:
    post(news, [Message(user=user, data={"title": title}) for title in titles])


def collect(user: Any, *titles: str, frequency: str = "daily", kind: str = "news") -> None:
    """Something that is due."""
    due_at = timezone.now() - MINUTE
    for title in titles:
        DigestEntry.objects.create(user=user, kind=kind, data={"title": title}, frequency=frequency, due_at=due_at)


def delivered() -> list[Any]:
    """The mails that went out, and no others."""
    mail.outbox.clear()
    OutboxMessage.objects.filter(state="pending").update(available_at=timezone.now())
    drain()
    return list(mail.outbox)


def lines_of(sent: Any) -> list[str]:
    return [line.strip(" -*\u2022") for line in sent.body.splitlines() if "News: " in line]


def wishes_in(time_zone: str) -> Wishes:
    return Wishes(Preferences(time_zone=time_zone))


def test_news_are_collected_and_told_together_at_the_hour(news: Any, at: Callable[[str], None]) -> None:
    at("2026-06-01T20:00Z")
    user = reader()
    tell(news, user, "Rain", "Wind")
    assert delivered() == []
    for moment in ("2026-06-01T23:59Z", "2026-06-02T07:59Z"):
        at(moment)
        assert digests.post_due() == 0
    at("2026-06-02T08:00Z")
    assert digests.post_due() == 1
    assert not DigestEntry.objects.exists()
    assert digests.post_due() == 0
    [digest] = delivered()
    assert digest.to == [user.email]
    assert [line.partition("News: ")[2].split(" ")[0].strip("().,") for line in lines_of(digest)] == ["Rain", "Wind"]
    at("2026-06-03T08:00Z")
    assert digests.post_due() == 0


def test_a_weekly_digest_waits_for_its_day(news: Any, at: Callable[[str], None]) -> None:
    at("2026-06-01T08:00Z")  # a Monday, at the hour itself: too late for this week's
    user = reader("weekly")
    tell(news, user, "Rain")
    for day in range(2, 8):
        at(f"2026-06-0{day}T12:00Z")
        assert digests.post_due() == 0
    at("2026-06-08T08:00Z")
    assert digests.post_due() == 1
    assert [row.kind for row in OutboxMessage.objects.all()] == ["weekly_digest"]
    assert len(delivered()) == 1


def test_the_hour_is_that_of_the_recipients_clock(news: Any, at: Callable[[str], None]) -> None:
    at("2026-06-01T12:00Z")
    hours = {"Asia/Tokyo": "23:00", "Asia/Kolkata": "02:30", "Europe/Berlin": "06:00", "America/St_Johns": "10:30"}
    users = {zone: reader(time_zone=zone) for zone in hours}
    for user in users.values():
        tell(news, user, "Rain")
    for zone, hour in sorted(hours.items(), key=lambda item: (item[1] < "12:00", item[1])):
        day = 1 if hour > "12:00" else 2
        at(f"2026-06-0{day}T{hour}Z")
        assert digests.post_due() == 1
        assert OutboxMessage.objects.latest("pk").user == users[zone]


def test_a_worker_that_was_away_at_the_hour_makes_up_for_it_once(news: Any, at: Callable[[str], None]) -> None:
    user = reader()
    for day in (1, 2, 3):
        at(f"2026-06-0{day}T12:00Z")
        tell(news, user, f"Day{day}")
    at("2026-06-04T17:23Z")
    assert [digests.post_due(), digests.post_due()] == [1, 0]
    [digest] = delivered()
    assert len(lines_of(digest)) == 3


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",  # whose clock used to skip midnight
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # which moves by half an hour
    "Africa/Casablanca",
    "Pacific/Apia",  # which skipped a whole day at the end of 2011
]


@pytest.mark.parametrize("hour", [0, 2, 8, 23])
@pytest.mark.parametrize("zone", ZONES)
def test_every_day_has_one_hour_of_digests(zone: str, hour: int) -> None:
    place, moment = ZoneInfo(zone), moment_of("2011-06-15T12:00Z")
    days = []
    with override_settings(SHOPCORE_NOTIFICATIONS_DIGEST_HOUR=hour):
        while moment < moment_of("2012-12-15T12:00Z"):
            # However late in the day it is asked, the answer is the same until the moment is there.
            following = wishes_in(zone).next_digest("daily", moment)
            assert wishes_in(zone).next_digest("daily", following - datetime.timedelta(seconds=1)) == following
            moment = following
            days.append(moment.astimezone(place).date())
    existing = {
        (moment_of("2011-06-17T00:00Z") + step * datetime.timedelta(hours=1)).astimezone(place).date()
        for step in range(24 * 540)
    }
    assert len(days) == len(set(days))
    assert existing <= set(days)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("weekday", [0, 4, 6])
def test_every_week_has_one_day_of_digests(zone: str, weekday: int) -> None:
    place, moment = ZoneInfo(zone), moment_of("2011-06-15T12:00Z")
    with override_settings(SHOPCORE_NOTIFICATIONS_DIGEST_WEEKDAY=weekday):
        moment = wishes_in(zone).next_digest("weekly", moment)
        for _ in range(80):
            following = wishes_in(zone).next_digest("weekly", moment)
            assert 6 * DAY <= following - moment <= 8 * DAY
            skipped = zone == "Pacific/Apia" and str(following.astimezone(place).date()) == "2011-12-31"
            assert following.astimezone(place).weekday() == weekday or skipped
            moment = following


@pytest.mark.parametrize(
    ("zone", "hour", "after", "expected"),
    [
        # The night of the change to summer time: two o'clock does not exist, the digest comes when it would be.
        ("Europe/Berlin", 2, "2026-03-28T12:00Z", "2026-03-29T01:00Z"),
        ("Europe/Berlin", 2, "2026-03-29T01:00Z", "2026-03-30T00:00Z"),
        ("Europe/Berlin", 8, "2026-03-28T12:00Z", "2026-03-29T06:00Z"),
        ("America/New_York", 2, "2026-03-07T12:00Z", "2026-03-08T07:00Z"),
        ("America/New_York", 8, "2026-03-07T14:00Z", "2026-03-08T12:00Z"),
        # The night of the change back: two o'clock comes twice, the digest with the first.
        ("Europe/Berlin", 2, "2026-10-24T12:00Z", "2026-10-25T00:00Z"),
        ("Europe/Berlin", 2, "2026-10-25T00:30Z", "2026-10-26T01:00Z"),
        ("Europe/Berlin", 2, "2026-10-25T01:30Z", "2026-10-26T01:00Z"),
        ("Europe/Berlin", 8, "2026-10-24T12:00Z", "2026-10-25T07:00Z"),
        ("America/New_York", 1, "2026-10-31T12:00Z", "2026-11-01T05:00Z"),
        ("America/New_York", 1, "2026-11-01T05:30Z", "2026-11-02T06:00Z"),
        # A day that was not.
        ("Pacific/Apia", 8, "2011-12-29T20:00Z", "2011-12-30T18:00Z"),
        ("Pacific/Apia", 8, "2011-12-30T18:00Z", "2011-12-31T18:00Z"),
    ],
)
def test_changes_of_the_clock(zone: str, hour: int, after: str, expected: str) -> None:
    with override_settings(SHOPCORE_NOTIFICATIONS_DIGEST_HOUR=hour):
        assert wishes_in(zone).next_digest("daily", moment_of(after)) == moment_of(expected)


@pytest.mark.parametrize(("start", "hours"), [("2026-03-28T12:00Z", 36), ("2026-10-24T12:00Z", 36)])
@pytest.mark.parametrize("hour", [2, 8])
def test_over_a_change_of_the_clock_each_thing_is_told_once(
    news: Any, at: Callable[[str], None], start: str, hours: int, hour: int
) -> None:
    user, told = reader(time_zone="Europe/Berlin"), 0
    with override_settings(SHOPCORE_NOTIFICATIONS_DIGEST_HOUR=hour):
        for step in range(hours * 2):
            moment = moment_of(start) + step * 30 * MINUTE
            at(moment.isoformat())
            told += digests.post_due()
            tell(news, user, f"Step{step}")
    assert told in (1, 2)
    assert told == OutboxMessage.objects.count()
    in_digests = [
        entry["data"]["title"] for row in OutboxMessage.objects.order_by("pk") for entry in row.data["entries"]
    ]
    waiting = [entry.data["title"] for entry in DigestEntry.objects.order_by("pk")]
    assert in_digests + waiting == [f"Step{step}" for step in range(hours * 2)]


def test_a_digest_lists_a_hundred_and_counts_the_rest(news: Any) -> None:
    user = reader()
    collect(user, *(f"T{number}" for number in range(130)))
    assert digests.post_due() == 1
    row = OutboxMessage.objects.get()
    assert (row.data["count"], len(row.data["entries"])) == (130, 100)
    [digest] = delivered()
    assert len(lines_of(digest)) == 100
    assert "30" in digest.body
    assert not DigestEntry.objects.exists()


def test_a_digest_is_in_the_language_of_its_recipient(news: Any, site_templates: Callable[[str, str], None]) -> None:
    site_templates("news/message.txt", 'News: {% load i18n %}{% translate "Yes" %}')
    collect(reader(language="fr"), "Rain")
    digests.post_due()
    [digest] = delivered()
    assert "News: Oui" in digest.body


def test_what_comes_late_for_a_digest_is_told_as_well(news: Any) -> None:
    """Its transaction began before the hour and ended after the digest was made."""
    user = reader()
    collect(user, "Rain")
    [due_at] = DigestEntry.objects.values_list("due_at", flat=True)
    assert digests.post_due() == 1
    DigestEntry.objects.create(user=user, kind="news", data={"title": "Late"}, frequency="daily", due_at=due_at)
    assert digests.post_due() == 1
    assert [len(lines_of(sent)) for sent in delivered()] == [1, 1]


def test_what_is_made_while_a_digest_is_posted_is_in_the_next(news: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user = reader()
    collect(user, "Rain")

    def post_slowly(*args: Any) -> None:
        collect(user, "Meanwhile")
        post(*args)

    monkeypatch.setattr(digests, "post", post_slowly)
    assert digests.post_due() == 1
    assert [entry.data for entry in DigestEntry.objects.all()] == [{"title": "Meanwhile"}]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_posts_a_digest(news: Any) -> None:
    users = [reader(), reader("weekly")]
    for round_ in range(1, 4):
        for user, frequency in zip(users, ("daily", "weekly"), strict=True):
            collect(user, "Rain", "Wind", frequency=frequency)
        answers = at_once([digests.post_due] * THREADS)
        assert [answer for answer in answers if not isinstance(answer, int)] == []
        assert sum(answers) == 2
        assert OutboxMessage.objects.count() == 2 * round_
        assert not DigestEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_several_would_or_would_fail(news: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above."""

    def read_only(queryset: Any) -> list[Any]:
        entries = list(queryset)
        time.sleep(0.2)
        return entries

    monkeypatch.setattr(digests, "lock_rows", read_only)
    collect(reader(), "Rain")
    answers = at_once([digests.post_due] * THREADS)
    failed = [answer for answer in answers if not isinstance(answer, int)]  # SQLite: "database is locked"
    assert failed or sum(answers) > 1


def test_one_users_trouble_is_not_everybodys(
    news: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unlucky, other = reader(), reader()
    collect(unlucky, "Rain")
    collect(other, "Rain")

    def fail_for_one(kind: Any, messages: list[Message]) -> None:
        if messages[0].user == unlucky:
            raise ValueError("odd")
        post(kind, messages)

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR, "django_shopcore.notifications.digests"):
        patched.setattr(digests, "post", fail_for_one)
        assert digests.post_due() == 1
    assert caplog.messages == [f"The daily digest of the user {unlucky.pk} cannot be made."]
    assert [entry.user for entry in DigestEntry.objects.all()] == [unlucky]
    assert digests.post_due() == 1


def test_a_user_who_is_gone_gets_none(news: Any) -> None:
    deleted, inactive = reader(), reader()
    collect(deleted, "Rain")
    collect(inactive, "Rain")
    deleted.delete()
    inactive.is_active = False
    inactive.save()
    digests.post_due()
    assert delivered() == []
    assert [row.state for row in OutboxMessage.objects.all()] == ["skipped"]


def test_what_an_uninstalled_feature_had_to_tell_is_left_out(make_news: Callable[..., Any], declare: Any) -> None:
    make_news()
    declare("rumours", title="News: a rumour")
    both, one = reader(), reader()
    collect(both, "Rain")
    collect(both, "psst", kind="rumours")
    collect(one, "Rain")
    kinds.unregister("news")
    digests.post_due()
    [digest] = delivered()
    assert digest.to == [both.email]
    assert [line.partition("News: ")[2].startswith("a rumour") for line in lines_of(digest)] == [True]
    assert OutboxMessage.objects.get(user=one).state == "skipped"


def test_nothing_collected_makes_no_mail(news: Any) -> None:
    reader()
    assert digests.post_due() == 0
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"news": {"digest": "off"}}, True),  # single mails from now on
        ({"news": {"digest": "weekly"}}, True),
        ({"news": {"email": False, "digest": "off"}}, False),
        ({"news": {"digest": "daily"}, "daily_digest": {"email": False}}, False),
        ({"news": {"digest": "daily"}, "daily_digest": {"digest": "daily"}}, True),  # no digest of digests
    ],
)
def test_a_user_who_changed_their_mind(news: Any, choices: Any, told: bool) -> None:
    user = reader()
    collect(user, "Rain")
    Preferences.objects.filter(user=user).update(kinds=choices)
    digests.post_due()
    assert len(delivered()) == int(told)
    assert not DigestEntry.objects.exists()


@pytest.mark.parametrize("disabled", ["daily_digest", "daily_digest:email"])
def test_a_digest_that_the_site_disables_loses_nothing(news: Any, settings: Any, disabled: str) -> None:
    user = reader()
    collect(user, "Rain")
    settings.SHOPCORE_NOTIFICATIONS_DISABLED = [disabled]
    assert digests.post_due() == 0
    tell(news, user, "Snow")  # singly, as there is no such digest
    assert len(delivered()) == 1
    assert DigestEntry.objects.count() == 1
    settings.SHOPCORE_NOTIFICATIONS_DISABLED = []
    assert digests.post_due() == 1
    assert len(delivered()) == 1


def test_the_periodic_work_posts_them(news: Any) -> None:
    collect(reader(), "Rain")
    call_command("shopcore_tick", stdout=StringIO())
    assert [row.kind for row in OutboxMessage.objects.all()] == ["daily_digest"]
