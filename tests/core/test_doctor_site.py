"""What ``shopcore_doctor`` says of the site itself: its parts, its settings, and where limits are counted."""

from __future__ import annotations

import io
import platform
import threading
import time
from typing import Any

import django
import pytest
from django.core.management import call_command
from django.db import connection

import django_shopcore
from django_shopcore.core import doctor
from django_shopcore.core.conf import SettingsGroup
from django_shopcore.core.doctor import NOTE, OK, WRONG
from django_shopcore.core.site_examinations import shown
from tests.core.doctors import findings, report

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "catalog_only", "accounts_only")]

SECRET = "hunter2-and-more"
REDIS = "django.core.cache.backends.redis.RedisCache"
LOCAL = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
DEAD = {"BACKEND": REDIS, "LOCATION": "redis://127.0.0.1:1/0"}


def test_versions_and_installed_features_are_named(settings: Any) -> None:
    python, ours = platform.python_version(), django_shopcore.__version__
    installed = {name.split(".")[1] for name in settings.INSTALLED_APPS if name.startswith("django_shopcore.")}
    database = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]
    [versions, (_, served_by), features] = findings("Site")
    assert versions == (OK, f"{ours}, on Django {django.get_version()} and Python {python}")
    assert served_by.split(" ")[0] == database
    assert features == (OK, ", ".join(sorted(installed)))


def in_force() -> dict[str, str]:
    found = report()[1]["sections"]["Settings in force"]
    assert {one["level"] for one in found} == {OK}
    return {one["subject"]: one["said"] for one in found}


def test_only_settings_that_differ_from_their_default_are_listed(settings: Any) -> None:
    assert in_force() == {"SHOPCORE_SITE_URL": "'https://shop.example'"}
    settings.SHOPCORE_PAGE_SIZE, settings.SHOPCORE_COUNT_BOUND = (
        50,
        SettingsGroup.registry["SHOPCORE_COUNT_BOUND"].default,
    )
    assert in_force() == {"SHOPCORE_PAGE_SIZE": "50", "SHOPCORE_SITE_URL": "'https://shop.example'"}
    del settings.SHOPCORE_PAGE_SIZE, settings.SHOPCORE_SITE_URL
    assert in_force() == {"all": "as they come"}


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("SHOPCORE_SMS_API_KEY", SECRET, "'(hidden)'"),
        ("SHOPCORE_SMS_PASSWORD", [SECRET], "'(hidden)'"),
        ("SHOPCORE_SMS_TOKEN", "", "''"),
        ("SHOPCORE_CDN_KEYS", True, "True"),
        ("SHOPCORE_SMS", {"user": "ada", "secret": SECRET}, "{'user': 'ada', 'secret': '(hidden)'}"),
        ("SHOPCORE_SMS_URL", f"https://ada:{SECRET}@sms.example/x", "'https://(hidden)@sms.example/x'"),
        ("SHOPCORE_SMS_URLS", [f"https://:{SECRET}/@sms.example/"], "['https://(hidden)@sms.example/']"),
        ("SHOPCORE_MONKEYS", "three", "'three'"),
        ("SHOPCORE_PASSENGERS", ("a", 1), "['a', 1]"),
    ],
)
def test_a_secret_is_never_printed(name: str, value: Any, printed: str) -> None:
    assert shown(name, value) == printed


def test_nor_is_one_in_the_settings_of_the_site(settings: Any) -> None:
    settings.SHOPCORE_SITE_URL = f"https://ada:{SECRET}@shop.example"
    settings.SECRET_KEY = settings.SIMPLE_JWT["SIGNING_KEY"] = SECRET * 4
    output = io.StringIO()
    call_command("shopcore_doctor", stdout=output)
    assert "SHOPCORE_SITE_URL  'https://(hidden)@shop.example'" in output.getvalue()
    assert SECRET not in output.getvalue()
    assert SECRET not in str(report())


@pytest.mark.parametrize(
    ("values", "level", "said"),
    [
        ({"SHOPCORE_RATE_LIMITS": False}, NOTE, "switched off"),
        ({"SHOPCORE_RATE_LIMIT_CACHE": "nowhere"}, WRONG, "there is no cache 'nowhere'"),
        ({"CACHES": LOCAL}, NOTE, "counted in the database"),
        ({"CACHES": LOCAL | {"counts": DEAD}, "SHOPCORE_RATE_LIMIT_CACHE": "counts"}, WRONG, "fails"),
    ],
)
def test_where_requests_are_counted_is_told(settings: Any, values: Any, level: str, said: str) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    [(found, words)] = findings("Rate limits")
    assert (found, said in words) == (level, True)
    assert report()[0] == (level == WRONG)


def test_a_shared_cache_that_answers_is_fine(settings: Any, redis_url: str) -> None:
    settings.CACHES = {"default": {"BACKEND": REDIS, "LOCATION": redis_url}}
    assert findings("Rate limits") == [(OK, "counted in the cache 'default'")]


def test_a_cache_that_accepts_and_is_silent_costs_seconds_and_not_the_report(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr("django_shopcore.core.examinations.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.CACHES = {"default": {"BACKEND": REDIS, "LOCATION": url}}
        begin = time.monotonic()
        assert findings("Rate limits") == [(WRONG, "the cache 'default' fails (TimeoutError)")]
        assert time.monotonic() - begin < 5


def test_a_call_gets_its_time_and_its_errors_come_through() -> None:
    assert doctor.within(5, lambda: "done") == "done"
    with pytest.raises(ZeroDivisionError):
        doctor.within(5, lambda: 1 / 0)
    stop = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 seconds"):
        doctor.within(0.05, stop.wait)
    stop.set()
