"""Bodies that are too large, too deep, not JSON or not text: refused before anything else looks at them."""

from __future__ import annotations

import json
import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.core.errors import ContentTooLarge
from django_shopcore.core.parsers import GuardedJSONParser
from tests.problems import problem_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects("full", "catalog_only", "host_user"),
]
own_urls = override_settings(ROOT_URLCONF="tests.core.views")
MEBIBYTE = 1024 * 1024


@pytest.fixture
def send(customer_client: APIClient) -> Any:
    """Posts raw bytes to a view that answers with what it understood."""

    def post(body: bytes | str, content_type: str = "application/json", **extra: Any) -> Any:
        with own_urls:
            return customer_client.generic("POST", "/open/", body, content_type=content_type, **extra)

    return post


def understood(response: Any) -> Any:
    assert response.status_code == 200, response.json()
    return response.json()["answer"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "x",
        5,
        -1.5,
        None,
        True,
        {"a": [{"b": None}]},
        "ü😀\u2028\u202e",
        {"": ""},
        2**63,
        10**100,
        1e308,
        5e-324,
    ],
)
def test_json_is_understood(send: Any, value: Any) -> None:
    assert understood(send(json.dumps(value))) == value
    assert understood(send(json.dumps(value, ensure_ascii=False).encode())) == value


def test_a_byte_order_mark_is_skipped(send: Any) -> None:
    assert understood(send(b"\xef\xbb\xbf" + b'{"a": 1}')) == {"a": 1}


def test_of_duplicate_keys_the_last_counts(send: Any) -> None:
    assert understood(send('{"a": 1, "a": 2}')) == {"a": 2}


def test_the_charset_is_utf_8_whatever_the_header_says(send: Any) -> None:
    assert understood(send('"ü"'.encode(), "application/json; charset=latin-1")) == "ü"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "parse_error"),
        (b'{"a": 1,}', "parse_error"),
        (b"{'a': 1}", "parse_error"),
        (b'{"a": 1} x', "parse_error"),
        (b'{"a": 1}{"b": 2}', "parse_error"),
        (b'"\n"', "parse_error"),
        (b"nul", "parse_error"),
        (b"01", "parse_error"),
        (b"+1", "parse_error"),
        (b".5", "parse_error"),
        (b"<a/>", "parse_error"),
        (b"a=1", "parse_error"),
        (b"\x00", "parse_error"),
        (b" ", "parse_error"),
        (b'"\\x"', "parse_error"),
        (b"1" * 5000, "parse_error"),
        (b"\xff\xfe{}", "invalid_text"),
        (b'"\xff"', "invalid_text"),
        (b'"\xc3"', "invalid_text"),
        (b'"\xed\xa0\x80"', "invalid_text"),
        ('{"a": "ü"}'.encode("utf-16"), "invalid_text"),
        (b'{"a": "\\u0000"}', "invalid_text"),
        (b'{"\\u0000": 1}', "invalid_text"),
        (b'"\\u0000"', "invalid_text"),
        (b'[["a", {"b": "x\\u0000"}]]', "invalid_text"),
        (b'{"a": "\\ud800"}', "invalid_text"),
        (b'{"\\udfff": 1}', "invalid_text"),
        (b'"\\udc00\\ud800"', "invalid_text"),
        (b"NaN", "invalid_number"),
        (b'{"a": [NaN]}', "invalid_number"),
        (b"Infinity", "invalid_number"),
        (b"-Infinity", "invalid_number"),
        (b"1E+999999", "invalid_number"),
        (b'{"price": 1e400}', "invalid_number"),
        (b"-1e309", "invalid_number"),
    ],
)
def test_what_is_not_json_or_not_storable_is_400(send: Any, body: bytes, code: str) -> None:
    assert problem_of(send(body)) == (400, code)


def test_a_pair_of_surrogates_is_a_character(send: Any) -> None:
    assert understood(send(b'"\\ud83d\\ude00"')) == "😀"


def nested(depth: int, kind: str) -> bytes:
    return {
        "arrays": b"[" * depth + b"]" * depth,
        "objects": b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1),
        "mixed": b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2),
    }[kind]


def test_a_body_whose_length_is_not_said_is_refused_and_not_taken_for_none(send: Any) -> None:
    assert problem_of(send('{"a": 1}', HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")) == (400, "length_required")
    assert understood(send('{"a": 1}', HTTP_TRANSFER_ENCODING="chunked")) == {"a": 1}


@pytest.mark.parametrize("kind", ["arrays", "objects", "mixed"])
def test_json_may_be_nested_sixty_four_levels_deep(send: Any, kind: str) -> None:
    assert send(nested(64, kind)).status_code == 200
    for depth in (66, 500, 5_000, 100_000):
        assert problem_of(send(nested(depth, kind))) == (400, "too_deep"), depth
    assert problem_of(send(nested(65, "arrays"))) == (400, "too_deep")
    with override_settings(SHOPCORE_MAX_JSON_DEPTH=4):
        assert send(nested(4, kind)).status_code == 200
        assert problem_of(send(nested(6, kind))) == (400, "too_deep")


def test_depth_that_is_never_closed_is_400(send: Any) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900):
        assert problem_of(send(body))[0] == 400


def test_many_shallow_values_are_not_deep(send: Any) -> None:
    assert len(understood(send(json.dumps([[]] * 50_000)))) == 50_000


def test_a_body_of_one_mebibyte_is_the_largest(send: Any) -> None:
    body = b'"' + b"x" * (MEBIBYTE - 2) + b'"'
    assert len(understood(send(body))) == MEBIBYTE - 2
    response = send(body + b" ")
    assert problem_of(response) == (413, "content_too_large")


def test_the_limit_is_a_setting(send: Any) -> None:
    with override_settings(SHOPCORE_MAX_JSON_BODY=10):
        assert understood(send(b'"12345678"')) == "12345678"
        assert problem_of(send(b'"123456789"')) == (413, "content_too_large")
    with override_settings(SHOPCORE_MAX_JSON_BODY=5 * MEBIBYTE, DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        assert len(understood(send(b'"' + b"x" * 3 * MEBIBYTE + b'"'))) == 3 * MEBIBYTE


def test_what_is_declared_too_long_is_refused_unread(send: Any) -> None:
    for length in ("1048577", "9" * 30):
        assert problem_of(send(b"{}", CONTENT_LENGTH=length)) == (413, "content_too_large")


def test_a_body_that_is_too_long_is_not_held_in_memory() -> None:
    """One without a length, as a chunked request has: reading ends where the limit does."""
    read = []

    class Endless(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            read.append(size)
            return b"x" * (size or 0)

    tracemalloc.start()
    with pytest.raises(ContentTooLarge):
        GuardedJSONParser().parse(Endless())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == [MEBIBYTE + 1]
    assert peak < 4 * MEBIBYTE


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/csv",
        "application/xml",
    ]
    + ["application/merge-patch+json", "application/problem+json", "text/json", "json", "x/y/z", "application/jsonx"],
)
def test_other_types_are_415(send: Any, content_type: str) -> None:
    response = send(b'{"a": 1}', content_type)
    assert problem_of(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
def test_json_is_json_however_it_is_spelled(send: Any, content_type: str) -> None:
    assert understood(send(b'{"a": 1}', content_type)) == {"a": 1}


def test_a_body_of_a_caller_who_may_not_write_is_not_looked_at(anonymous: APIClient) -> None:
    with own_urls:
        response = anonymous.generic("POST", "/open/", b"\xff" * 2 * MEBIBYTE, content_type="text/plain")
    assert problem_of(response) == (401, "not_authenticated")
