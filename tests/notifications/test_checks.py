"""What is wrong with the settings of notifications is told before a server starts."""

from __future__ import annotations

from typing import Any

import django
import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_shopcore.notifications.channels import Channel
from django_shopcore.notifications.conf import EMAIL, IN_APP

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user")]

LOG = "django_shopcore.notifications.channels.LogChannel"


class Nameless(Channel):
    pass


class Colon(Channel):
    name = "a:b"


class Long(Channel):
    name = "x" * 51


class SecondMail(Channel):
    name = "email"


class NoChannel:
    name = "none"


def found(*ids: str, deploy: bool = False, **settings: Any) -> list[tuple[str, str]]:
    with override_settings(**settings):
        messages = [message for message in run_checks(include_deployment_checks=deploy) if message.id in ids]
    assert all(message.hint for message in messages)
    return [(str(message.id), str(message.msg)) for message in messages]


def of_channels(*classes: str) -> list[str]:
    paths = [f"{__name__}.{name}" if "." not in name else name for name in classes]
    prefix = "SHOPCORE_NOTIFICATIONS_CHANNELS: "
    return [
        message.removeprefix(prefix).replace(f"{__name__}.", "")
        for _, message in found("shopcore.E302", SHOPCORE_NOTIFICATIONS_CHANNELS=paths)
    ]


@pytest.mark.parametrize("url", ["https://shop.example", "http://localhost:8000", "https://shop.example/shop/"])
def test_an_address_is_one(url: str) -> None:
    assert found("shopcore.E301", SHOPCORE_SITE_URL=url) == []


def test_mails_need_an_address_to_link_to() -> None:
    assert found("shopcore.E301", SHOPCORE_SITE_URL="") == [("shopcore.E301", "SHOPCORE_SITE_URL is not set.")]


@pytest.mark.parametrize(
    "url",
    ["shop.example", "ftp://shop.example", "https://", "//shop.example", "https://b\u00fccher.example", "http://[x"],
)
def test_what_is_no_address_is_an_error(url: str) -> None:
    assert found("shopcore.E301", SHOPCORE_SITE_URL=url) == [
        ("shopcore.E301", f"SHOPCORE_SITE_URL is no address: {url!r}.")
    ]


def test_an_inbox_alone_needs_none() -> None:
    assert found("shopcore.E301", SHOPCORE_SITE_URL="", SHOPCORE_NOTIFICATIONS_CHANNELS=[IN_APP]) == []


def test_channels_are_channels_with_a_name_of_their_own() -> None:
    assert of_channels(EMAIL, IN_APP, LOG) == []
    assert of_channels() == []
    assert of_channels(EMAIL, "NoChannel", "found") == ["NoChannel is no Channel.", "found is no Channel."]
    wanted = "needs a `name` of 1 to 50 characters without a colon."
    assert of_channels("Nameless", "Colon", "Long") == [f"{name} {wanted}" for name in ("Nameless", "Colon", "Long")]
    assert of_channels(EMAIL, IN_APP, "SecondMail") == ["2 channels have the name 'email'."]
    assert of_channels(EMAIL, EMAIL) == ["2 channels have the name 'email'."]


def test_what_does_not_import_is_reported_once() -> None:
    paths = {"SHOPCORE_NOTIFICATIONS_CHANNELS": [EMAIL, "no.such.Channel"]}
    assert [check for check, _ in found("shopcore.E002", "shopcore.E302", **paths)] == ["shopcore.E002"]


@pytest.mark.parametrize("entry", ["welcome", "welcome:email", "daily_digest:email", "welcome:in_app"])
def test_what_exists_can_be_turned_off(entry: str) -> None:
    assert found("shopcore.W301", SHOPCORE_NOTIFICATIONS_DISABLED=[entry]) == []


@pytest.mark.parametrize("entry", ["wellcome", "welcome:pigeon", "welcome:", "", "email"])
def test_what_does_not_exist_is_reported(entry: str) -> None:
    assert found("shopcore.W301", SHOPCORE_NOTIFICATIONS_DISABLED=["welcome", entry]) == [
        ("shopcore.W301", f"SHOPCORE_NOTIFICATIONS_DISABLED: there is no {entry!r}.")
    ]


def test_digests_have_an_hour_and_a_day_that_exist() -> None:
    hour, day = "SHOPCORE_NOTIFICATIONS_DIGEST_HOUR", "SHOPCORE_NOTIFICATIONS_DIGEST_WEEKDAY"
    assert found("shopcore.E303", **{hour: 23, day: 6}) == []
    assert found("shopcore.E303", **{hour: 0, day: 0}) == []
    assert found("shopcore.E303", **{hour: 24, day: 7}) == [
        ("shopcore.E303", f"{hour} must be from 0 to 23."),
        ("shopcore.E303", f"{day} must be from 0 to 6."),
    ]


def test_admins_have_addresses() -> None:
    name = "SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS"
    assert found("shopcore.E304", **{name: ["ops@example.com", " ops@shop.example "]}) == []
    assert found("shopcore.E304", **{name: ["Ops <ops@example.com>", "ops"]}) == [
        ("shopcore.E304", f"{name}: 'Ops <ops@example.com>' is no e-mail address."),
        ("shopcore.E304", f"{name}: 'ops' is no e-mail address."),
    ]


def test_before_a_deployment_mails_have_a_sender() -> None:
    sender = {"DEFAULT_FROM_EMAIL": "webmaster@localhost"}
    assert found("shopcore.W302", **sender) == []
    assert found("shopcore.W302", deploy=True) == []
    assert found("shopcore.W302", deploy=True, **sender) == [("shopcore.W302", "Mails come from webmaster@localhost.")]
    assert found("shopcore.W302", deploy=True, SHOPCORE_NOTIFICATIONS_CHANNELS=[IN_APP], **sender) == []
    assert found("shopcore.W302", deploy=True, DEBUG=True, **sender) == []


def test_a_mail_server_may_not_hang_for_longer_than_the_lease(settings: Any) -> None:
    def with_timeout(seconds: float | None) -> dict[str, Any]:
        if django.VERSION >= (6, 1):
            return {"MAILERS": {"default": {**settings.MAILERS["default"], "OPTIONS": {"timeout": seconds}}}}
        return {"EMAIL_TIMEOUT": seconds}

    assert found("shopcore.W303", **with_timeout(None)) == []
    assert found("shopcore.W303", **with_timeout(15)) == []
    assert found("shopcore.W303", **with_timeout(30), SHOPCORE_NOTIFICATIONS_LEASE=120) == []
    assert found("shopcore.W303", **with_timeout(30)) == [("shopcore.W303", "The time-out of mail is 30 seconds.")]


@pytest.mark.parametrize("wrong", [None, "email", 5, [None, 5]])
def test_a_value_of_the_wrong_kind_is_one_error_and_no_crash(wrong: Any) -> None:
    names = ["CHANNELS", "DISABLED", "ADMIN_EMAILS", "DIGEST_HOUR", "DIGEST_WEEKDAY"]
    values = {f"SHOPCORE_NOTIFICATIONS_{name}": wrong for name in names} | {"SHOPCORE_SITE_URL": wrong}
    assert {check for check, _ in found("shopcore.E001", **values)} == {"shopcore.E001"}
