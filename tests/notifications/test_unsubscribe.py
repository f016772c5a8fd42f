"""Turning mails off by the link in them: one click, without a sign-in (RFC 2369, RFC 8058)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core import mail, signing
from rest_framework.test import APIClient

from django_shopcore.notifications import Message
from django_shopcore.notifications.digests import DIGESTS
from django_shopcore.notifications.models import DigestEntry, Notification, OptOut, Preferences
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.unsubscribing import make_token
from django_shopcore.notifications.worker import drain
from tests.factories.accounts import UserFactory
from tests.factories.notifications import DigestEntryFactory
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "email_user", "uuid_user")]

URL = "/api/v1/notifications/unsubscribe/"
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def program() -> APIClient:
    """A mail program: no sign-in, no cookies, and the checks against forged requests are on."""
    return APIClient(enforce_csrf_checks=True)


@pytest.fixture
def news(declare: Callable[..., Any], site_templates: Callable[[str, str], None]) -> Any:
    site_templates("news/body.txt", "News.")
    return declare("news")


@pytest.fixture
def other(declare: Callable[..., Any], site_templates: Callable[[str, str], None]) -> Any:
    site_templates("other/body.txt", "Something else.")
    return declare("other")


def url_for(kind: str, user: Any = None, address: str = "") -> str:
    return f"{URL}?token={make_token(kind, user, address)}"


def click(program: APIClient, url: str) -> Any:
    """What a mail program does for its button."""
    return program.post(url, ONE_CLICK, content_type=FORM)


def page(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    content: str = response.content.decode()
    assert content.startswith("<!doctype html>")
    return content


def mailed(kind: Any, **recipient: Any) -> list[Any]:
    """The mails that a new message of ``kind`` makes."""
    mail.outbox.clear()
    post(kind, [Message(**recipient)])
    drain()
    return list(mail.outbox)


def test_the_link_in_a_mail_stops_the_next_one(program: APIClient, user: Any, news: Any, other: Any) -> None:
    [message] = mailed(news, user=user)
    headers = message.message()
    link = re.fullmatch(r"<(.+)>", headers["List-Unsubscribe"])
    assert link is not None
    assert link[1].startswith(f"https://shop.example{URL}?token=")
    assert headers["List-Unsubscribe-Post"] == ONE_CLICK

    page(click(program, link[1].removeprefix("https://shop.example")))

    assert mailed(news, user=user) == []
    assert Notification.objects.filter(kind="news").count() == 2  # the inbox is none of its business
    assert len(mailed(other, user=user)) == 1
    assert len(mailed(news, user=UserFactory())) == 1
    assert list(Preferences.objects.values_list("user", "kinds")) == [(user.pk, {"news": {"email": False}})]


def test_security_mail_has_no_such_link(user: Any, declare: Callable[..., Any], site_templates: Any) -> None:
    site_templates("alarm/body.txt", "Alarm. {{ unsubscribe_url }}")
    [message] = mailed(declare("alarm", security=True), user=user)
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post"} & set(message.message())
    assert message.body.strip() == "Alarm."


def test_security_mail_is_not_turned_off(program: APIClient, user: Any, declare: Callable[..., Any]) -> None:
    declare("alarm", security=True)
    for url in (url_for("alarm", user), url_for("alarm", address="x@example.com")):
        assert errors_of(click(program, url)) == [("token", "invalid_token")]
        page(program.get(url), 400)
    assert not Preferences.objects.exists()
    assert not OptOut.objects.exists()


def test_a_link_outlives_a_change_of_the_secret_key_with_a_fallback(
    program: APIClient, user: Any, news: Any, settings: Any
) -> None:
    url, old = url_for("news", user), settings.SECRET_KEY
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    assert errors_of(click(program, url)) == [("token", "invalid_token")]
    settings.SECRET_KEY_FALLBACKS = [old]
    assert click(program, url).status_code == 200
    assert Preferences.objects.get().kinds == {"news": {"email": False}}


def test_opening_the_link_changes_nothing(program: APIClient, user: Any, news: Any) -> None:
    url = url_for("news", user)
    content = page(program.get(url))
    assert program.head(url).status_code == 200
    assert not Preferences.objects.exists()

    assert "The news" in content
    # A form that needs no script, posts to where it stands and asks for one press.
    assert re.findall(r"<form[^>]*>", content) == ['<form method="post">']
    assert content.count("<button") == 1
    assert not re.search(r"<script|<style|style=|\son\w+=|<img|<link", content)


def test_the_button_of_the_page_unsubscribes(program: APIClient, user: Any, news: Any) -> None:
    content = page(program.post(url_for("news", user), "", content_type=FORM, headers={"Origin": "null"}))
    assert "The news" in content
    assert "<form" not in content
    assert Preferences.objects.get().kinds == {"news": {"email": False}}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ONE_CLICK, FORM),
        ("", FORM),
        (
            '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        ("broken", "multipart/form-data"),
        ("{}", "application/json"),
        ("{", "application/json"),
        ("\x00", "text/plain"),
        ("", ""),
    ],
)
def test_any_body_will_do(program: APIClient, user: Any, news: Any, body: str, content_type: str) -> None:
    page(program.generic("POST", url_for("news", user), body, content_type=content_type))
    assert Preferences.objects.get().kinds == {"news": {"email": False}}


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic eDp5"])
def test_credentials_are_not_looked_at(program: APIClient, user: Any, news: Any, header: str) -> None:
    url = url_for("news", user)
    program.credentials(HTTP_AUTHORIZATION=header)
    page(program.get(url))
    page(click(program, url))
    assert Preferences.objects.get().kinds == {"news": {"email": False}}


@pytest.mark.parametrize("again", [1, 3])
def test_other_choices_stay(program: APIClient, user: Any, news: Any, again: int) -> None:
    Preferences.objects.create(
        user=user,
        kinds={"news": {"in_app": False}, "other": {"digest": "daily"}},
        time_zone="Asia/Tokyo",
        language="fr",
    )
    for _ in range(again):
        page(click(program, url_for("news", user)))
    assert list(Preferences.objects.values()) == [
        {
            "user_id": user.pk,
            "kinds": {"news": {"in_app": False, "email": False}, "other": {"digest": "daily"}},
            "time_zone": "Asia/Tokyo",
            "language": "fr",
        }
    ]


def bad_tokens() -> dict[str, str]:
    token = make_token("news", None, "x@example.com")
    content, _, signature = token.partition(":")
    return {
        "none": "",
        "nonsense": "nonsense",
        "colons": ":::",
        "NUL in base64": "AA==:x:y",
        "letters": "\u0661\U0001f600",
        "cut off": token[:-1],
        "another content": f"{content[:-2]}AA:{signature}",
        "another purpose": signing.dumps({"k": "news", "a": "x@example.com"}, salt="another"),
        "long": "x" * 5000,
    }


@pytest.mark.parametrize("token", bad_tokens().values(), ids=bad_tokens())
@pytest.mark.usefixtures("news")
def test_a_token_that_is_not_ours_is_refused(program: APIClient, token: str) -> None:
    content = page(program.get(URL, {"token": token}), 400)
    assert "<form" not in content
    response = program.post(f"{URL}?{urlencode({'token': token})}")
    assert errors_of(response) == [("token", "invalid_token")]
    assert response["Cache-Control"] == "no-store"
    assert not OptOut.objects.exists()


def test_a_query_without_a_token_or_that_is_no_text_is_refused(program: APIClient) -> None:
    assert errors_of(program.post(URL)) == [("token", "invalid_token")]
    for query in ("token=%00", "token=%ff"):
        for response in (program.get(f"{URL}?{query}"), program.post(f"{URL}?{query}")):
            assert problem_of(response) == (400, "invalid_text")


def test_an_address_without_an_account_opts_out_once(program: APIClient, news: Any, other: Any) -> None:
    [message] = mailed(news, address="Team@Example.com")
    url = message.message()["List-Unsubscribe"].strip("<>").removeprefix("https://shop.example")
    for _ in range(2):
        page(click(program, url))

    assert list(OptOut.objects.values_list("address", "kind")) == [("team@example.com", "news")]
    assert mailed(news, address="Team@Example.com") == []
    assert len(mailed(other, address="Team@Example.com")) == 1
    assert len(mailed(news, address="others@example.com")) == 1


def test_an_account_that_is_gone_is_fine(program: APIClient, user: Any, news: Any) -> None:
    url = url_for("news", user)
    get_user_model().objects.filter(pk=user.pk).delete()
    page(program.get(url))
    page(click(program, url))
    assert not Preferences.objects.exists()


def test_a_key_of_another_user_model_is_fine(program: APIClient, news: Any) -> None:
    class Stranger:
        pk = "no key of ours"

    page(program.get(url_for("news", Stranger)))
    page(click(program, url_for("news", Stranger)))
    assert not Preferences.objects.exists()


def test_a_feature_that_is_gone_is_fine(program: APIClient, user: Any) -> None:
    page(program.get(url_for("gone", user)))
    page(click(program, url_for("gone", user)))
    assert Preferences.objects.get().kinds == {"gone": {"email": False}}  # it may come back


def test_what_is_collected_meanwhile_is_no_longer(program: APIClient, user: Any, news: Any) -> None:
    Preferences.objects.create(user=user, kinds={"news": {"digest": "daily"}})
    post(news, [Message(user=user)])
    assert DigestEntry.objects.count() == 1

    page(click(program, url_for("news", user)))

    assert Preferences.objects.get().kinds == {"news": {"digest": "off", "email": False}}
    assert not DigestEntry.objects.exists()


def test_leaving_a_digest_starts_no_single_mails(
    program: APIClient, user: Any, declare: Callable[..., Any], news: Any, other: Any
) -> None:
    weekly, single = declare("weekly"), declare("single")
    chosen = {
        "news": {"digest": "daily"},
        "other": {"digest": "daily", "in_app": False},
        "weekly": {"digest": "weekly"},
    }
    Preferences.objects.create(user=user, kinds=chosen)
    for kind in (news, other, weekly):
        post(kind, [Message(user=user)])
    # It waits still, though its mails come singly again.
    day = datetime.timedelta(days=1)
    due_at = DigestEntry.objects.earliest("due_at").due_at + day
    DigestEntryFactory.create(user=user, kind=single.name, frequency="daily", due_at=due_at)
    theirs = DigestEntryFactory.create(kind="news", frequency="daily", due_at=due_at)

    page(click(program, url_for(DIGESTS["daily"].name, user)))

    off = {"email": False, "digest": "off"}
    assert Preferences.objects.get().kinds == {
        "news": off,
        "other": {**off, "in_app": False},
        "weekly": {"digest": "weekly"},
    }
    assert set(DigestEntry.objects.values_list("user", "kind")) == {(user.pk, "weekly"), (theirs.user_id, "news")}
    assert mailed(news, user=user) == []


def test_a_digest_carries_the_link_that_stops_it(program: APIClient, user: Any, news: Any) -> None:
    Preferences.objects.create(user=user, kinds={"news": {"digest": "daily"}})
    data = {"count": 1, "entries": [{"kind": "news", "data": {}, "created_at": "2026-01-31T12:00:00+00:00"}]}
    [message] = mailed(DIGESTS["daily"], user=user, data=data)
    url = message.message()["List-Unsubscribe"].strip("<>").removeprefix("https://shop.example")
    page(click(program, url))
    assert Preferences.objects.get().kinds == {"news": {"email": False, "digest": "off"}}


def test_the_page_is_in_the_language_of_the_mails(program: APIClient, user: Any, news: Any) -> None:
    Preferences.objects.create(user=user, language="ar")
    for response in (program.get(url_for("news", user)), click(program, url_for("news", user))):
        assert '<html lang="ar" dir="rtl">' in page(response)


def test_a_site_has_its_own_page(program: APIClient, user: Any, news: Any, site_templates: Any) -> None:
    site_templates("unsubscribe.html", "<!doctype html>{{ link.kind.title }} {{ done }} {{ site_name }}")
    assert page(program.get(url_for("news", user))) == "<!doctype html>The news False shop.example"
    assert page(click(program, url_for("news", user))) == "<!doctype html>The news True shop.example"


def test_a_title_is_text(program: APIClient, user: Any, declare: Callable[..., Any]) -> None:
    declare("odd", title="<b>{{ 7 }}</b>")
    assert "&lt;b&gt;{{ 7 }}&lt;/b&gt;" in page(program.get(url_for("odd", user)))


def test_the_link_may_lead_to_where_the_public_reaches_it(user: Any, news: Any, settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_UNSUBSCRIBE_URL = "https://api.shop.example/v1/notifications/unsubscribe/"
    [message] = mailed(news, user=user)
    url = urlsplit(message.message()["List-Unsubscribe"].strip("<>"))
    assert (url.hostname, url.path) == ("api.shop.example", "/v1/notifications/unsubscribe/")
    assert set(parse_qs(url.query)) == {"token"}


def test_a_client_may_not_try_without_end(program: APIClient, user: Any, news: Any, settings: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_UNSUBSCRIBE_RATE = "1/m"
    first = click(program, url_for("news", user))
    assert first["RateLimit-Policy"] == '"unsubscribe";q=1;w=60'
    assert problem_of(click(program, url_for("news", user))) == (429, "rate_limited")
    page(program.get(url_for("news", user)))
