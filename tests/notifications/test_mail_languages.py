"""Mails and lines of the inbox in German and Arabic: their words, numbers, dates and direction."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.utils import timezone, translation

from django_shopcore.notifications import digests
from django_shopcore.notifications.models import DigestEntry, Notification, Preferences
from django_shopcore.notifications.previewing import previews
from django_shopcore.notifications.worker import drain
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

ARABIC = re.compile(r"[\u0600-\u06ff]")
# What is the same in every language: addresses, links, names of the samples.
SAME = re.compile(r"\S*(?:example|https?:)\S*|Mozilla/5.*|\(SKU\)|slug|WD-160|OC-2|Walnut desk|Oak chair|Brass lamp")


@pytest.mark.parametrize("language", ["de", "ar"])
def test_every_mail_is_translated_whole(language: str) -> None:
    with override_settings(SHOPCORE_NOTIFICATIONS_SITE_NAME="shop.example"):
        mails = {code: {found.kind.name: found for found in previews(code)} for code in ("en", language)}
    for name, english in mails["en"].items():
        translated = mails[language][name]
        assert translated.subject != english.subject
        same = {line for line in english.text.splitlines() if re.search("[a-z]", SAME.sub("", line))}
        assert not same & {*translated.text.splitlines()}, name
        if language == "ar":
            assert not re.search("[a-z]{4}", SAME.sub("", translated.text.replace("Ada", ""))), name
            assert ARABIC.search(translated.subject)


@pytest.mark.parametrize(("language", "direction", "side"), [("de", "ltr", "left"), ("ar", "rtl", "right")])
def test_every_mail_is_written_in_the_direction_of_its_language(language: str, direction: str, side: str) -> None:
    for found in previews(language):
        assert f'<html lang="{language}" dir="{direction}">' in found.html
        assert {*re.findall(r'align="(left|right)"', found.html)} == {side}
        # What has a side of its own would not be turned.
        assert not re.search(r"(?:margin|padding|border)-(?:left|right)|float:|text-align:", found.html)


@pytest.mark.parametrize(
    ("language", "moment"),
    [
        ("de", "31. Januar 2026, 12:00 Uhr UTC"),
        ("ar", "31 يناير، 2026، 12:00 م UTC"),
        ("en", "Jan. 31, 2026, noon UTC"),
    ],
)
def test_times_are_written_as_the_language_writes_them(language: str, moment: str) -> None:
    with override_settings(TIME_ZONE="UTC"):
        [sign_in] = [found for found in previews(language) if found.kind.name == "new_sign_in"]
        assert moment in sign_in.text


NUMBERS = {
    ("de", 1): "Ihr Tag bei Laden: 1 Nachricht",
    ("de", 2): "Ihr Tag bei Laden: 2 Nachrichten",
    ("ar", 1): "يومك في Laden: رسالة واحدة",
    ("ar", 2): "يومك في Laden: رسالتان",
    ("ar", 3): "يومك في Laden: 3 رسائل",
    ("ar", 11): "يومك في Laden: 11 رسالة",
    ("ar", 100): "يومك في Laden: 100 رسالة",
}


@pytest.mark.parametrize(("language", "count"), NUMBERS)
def test_a_digest_counts_in_the_language_of_its_reader(news: Any, language: str, count: int) -> None:
    user = make_user()
    Preferences.objects.create(user=user, language=language, kinds={"news": {"digest": "daily"}})
    entry = {"user": user, "kind": "news", "data": {"title": "Rain"}, "frequency": "daily", "due_at": timezone.now()}
    DigestEntry.objects.bulk_create(DigestEntry(**entry) for _ in range(count))
    mail.outbox.clear()
    with override_settings(SHOPCORE_NOTIFICATIONS_SITE_NAME="Laden"):
        digests.post_due()
        assert drain() == {"sent": 1}
    assert [sent.subject for sent in mail.outbox] == [NUMBERS[language, count]]


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        ("ar", 0, "لم يُعدَّل أي إشعار."),
        ("ar", 2, "تم تعديل إشعارين."),
        ("de", 0, "0 Benachrichtigungen wurden geändert."),
        ("de", 1, "1 Benachrichtigung wurde geändert."),
    ],
)
def test_the_admin_counts_in_the_language_of_its_reader(language: str, count: int, text: str, settings: Any) -> None:
    locale = "django.middleware.locale.LocaleMiddleware"
    settings.MIDDLEWARE = [*dict.fromkeys([*settings.MIDDLEWARE, locale])]
    user = make_user(admin=True)
    user.is_superuser = True
    user.save()
    lines = [
        Notification.objects.create(user=user, kind="news", message="Rain", seen=not count) for _ in range(count or 1)
    ]
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    data = {"action": "mark_seen", "_selected_action": [str(line.pk) for line in lines]}
    response = client.post("/admin/shopcore_notifications/notification/", data, follow=True)
    assert [str(message) for message in response.context["messages"]] == [text]


@pytest.mark.projects("full")
@pytest.mark.parametrize(
    ("site", "subject"), [("de", "Bestätigen Sie Ihre Adresse für Laden"), ("ar", "أكّد عنوانك في Laden")]
)
def test_who_has_no_account_yet_is_written_to_in_the_sites_language(site: str, subject: str, settings: Any) -> None:
    settings.LANGUAGE_CODE, settings.SHOPCORE_NOTIFICATIONS_SITE_NAME = site, "Laden"
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory"
    body = {"email": "ada@example.com", "password": "a quite long secret"}
    with translation.override("en"):
        response = Client().post("/api/v1/auth/register/", body, content_type="application/json")
        assert response.status_code == 202
        mail.outbox.clear()
        drain()
        assert translation.get_language() == "en"
    assert [sent.subject for sent in mail.outbox] == [subject]


@pytest.mark.projects("full")
def test_a_user_is_written_to_in_their_own_language_whatever_the_site_and_the_worker_speak(settings: Any) -> None:
    settings.LANGUAGE_CODE, settings.SHOPCORE_NOTIFICATIONS_SITE_NAME = "de", "Laden"
    user = make_user()
    Preferences.objects.create(user=user, language="ar")
    mail.outbox.clear()
    with translation.override("en"):
        Client().post("/api/v1/auth/password/reset/", {"email": user.email}, content_type="application/json")
        drain()
    [sent] = mail.outbox
    assert sent.subject == "تعيين كلمة مرور جديدة في Laden"
    assert 'dir="rtl"' in sent.alternatives[0][0]
    # Its length of time too, which is Django's word.
    assert "ساعة" in sent.body
