"""What people want to be told, how and when: shown whole, changed by what is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from django_shopcore.notifications import Audience, Message
from django_shopcore.notifications.conf import EMAIL, IN_APP
from django_shopcore.notifications.kinds import kinds
from django_shopcore.notifications.models import DigestEntry, Notification, OutboxMessage, Preferences
from django_shopcore.notifications.posting import post
from tests.factories.accounts import UserFactory
from tests.fixtures import client_of
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "email_user", "uuid_user")]

URL = "/api/v1/notifications/preferences/"
ON = {"email": True, "in_app": True, "digest": "off"}
LOG = "django_shopcore.notifications.channels.LogChannel"


@pytest.fixture
def news(declare: Callable[..., Any]) -> Any:
    return declare("news")


@pytest.fixture
def alarm(declare: Callable[..., Any]) -> Any:
    return declare("alarm", security=True)


@pytest.fixture
def line(declare: Callable[..., Any]) -> Any:
    return declare("line", channels=("in_app",))


def choose(user: Any, time_zone: str = "Europe/Berlin", **chosen: dict[str, Any]) -> Preferences:
    return Preferences.objects.create(user=user, kinds=chosen, time_zone=time_zone)


def switch(client: APIClient, **chosen: Any) -> Any:
    return client.patch(URL, {"kinds": chosen}, format="json")


def shown(response: Any, name: str = "news") -> Any:
    assert response.status_code == 200, response.json()
    return response.json()["kinds"][name]


def test_without_a_choice_all_is_on_in_the_sites_language_and_time_zone(
    client: APIClient, news: Any, alarm: Any, line: Any, settings: Any
) -> None:
    response = client.get(URL)

    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"kinds", "time_zone", "language"}
    assert body["kinds"].items() >= {"news": ON, "alarm": ON, "line": {**ON, "email": False}}.items()
    assert (body["time_zone"], body["language"]) == (settings.TIME_ZONE, settings.LANGUAGE_CODE)
    assert response["Cache-Control"] == "no-store"
    assert "Authorization" in response["Vary"]
    assert not Preferences.objects.exists()


def test_admins_see_what_customers_do_not_get(client: APIClient, admin: Any, declare: Callable[..., Any]) -> None:
    declare("gossip", audience=Audience.ADMINS)
    of_customers, of_admins = client.get(URL).json()["kinds"], client_of(admin).get(URL).json()["kinds"]

    assert "gossip" not in of_customers
    assert of_admins["gossip"] == ON
    audiences = {kind.name: kind.audience for kind in kinds() if not kind.name.endswith("_digest")}
    assert set(of_admins) == set(audiences)
    assert set(of_customers) == {name for name, audience in audiences.items() if audience is Audience.EVERYONE}
    assert errors_of(switch(client, gossip={"email": False})) == [("kinds.gossip", "unknown_kind")]


def test_the_settings_of_the_site_are_heeded(client: APIClient, news: Any, line: Any, settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_DISABLED = ["line", "news:email"]
    settings.SHOPCORE_NOTIFICATIONS_CHANNELS = [EMAIL, IN_APP, LOG]

    kinds = client.get(URL).json()["kinds"]

    assert kinds["news"] == {"email": False, "in_app": True, "log": True, "digest": "off"}
    assert "line" not in kinds
    assert shown(switch(client, news={"log": False}))["log"] is False
    assert errors_of(switch(client, line={"in_app": False})) == [("kinds.line", "unknown_kind")]


def test_a_digest_that_cannot_come_is_shown_as_off(user: Any, client: APIClient, news: Any, settings: Any) -> None:
    choose(user, news={"digest": "weekly"})
    settings.SHOPCORE_NOTIFICATIONS_DISABLED = ["news:email"]
    assert shown(client.get(URL)) == {**ON, "email": False}


def test_what_is_not_to_wait_has_no_digest(client: APIClient, declare: Callable[..., Any]) -> None:
    declare("urgent", collectable=False)
    assert errors_of(switch(client, urgent={"digest": "daily"})) == [("kinds.urgent.digest", "unavailable")]
    assert shown(switch(client, urgent={"digest": "off", "email": False}), "urgent") == {**ON, "email": False}


def test_the_sites_own_language_may_be_chosen_also_where_it_is_not_in_its_list(
    client: APIClient, settings: Any
) -> None:
    settings.LANGUAGES, settings.LANGUAGE_CODE = [("en", "English"), ("de", "German")], "en-us"
    assert client.get(URL).json()["language"] == "en-us"
    for language in ("de", "en-us"):
        response = client.patch(URL, {"language": language}, format="json")
        assert (response.status_code, response.json()["language"]) == (200, language)


def test_a_change_leaves_alone_what_it_does_not_name(user: Any, client: APIClient, news: Any, alarm: Any) -> None:
    before = client.get(URL).json()
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"kinds": {"news": {"email": False}}}, {"news": {**ON, "email": False}}),
        ({"kinds": {"news": {"digest": "weekly"}}}, {"news": {**ON, "email": False, "digest": "weekly"}}),
        ({"kinds": {"alarm": {"in_app": False}}}, {"alarm": {**ON, "in_app": False}}),
        ({"time_zone": "Asia/Tokyo"}, {}),
        ({"language": "fr", "kinds": {}}, {}),
        ({}, {}),
    ]
    expected = before
    for body, switches in steps:
        names = {name: value for name, value in body.items() if name != "kinds"}
        expected = {**expected, **names, "kinds": {**expected["kinds"], **switches}}
        response = client.patch(URL, body, format="json")
        assert (response.status_code, response.json()) == (200, expected)
        assert client.get(URL).json() == expected
    [row] = Preferences.objects.values()
    assert row == {
        "user_id": user.pk,
        "kinds": {"news": {"email": False, "digest": "weekly"}, "alarm": {"in_app": False}},
        "time_zone": "Asia/Tokyo",
        "language": "fr",
    }


def test_what_is_shown_can_be_sent_back(user: Any, client: APIClient, news: Any, alarm: Any, line: Any) -> None:
    choose(user, news={"digest": "daily", "in_app": False})
    body = client.get(URL).json()
    response = client.patch(URL, body, format="json")
    assert (response.status_code, response.json()) == (200, body)
    # Off because it does not go that way is no choice: it must not hold when it once does.
    assert "email" not in Preferences.objects.get().kinds["line"]


def test_each_has_preferences_of_their_own(client: APIClient, news: Any) -> None:
    switch(client, news={"email": False})
    assert shown(client_of(UserFactory()).get(URL)) == ON


def test_nothing_is_kept_for_a_request_that_changes_nothing(client: APIClient, news: Any) -> None:
    for body in ({}, {"kinds": {}}, {"kinds": {"news": {}}}, {"unknown": 1, "user": 7}):
        assert client.patch(URL, body, format="json").status_code == 200
    assert not Preferences.objects.exists()


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ([], [("", "invalid")]),
        ({"kinds": None}, [("kinds", "null")]),
        ({"kinds": []}, [("kinds", "not_an_object")]),
        ({"kinds": "news"}, [("kinds", "not_an_object")]),
        ({"kinds": {"nope": {}}}, [("kinds.nope", "unknown_kind")]),
        ({"kinds": {"": {}, "daily_digest": {}}}, [("kinds.", "unknown_kind"), ("kinds.daily_digest", "unknown_kind")]),
        ({"kinds": {"news": None}}, [("kinds.news", "null")]),
        ({"kinds": {"news": [True]}}, [("kinds.news", "not_an_object")]),
        ({"kinds": {"news": True}}, [("kinds.news", "not_an_object")]),
        ({"kinds": {"news": {"sms": True}}}, [("kinds.news.sms", "unknown_switch")]),
        ({"kinds": {"news": {"log": False}}}, [("kinds.news.log", "unknown_switch")]),
        ({"kinds": {"news": {"email": "false"}}}, [("kinds.news.email", "invalid")]),
        ({"kinds": {"news": {"email": 0}}}, [("kinds.news.email", "invalid")]),
        ({"kinds": {"news": {"email": None}}}, [("kinds.news.email", "null")]),
        ({"kinds": {"news": {"digest": "hourly"}}}, [("kinds.news.digest", "invalid_choice")]),
        ({"kinds": {"news": {"digest": True}}}, [("kinds.news.digest", "invalid_choice")]),
        ({"kinds": {"news": {"digest": ["daily"]}}}, [("kinds.news.digest", "invalid_choice")]),
        ({"kinds": {"news": {"digest": None}}}, [("kinds.news.digest", "null")]),
        ({"kinds": {"line": {"email": True}}}, [("kinds.line.email", "unavailable")]),
        ({"kinds": {"line": {"digest": "daily"}}}, [("kinds.line.digest", "unavailable")]),
        ({"kinds": {"alarm": {"email": False}}}, [("kinds.alarm.email", "security_mail")]),
        ({"kinds": {"alarm": {"digest": "daily"}}}, [("kinds.alarm.digest", "security_mail")]),
        ({"kinds": {"x" * 70_000: {}}}, [("kinds", "too_large")]),
        ({"language": "xx"}, [("language", "unknown_language")]),
        ({"language": ""}, [("language", "blank")]),
        ({"language": None}, [("language", "null")]),
        ({"language": ["fr"]}, [("language", "invalid")]),
        *(
            ({"time_zone": name}, [("time_zone", code)])
            for name, code in [
                ("Mars/Olympus", "unknown_time_zone"),
                ("../etc/passwd", "unknown_time_zone"),
                ("/etc/localtime", "unknown_time_zone"),
                ("localtime", "unknown_time_zone"),
                ("Factory", "unknown_time_zone"),
                ("europe/berlin", "unknown_time_zone"),
                ("Europe", "unknown_time_zone"),
                ("posix/Europe/Berlin", "unknown_time_zone"),
                ("+01:00", "unknown_time_zone"),
                ("E" * 5000, "unknown_time_zone"),
                ("", "blank"),
                (None, "null"),
                (1, "invalid"),
                ({}, "invalid"),
            ]
        ),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.usefixtures("news", "alarm", "line")
def test_what_is_wrong_is_named_and_nothing_is_written(
    client: APIClient, body: Any, errors: list[tuple[str, str]]
) -> None:
    if isinstance(body, dict):
        # What is right beside it does not make it either.
        body = {"time_zone": "Asia/Tokyo", "language": "fr", **body}
        body.setdefault("kinds", {"news": {"email": False}})
    assert errors_of(client.patch(URL, body, format="json")) == errors
    assert not Preferences.objects.exists()


def test_several_errors_come_together(client: APIClient, news: Any, alarm: Any) -> None:
    body = {
        "kinds": {"news": {"email": 1, "x": True}, "alarm": {"email": False}, "nope": {"email": False}},
        "time_zone": "Nowhere",
        "language": "xx",
    }
    assert errors_of(client.patch(URL, body, format="json")) == [
        ("kinds.news.email", "invalid"),
        ("kinds.news.x", "unknown_switch"),
        ("kinds.alarm.email", "security_mail"),
        ("kinds.nope", "unknown_kind"),
        ("time_zone", "unknown_time_zone"),
        ("language", "unknown_language"),
    ]


@pytest.mark.parametrize("text", ['"Europe/\\u0000Berlin"', '"\\ud800"'])
def test_hostile_text_is_an_error(client: APIClient, text: str) -> None:
    response = client.patch(URL, f'{{"time_zone": {text}}}', content_type="application/json")
    assert problem_of(response) == (400, "invalid_text")


@pytest.mark.parametrize("channel", ["email", "in_app"])
def test_what_is_switched_off_is_not_made(user: Any, client: APIClient, news: Any, channel: str) -> None:
    switch(client, news={channel: False})
    post(news, [Message(user=user)])
    assert OutboxMessage.objects.exists() == (channel != "email")
    assert Notification.objects.exists() == (channel != "in_app")


def test_security_mail_is_made_whatever_is_stored(user: Any, client: APIClient, alarm: Any) -> None:
    choose(user, alarm={"email": False, "digest": "weekly"})
    assert shown(client.get(URL), "alarm") == ON
    post(alarm, [Message(user=user)])
    assert OutboxMessage.objects.count() == 1
    assert not DigestEntry.objects.exists()
    assert shown(switch(client, alarm={"email": True, "digest": "off"}), "alarm") == ON


def test_a_write_for_another_version_is_refused(client: APIClient, news: Any) -> None:
    tag = client.get(URL)["ETag"]
    changed = client.patch(URL, {"kinds": {"news": {"email": False}}}, format="json", headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed["ETag"] == client.get(URL)["ETag"] != tag
    refused = client.patch(URL, {"kinds": {"news": {"email": True}}}, format="json", headers={"If-Match": tag})
    assert problem_of(refused) == (412, "precondition_failed")
    assert shown(client.get(URL))["email"] is False


def test_what_an_admin_typed_by_hand_breaks_nothing(user: Any, client: APIClient, news: Any) -> None:
    row = choose(user, "Nowhere/At all")
    for typed in ([1], {"news": "x"}, {"news": {"digest": ["x"], "email": None}}, "x"):
        Preferences.objects.update(kinds=typed, language="xx")
        assert client.get(URL).status_code == 200
        assert shown(switch(client, news={"in_app": False}))["in_app"] is False
        row.refresh_from_db()
        assert row.kinds["news"]["in_app"] is False


@pytest.mark.parametrize("method", ["get", "patch"])
def test_are_for_people_who_are_signed_in(anonymous: APIClient, method: str) -> None:
    assert problem_of(getattr(anonymous, method)(URL)) == (401, "not_authenticated")


def test_of_somebody_deleted_meanwhile_nothing_is_kept(user: Any, client: APIClient, news: Any) -> None:
    get_user_model().objects.filter(pk=user.pk).delete()
    assert problem_of(switch(client, news={"email": False})) == (401, "not_authenticated")
    assert not Preferences.objects.exists()


def test_changes_are_limited(client: APIClient, settings: Any, news: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_WRITE_RATE = "1/m"
    assert switch(client, news={"email": False}).status_code == 200
    assert problem_of(switch(client, news={"email": True})) == (429, "rate_limited")
    assert shown(client.get(URL))["email"] is False
