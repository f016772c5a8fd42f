"""Sending CSV files to the import and reading its answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, get_product_model

IMPORT = "/api/v1/products/import/"
EXPORT = "/api/v1/products/export/"


def csv_text(header: str, *rows: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([header.split(","), *rows])
    return out.getvalue()


def send(client: APIClient, content: str | bytes, query: str = "", content_type: str = "text/csv") -> Any:
    """The file as the whole body of the request."""
    data = content.encode() if isinstance(content, str) else content
    return client.generic("POST", IMPORT + query, data, content_type=content_type)


def import_rows(client: APIClient, header: str, *rows: Sequence[object], query: str = "") -> Any:
    return send(client, csv_text(header, *rows), query)


def counts_of(response: Any) -> tuple[int, int, int, int]:
    """``(created, updated, unchanged, rejected)``, of a rejected import too."""
    body = response.json()
    return body["created"], body["updated"], body["unchanged"], body["rejected"]


def entries(listed: Iterable[dict[str, Any]]) -> list[tuple[int, str, str]]:
    """``(line, field, code)`` of each error or warning, whose form is checked on the way."""
    result = []
    for entry in listed:
        assert list(entry) == ["line", "field", "code", "detail"]
        assert entry["detail"]
        result.append((entry["line"], entry["field"], entry["code"]))
    return result


def rejected(response: Any, code: str = "import_rejected") -> list[tuple[int, str, str]]:
    """The errors of an import that was refused as a whole."""
    body = response.json()
    assert response.status_code == 400, body
    assert response["Content-Type"] == "application/problem+json"
    assert body["code"] == code, body
    return entries(body["errors"])


def warned(response: Any) -> list[tuple[int, str, str]]:
    assert response.status_code == 200, response.json()
    return entries(response.json()["warnings"])


def everything() -> tuple[list[Any], list[Any]]:
    """All rows of the catalogue, to compare before and after."""
    return tuple(list(model.objects.order_by("pk").values()) for model in (get_product_model(), get_category_model()))


def path_of_category(category: Any) -> list[str]:
    names: list[str] = []
    while category:
        names.insert(0, category.name)
        category = category.parent
    return names


def exported(client: APIClient, query: str = "") -> str:
    response = client.get(EXPORT + query)
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))
