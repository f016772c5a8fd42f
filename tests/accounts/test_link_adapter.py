"""Where the links in mails lead is the adapter's answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model

from django_shopcore.core.adapters import Link, SiteLinks
from tests.accounts.clients import signed_in
from tests.accounts.mails import credentials_in, deliver, deliver_to, link_in, post
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [pytest.mark.projects("full", "host_user", "email_user", "uuid_user"), pytest.mark.django_db]

ADDRESS = "ada@example.com"
NEW = "another quite long secret"


class LinksByLanguage(SiteLinks):
    """A page for each language, and all that is known noted."""

    seen: list[Link] = []

    def url(self, link: Link) -> str:
        self.seen.append(link)
        return link.at(f"https://{link.language}.shop.example/{link.purpose}/")


@pytest.fixture(autouse=True)
def seen(settings: Any) -> list[Link]:
    settings.SHOPCORE_LINK_ADAPTER = f"{__name__}.LinksByLanguage"
    LinksByLanguage.seen.clear()
    return LinksByLanguage.seen


@pytest.fixture
def ada() -> Any:
    user = UserFactory(email=ADDRESS)
    speak(user, "fr")
    return user


def speak(user: Any, language: str) -> None:
    apps.get_model("shopcore_notifications", "Preferences").objects.create(user=user, language=language)


def test_a_new_password(ada: Any, seen: list[Link]) -> None:
    post("password/reset/", {"email": ADDRESS})
    message = deliver_to(ADDRESS)

    assert link_in(message).startswith("https://fr.shop.example/password_reset/?uid=")
    [link] = seen
    assert (link.purpose, link.page) == ("password_reset", "https://shop.example/reset-password/")
    assert (link.user, link.address, link.language) == (ada, ADDRESS, "fr")
    assert link.query == credentials_in(message)
    assert post("password/reset/confirm/", {**credentials_in(message), "new_password": NEW}).status_code == 204


def test_another_address(ada: Any, seen: list[Link]) -> None:
    body = {"new_email": "new@example.com", "password": PASSWORD}
    assert signed_in(ada).post("/api/v1/auth/email/change/", body).status_code == 202
    [message] = [message for message in deliver() if message.to == ["new@example.com"]]

    assert link_in(message).startswith("https://fr.shop.example/email_change/?uid=")
    [link] = seen
    assert (link.page, link.address) == ("https://shop.example/confirm-email/", "new@example.com")
    assert post("email/change/confirm/", credentials_in(message)).status_code == 204
    assert get_user_model().objects.get().email == "new@example.com"


@pytest.mark.projects("full")
@pytest.mark.parametrize("verification", ["optional", "mandatory"])
def test_a_confirmed_address(settings: Any, seen: list[Link], verification: str) -> None:
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = verification
    post("register/", {"email": ADDRESS, "password": NEW})
    [message] = [message for message in deliver() if "token=" in message.body and "email_verification" in message.body]

    assert link_in(message).startswith("https://en.shop.example/email_verification/?uid=")
    [link] = [link for link in seen if link.purpose == "email_verification"]
    assert (link.page, link.address, link.language) == ("https://shop.example/verify-email/", ADDRESS, "en")
    assert link.user == get_user_model().objects.first()  # there is none yet where it is mandatory
    assert (link.user is None) is (verification == "mandatory")
    assert post("email/verify/", credentials_in(message)).status_code == 204


def test_turning_mails_off(seen: list[Link], settings: Any) -> None:
    post("register/", {"email": ADDRESS, "password": NEW})
    [message] = [message for message in deliver() if "Welcome" in message.subject or "Willkommen" in message.subject]

    link = [link for link in seen if link.purpose == "unsubscribe"][-1]
    url = link.at(f"https://{settings.LANGUAGE_CODE}.shop.example/unsubscribe/")
    assert message.extra_headers["List-Unsubscribe"] == f"<{url}>"
    assert url in message.body
    assert link.page == "https://shop.example/api/v1/notifications/unsubscribe/"
    assert (link.user, link.address) == (get_user_model().objects.get(), ADDRESS)
    token = parse_qs(urlsplit(url).query)["token"][0]
    assert token == link.query["token"]


def test_the_default_leads_to_the_pages_of_the_settings(ada: Any, settings: Any) -> None:
    del settings.SHOPCORE_LINK_ADAPTER
    settings.SHOPCORE_ACCOUNTS_PASSWORD_RESET_PATH = "/new password/"
    post("password/reset/", {"email": ADDRESS})
    assert link_in(deliver_to(ADDRESS)).startswith("https://shop.example/new password/?uid=")
