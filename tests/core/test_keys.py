"""Keys from the outside are read strictly."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.test.utils import isolate_apps

from django_shopcore.catalog import get_category_model
from django_shopcore.core.keys import parse_key

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

KEY = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (1, 1),
        ("1", 1),
        ("007", 7),
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (str(2**63 - 1), 2**63 - 1),
        (2**63, None),
        (str(2**63), None),
        (-(2**63) - 1, None),
        ("9" * 20, None),
        ("9" * 400, None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1\n", None),
        ("1.0", None),
        ("1e1", None),
        ("0x1", None),
        ("1_0", None),
        ("", None),
        ("x", None),
        ("\x00", None),
        ("١", None),
        ("１", None),
        ("²", None),
        (True, None),
        (False, None),
        (1.0, None),
        (None, None),
        ([1], None),
        ({"id": 1}, None),
        (b"1", None),
    ],
)
def test_integers_are_ascii_digits_within_the_databases_range(raw: Any, key: int | None) -> None:
    parsed = parse_key(get_category_model(), raw)
    assert parsed == key
    assert type(parsed) is type(key)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (KEY, KEY),
        (str(KEY), KEY),
        (str(KEY).upper(), KEY),
        (KEY.hex, KEY),
        (str(KEY)[:-1], None),
        (str(KEY) + "0", None),
        (str(KEY)[:-1] + "g", None),
        (str(KEY)[:-1] + "٨", None),
        (str(KEY)[:-1] + "\x00", None),
        ("", None),
        ("1", None),
        (1, None),
        (KEY.int, None),
        (None, None),
        (True, None),
        ([str(KEY)], None),
    ],
)
def test_uuids_are_text(raw: Any, key: uuid.UUID | None) -> None:
    assert parse_key(get_user_model(), raw) == key


@pytest.mark.parametrize(("raw", "key"), [("abc", "abc"), ("a\x00", None), (1, None), (None, None), ([], None)])
def test_other_keys_are_text(raw: Any, key: str | None) -> None:
    assert parse_key(Session, raw) == key


@isolate_apps("tests")
def test_a_key_that_is_another_models_is_read_as_that_ones() -> None:
    class Extra(models.Model):
        user = models.OneToOneField(get_user_model(), models.CASCADE, primary_key=True)

        class Meta:
            app_label = "tests"

    assert parse_key(Extra, str(KEY)) == KEY
    assert parse_key(Extra, 1) is None


@isolate_apps("tests")
@pytest.mark.skipif(connection.vendor == "sqlite", reason="All integers of SQLite have 64 bits.")
def test_a_small_key_has_a_small_range() -> None:
    class Small(models.Model):
        id = models.SmallAutoField(primary_key=True)

        class Meta:
            app_label = "tests"

    assert parse_key(Small, 32767) == 32767
    assert parse_key(Small, 32768) is None
