"""``POST products/import/``: bodies, limits and answers."""

from __future__ import annotations

import io
import tempfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model, signals
from django_shopcore.catalog.csv_parsers import CSVParser
from django_shopcore.core.errors import ContentTooLarge
from tests.catalog.csv_requests import IMPORT, counts_of, csv_text, everything, import_rows, rejected, send
from tests.problems import errors_of, problem_of

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped", "host_user"), pytest.mark.django_db]

ONE = csv_text("name,price,category", ("Lamp", "5", "Light"))
BOUNDARY = "multipart/form-data; boundary=xx"


def upload(client: APIClient, content: bytes, query: str = "", name: str = "file") -> Any:
    file = SimpleUploadedFile("products.csv", content, content_type="application/vnd.ms-excel")
    return client.post(IMPORT + query, {name: file}, format="multipart")


def test_only_admins_import(anonymous: APIClient, customer_client: APIClient) -> None:
    response = send(anonymous, ONE)
    assert problem_of(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"
    assert problem_of(send(customer_client, ONE)) == (403, "permission_denied")
    assert everything() == ([], [])


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_refused_before_any_sign_in(anonymous: APIClient, method: str) -> None:
    response = getattr(anonymous, method)(IMPORT)

    assert problem_of(response) == (405, "method_not_allowed")
    assert "POST" in response["Allow"]


def test_a_file_may_be_uploaded_as_a_form(admin_client: APIClient) -> None:
    assert counts_of(upload(admin_client, ONE.encode())) == (1, 0, 0, 0)
    assert get_product_model().objects.get().name == "Lamp"


def test_a_file_may_be_the_whole_body_with_a_charset(admin_client: APIClient) -> None:
    response = send(admin_client, ONE, content_type="text/csv; charset=UTF-8; header=present")

    assert counts_of(response) == (1, 0, 0, 0)
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "private, no-store"
    assert "Authorization" in response["Vary"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/octet-stream",
        "text/plain",
        "text/csv; charset=iso-8859-1",
        "application/x-www-form-urlencoded",
    ],
)
def test_other_types_are_415(admin_client: APIClient, content_type: str) -> None:
    assert problem_of(send(admin_client, ONE, content_type=content_type)) == (415, "unsupported_media_type")


def test_a_request_without_a_file_is_400(admin_client: APIClient) -> None:
    missing = [("file", "required")]
    assert errors_of(send(admin_client, "")) == missing
    assert errors_of(admin_client.post(IMPORT, {"file": "name,price"}, format="multipart")) == missing
    assert errors_of(upload(admin_client, ONE.encode(), name="other")) == missing
    assert errors_of(admin_client.post(IMPORT)) == missing


def test_an_empty_file_is_400(admin_client: APIClient) -> None:
    for content in (b"", b"\xef\xbb\xbf", b"\r\n\n,,\n"):
        assert rejected(upload(admin_client, content), "unreadable_file") == [(1, "", "empty")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--xx--"),
        ("multipart/form-data; boundary=", b"--xx--"),
        (BOUNDARY, b"no parts at all"),
        (BOUNDARY, b'--xx\r\nContent-Disposition: form-data; name="file"; filename="\xff.csv"\r\n\r\nname'),
    ],
)
def test_a_broken_form_is_400(admin_client: APIClient, content_type: str, body: bytes) -> None:
    assert send(admin_client, body, content_type=content_type).status_code == 400


@pytest.mark.parametrize("value", ["", "1", "True", "yes", "maybe", "%00"])
def test_a_dry_run_is_true_or_false(admin_client: APIClient, value: str) -> None:
    response = send(admin_client, ONE, f"?dry_run={value}")

    assert response.status_code == 400
    assert everything() == ([], [])


def test_the_field_of_a_wrong_dry_run_is_named(admin_client: APIClient) -> None:
    assert errors_of(send(admin_client, ONE, "?dry_run=perhaps")) == [("dry_run", "invalid")]


@override_settings(SHOPCORE_CATALOG_MAX_IMPORT_BYTES=1000)
def test_a_file_of_just_the_limit_is_read_and_a_longer_one_is_413(admin_client: APIClient) -> None:
    fits = ONE + "\n" * (1000 - len(ONE))
    assert counts_of(send(admin_client, fits)) == (1, 0, 0, 0)
    assert counts_of(upload(admin_client, fits.encode())) == (0, 0, 1, 0)
    assert problem_of(send(admin_client, fits + "\n")) == (413, "content_too_large")
    assert problem_of(upload(admin_client, fits.encode() + b"\n")) == (413, "content_too_large")


class Unreadable(io.RawIOBase):
    """A body that nobody may read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("content_type", ["text/csv", BOUNDARY])
def test_a_body_that_says_it_is_too_long_is_not_read(admin_client: APIClient, content_type: str) -> None:
    environ = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(10**12), "wsgi.input": Unreadable()}

    assert problem_of(admin_client.post(IMPORT, **environ)) == (413, "content_too_large")


@override_settings(SHOPCORE_CATALOG_MAX_IMPORT_BYTES=1000)
def test_a_body_of_unsaid_length_is_read_no_further_than_the_limit() -> None:
    body = io.BytesIO(b"x" * 1_000_000)

    with pytest.raises(ContentTooLarge):
        CSVParser().parse(body, "text/csv")
    assert body.tell() < 100_000


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100)
def test_the_hosts_limit_for_bodies_in_memory_does_not_concern_files(admin_client: APIClient) -> None:
    assert counts_of(send(admin_client, ONE + "\n" * 1000)) == (1, 0, 0, 0)
    assert counts_of(upload(admin_client, ONE.encode() + b"\n" * 1000)) == (0, 0, 1, 0)


def test_a_long_body_goes_to_a_file_that_is_closed_afterwards(
    admin_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def spool(*args: Any, **kwargs: Any) -> Any:
        made.append(tempfile_class(*args, **kwargs))
        return made[-1]

    tempfile_class = tempfile.SpooledTemporaryFile
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", spool)

    assert counts_of(send(admin_client, ONE + "\n" * 3_000_000)) == (1, 0, 0, 0)
    [file] = made
    assert file._rolled
    assert file.closed


def test_imports_are_limited_and_say_so(admin_client: APIClient) -> None:
    with override_settings(SHOPCORE_CATALOG_IMPORT_RATE="2/h"):
        responses = [send(admin_client, ONE) for _ in range(3)]

    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[0]["RateLimit-Policy"] == '"catalog-import";q=2;w=3600'
    assert int(responses[2]["Retry-After"]) > 0


def test_a_lost_race_is_409_and_leaves_nothing(admin_client: APIClient) -> None:
    def lose(**kwargs: Any) -> None:
        raise IntegrityError("duplicate key")

    signals.products_imported.connect(lose)
    try:
        response = import_rows(admin_client, "name,price,category", ("Lamp", "1", "A"))
    finally:
        signals.products_imported.disconnect(lose)
    assert problem_of(response) == (409, "conflict")
    assert everything() == ([], [])


def test_accept_and_format_change_nothing(admin_client: APIClient) -> None:
    response = admin_client.generic(
        "POST", f"{IMPORT}?format=shopify", ONE, content_type="text/csv", HTTP_ACCEPT="text/html"
    )

    assert counts_of(response) == (1, 0, 0, 0)
    assert response["Content-Type"] == "application/json"
