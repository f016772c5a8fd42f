"""What arrives: a text and its HTML, in the recipient's language and time zone, with nothing slipped in by a name."""

from __future__ import annotations

import datetime
import email
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

import django
import pytest
from django.core import mail
from django.template.autoreload import reset_loaders
from django.test import override_settings
from django.utils import timezone, translation

from django_shopcore.notifications import Message
from django_shopcore.notifications.models import OutboxMessage, Preferences
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.worker import drain
from tests.notifications import mailboxes
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

UNSUBSCRIBE = "https://shop.example/unsubscribe/"
MOMENT = datetime.datetime(2026, 7, 1, 18, 30, tzinfo=datetime.timezone.utc)


def delivered(kind: Any, **message: Any) -> Any:
    """The mail that ``kind`` makes for a user, or for what ``message`` says otherwise."""
    mail.outbox.clear()
    post(kind, [Message(**{"user": make_user()} | message, channels=("email",))])
    assert drain() == {"sent": 1}
    [sent] = mail.outbox
    return sent


def as_sent(sent: Any) -> bytes:
    """What Django's SMTP backend would write."""
    policy = {"policy": SMTP} if django.VERSION >= (6, 0) else {}
    return bytes(sent.message(**policy).as_bytes())


def parsed(sent: Any) -> EmailMessage:
    """As a mail program reads what goes over the wire."""
    message = email.message_from_bytes(as_sent(sent), policy=default_policy)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def html_of(sent: Any) -> str:
    [(content, mimetype)] = sent.alternatives
    assert mimetype == "text/html"
    return str(content)


def user_named(name: str) -> Any:
    user = make_user()
    user.first_name = name
    return user


def test_a_mail_is_a_text_with_html_beside_it(news: Any) -> None:
    user = make_user()
    sent = delivered(news, user=user, data={"title": "Rain & wind"})
    message = parsed(sent)
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "Rain & wind" in text.get_content()
    assert "<p>Rain &amp; wind</p>" in html.get_content()
    assert message["Subject"] == "News: Rain & wind"
    assert (message["From"], message["To"]) == ("shop@example.com", user.email)
    # No tracking, no pictures from elsewhere.
    assert "src=" not in html.get_content()
    assert "<link" not in html.get_content()


def test_without_html_it_is_a_text(news: Any, tmp_path: Path) -> None:
    (tmp_path / "shopcore/notifications/news/body.html").unlink()
    assert parsed(delivered(news, data={"title": "Rain"})).get_content_type() == "text/plain"


def test_without_a_subject_it_has_the_title_of_its_kind(news: Any, tmp_path: Path) -> None:
    (tmp_path / "shopcore/notifications/news/subject.txt").unlink()
    assert parsed(delivered(news))["Subject"] == "The news"


def test_without_a_text_it_waits_for_one(news: Any, site_templates: Callable[[str, str], None], tmp_path: Path) -> None:
    (tmp_path / "shopcore/notifications/news/body.txt").unlink()
    post(news, [Message(user=make_user())])
    assert drain() == {"retried": 1}
    assert "shopcore/notifications/news/body.txt" in OutboxMessage.objects.get().last_error
    site_templates("news/body.txt", "Here it is.")
    reset_loaders()  # the worker is started anew
    OutboxMessage.objects.update(available_at=timezone.now())
    assert drain() == {"sent": 1}
    assert mail.outbox[0].body == "Here it is.\n"


@override_settings(SHOPCORE_NOTIFICATIONS_UNSUBSCRIBE_URL=UNSUBSCRIBE)
def test_the_headers_say_that_nobody_wrote_it_and_how_to_end_it(news: Any) -> None:
    message = parsed(delivered(news))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"].strip().startswith(f"<{UNSUBSCRIBE}?token=")
    assert message["List-Unsubscribe"].endswith(">")


@override_settings(SHOPCORE_NOTIFICATIONS_UNSUBSCRIBE_URL=f"{UNSUBSCRIBE}{'long/' * 40}")
def test_a_long_link_arrives_as_it_is(news: Any) -> None:
    raw = as_sent(delivered(news)).replace(b"\r\n", b"\n").replace(b"\n ", b" ")
    [header] = [line for line in raw.splitlines() if line.startswith(b"List-Unsubscribe:")]
    assert header.split(b":", 1)[1].strip().startswith(f"<{UNSUBSCRIBE}{'long/' * 40}?token=ey".encode())
    assert b" " not in header.split(b":", 1)[1].strip()


@override_settings(SHOPCORE_NOTIFICATIONS_UNSUBSCRIBE_URL=UNSUBSCRIBE)
def test_security_mail_cannot_be_ended(make_news: Callable[..., Any]) -> None:
    sent = delivered(make_news(security=True))
    assert [name for name in parsed(sent).keys() if name.startswith("List-")] == []  # noqa: SIM118 - no mapping
    assert UNSUBSCRIBE not in sent.body + html_of(sent)


def test_a_mail_that_goes_out_again_has_the_same_message_id(news: Any, settings: Any) -> None:
    mailboxes.use_backend(settings, "Troubled")
    mailboxes.Troubled.troubles[:] = [OSError("the line broke after the mail")]
    post(news, [Message(user=make_user())])
    assert drain() == {"retried": 1}
    OutboxMessage.objects.update(available_at=timezone.now())
    assert drain() == {"sent": 1}
    ids = [parsed(sent)["Message-ID"] for sent in mail.outbox]
    assert ids == [f"<{OutboxMessage.objects.get().message_uuid.hex}@shop.example>"] * 2


HOSTILE = {
    "crlf": "Rain\r\nBcc: thief@evil.example\r\n\r\nhello",
    "lf": "Rain\nBcc: thief@evil.example",
    "cr": "Rain\rBcc: thief@evil.example",
    "nul": "Rain\x00Bcc: thief@evil.example",
    "line separator": "Rain\u2028Bcc: thief@evil.example",
    "next line": "Rain\x85Bcc: thief@evil.example",
    "bidi": "Rain \u202egpj.exe\u202c \u2066x\u2069",
    "surrogate": "Rain \ud800 x",
    "escape": "Rain \x1b[31m x",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=list(HOSTILE))
def test_a_subject_is_one_line_of_plain_text(
    make_news: Callable[..., Any], site_templates: Callable[[str, str], None], hostile: str
) -> None:
    kind = make_news(prepare=lambda message: {"title": hostile})
    site_templates("news/body.txt", "Nothing about that.")
    site_templates("news/body.html", "<p>Nothing about that.</p>")
    message = parsed(delivered(kind))
    assert message["Subject"].startswith("News: Rain")
    assert [character for character in message["Subject"] if not character.isprintable()] == []
    assert message["Bcc"] is None
    assert set(message.keys()) >= {"Subject", "From", "To", "Message-ID"}


INJECTIONS = ["{{ user.password }}", "{% now 'Y' %}", "{# gone #}", "{{ 7|add:7 }}", "%(site_name)s %s"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_looks_like_a_template_comes_out_as_text(news: Any, text: str) -> None:
    sent = delivered(news, user=user_named(text) if "/" not in text else make_user(), data={"title": text})
    assert parsed(sent)["Subject"] == f"News: {text}"
    assert text in sent.body
    assert text.replace("'", "&#x27;") in html_of(sent)


def test_html_in_data_is_escaped_in_html_and_kept_in_the_text(news: Any) -> None:
    text = '<script>alert("1 & 2")</script>'
    sent = delivered(news, data={"title": text})
    assert parsed(sent)["Subject"] == f"News: {text}"
    assert text in sent.body
    assert "<script" not in html_of(sent)
    assert "&lt;script&gt;alert(&quot;1 &amp; 2&quot;)&lt;/script&gt;" in html_of(sent)


@pytest.mark.projects("full")  # with a user that has these columns, and keeps them
@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ada", "Hello Ada,"),
        ("", "Hello,"),
        ("Dr. Ada  M. Lovelace", "Hello Dr. Ada M. Lovelace,"),
        ("Jean-Luc O'Neil", "Hello Jean-Luc O'Neil,"),
        ("\u0645\u06cc\u200c\u0631", "Hello \u0645\u06cc\u200c\u0631,"),  # Persian is written with that joiner
        ("A\u202eda", "Hello Ada,"),
        ("x" * 100, f"Hello {'x' * 60},"),
        ("evil.example", "Hello,"),
        ("Win at www.evil.example now", "Hello,"),
        ("https://evil", "Hello,"),
        ("me@evil", "Hello,"),
        ("evil\u200b.example", "Hello,"),
        ("evil.\u200dexample", "Hello,"),
        ("evil\uff0eexample", "Hello,"),
        ("evil\u3002example", "Hello,"),
        ("evil\\share", "Hello,"),
    ],
)
def test_a_name_is_greeted_unless_it_would_become_a_link(news: Any, name: str, greeting: str) -> None:
    user = make_user()
    type(user).objects.filter(pk=user.pk).update(first_name=name)
    sent = delivered(news, user=user)
    assert sent.body.startswith(f"{greeting}\n")


def localized(make_news: Callable[..., Any], site_templates: Callable[[str, str], None]) -> Any:
    """A kind whose subject is a word that Django translates, and a time."""
    kind = make_news(prepare=lambda message: {"moment": MOMENT}, channels=("email",))
    site_templates("news/subject.txt", '{% load i18n %}{% translate "Yes" %} {{ moment|date:"j H:i" }}')
    return kind


@pytest.mark.parametrize(
    ("choice", "subject"),
    [
        ({"language": "fr", "time_zone": "Asia/Tokyo"}, "Oui 2 03:30"),
        ({"language": "es", "time_zone": "America/St_Johns"}, "S\u00ed 1 16:00"),
        ({"language": "xx-unknown", "time_zone": "Mars/Base"}, "No 7 0"),
        ({}, "No 7 0"),
    ],
)
def test_a_mail_is_in_the_language_and_time_zone_of_its_recipient(
    make_news: Callable[..., Any], site_templates: Callable[[str, str], None], choice: dict[str, str], subject: str
) -> None:
    user = make_user()
    Preferences.objects.create(user=user, **choice)
    if subject == "No 7 0":
        subject = {"en": "Yes 1 18:30", "nl": "Ja 2 00:00"}[translation.get_language() or "en"]  # the site's own
    before = translation.get_language(), timezone.get_current_timezone_name()
    sent = delivered(localized(make_news, site_templates), user=user)
    assert parsed(sent)["Subject"] == subject
    assert (translation.get_language(), timezone.get_current_timezone_name()) == before
    if choice.get("language") == "fr":
        assert '<html lang="fr" dir="ltr">' in html_of(sent)


def test_an_address_that_a_user_left_is_written_to_in_their_language(
    make_news: Callable[..., Any], site_templates: Callable[[str, str], None]
) -> None:
    user = make_user()
    Preferences.objects.create(user=user, language="fr", time_zone="UTC")
    sent = delivered(localized(make_news, site_templates), user=user, address="old@example.com")
    assert (sent.to, sent.subject) == (["old@example.com"], "Oui 1 18:30")


def test_what_a_broken_template_leaves_behind_is_not_its_language(
    make_news: Callable[..., Any], site_templates: Callable[[str, str], None]
) -> None:
    user = make_user()
    Preferences.objects.create(user=user, language="fr", time_zone="Asia/Tokyo")
    before = translation.get_language(), timezone.get_current_timezone_name()
    site_templates("news/subject.txt", "{% nonsense %}")
    kind = make_news(channels=("email",))
    site_templates("news/subject.txt", "{% nonsense %}")
    post(kind, [Message(user=user)])
    assert drain() == {"retried": 1}
    assert (translation.get_language(), timezone.get_current_timezone_name()) == before


def test_a_site_replaces_a_text_by_one_of_the_same_name(site_templates: Callable[[str, str], None]) -> None:
    from django_shopcore.accounts import signals

    site_templates("welcome/subject.txt", "Come in, {{ name|default:'you' }}")
    user = make_user()
    signals.user_registered.send(sender=type(user), user=user)
    drain()
    subjects = [sent.subject for sent in mail.outbox if sent.to == [user.email]]
    assert [subject for subject in subjects if subject.startswith("Come in, ")]
    assert not [subject for subject in subjects if "Welcome" in subject]


@pytest.mark.parametrize(("options", "expected"), [({}, 10), ({"timeout": 3}, 3)])
def test_a_mail_server_that_hangs_is_not_waited_for_forever(
    news: Any, settings: Any, options: dict[str, Any], expected: int
) -> None:
    mailboxes.use_backend(settings, "Unconnected", **options)
    mailboxes.Unconnected.timeouts.clear()
    post(news, [Message(user=make_user())])
    assert drain() == {"sent": 1}
    assert mailboxes.Unconnected.timeouts == [expected]
