"""The floor: no framework, psycopg's prepared statements and orjson, for the requests that are measured and no others.

It answers with the same bodies. What the API checks, limits, logs and can do besides costs it nothing: it is the
bound below which nothing honest gets without a cache. Its filter knows no category tree, and its row counter is
right because nobody writes while it runs.
"""

from __future__ import annotations

import os
import re
import threading
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
import psycopg

SIZE = 20
LIST = "/api/v1/products/"
DETAIL = re.compile(r"/api/v1/products/(\d+)/").fullmatch
FIELDS = (
    *("id", "name", "slug", "sku", "description", "price", "compare_at_price", "currency", "category", "category_name"),
    *("in_stock", "is_published", "image_url", "metadata", "created_at", "updated_at"),
)
COLUMNS = (
    "p.id, p.name, p.slug, p.sku, p.description, p.price::text, p.compare_at_price::text, p.currency, p.category_id,"
    " c.name, p.in_stock, p.is_published, p.image_url, p.metadata::text, p.created_at, p.updated_at"
)
PRODUCTS = "shopcore_catalog_product p"
CATEGORIES = "JOIN shopcore_catalog_category c ON c.id = p.category_id"
ORDERS = {"-created_at": "p.created_at DESC, p.id DESC", "price": "p.price, p.id"}
CONDITIONS = {
    "category": "p.category_id = %s::bigint",
    "min_price": "p.price >= %s::numeric",
    "max_price": "p.price <= %s::numeric",
    "search": "to_tsvector('simple', p.name || ' ' || p.description) @@ plainto_tsquery('simple', %s)",
}
# A page deeper than this is found in an index alone before its rows are read.
DEEP = 200


class Connection(threading.local):
    """One for each thread, for as long as it lives."""

    def __init__(self) -> None:
        connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
        self.cursor = connection.cursor(binary=True)

    def rows(self, statement: str, values: list[Any]) -> list[Any]:
        return self.cursor.execute(statement, values).fetchall()


def as_dict(row: tuple[Any, ...]) -> dict[str, Any]:
    product = dict(zip(FIELDS, row, strict=False))
    product["metadata"] = orjson.Fragment(row[13])
    return product


def page_of(where: str, values: list[Any], order: str, offset: int) -> list[Any]:
    if offset <= DEEP:
        statement = f"SELECT {COLUMNS} FROM {PRODUCTS} {CATEGORIES} {where} ORDER BY {order} LIMIT {SIZE} OFFSET %s"
    else:
        keys = f"SELECT p.id FROM {PRODUCTS} {where} ORDER BY {order} LIMIT {SIZE} OFFSET %s"
        found = f"({keys}) found JOIN {PRODUCTS} USING (id)"
        statement = f"SELECT {COLUMNS} FROM {found} {CATEGORIES} ORDER BY {order}"
    return db.rows(statement, [*values, offset])


def search(where: str, values: list[Any], order: str, offset: int) -> tuple[int, list[Any]]:
    """The count and the page from one look at the matching rows."""
    statement = f"""WITH found AS MATERIALIZED (SELECT p.id, p.created_at, p.price FROM {PRODUCTS} {where})
SELECT {COLUMNS}, (SELECT count(*) FROM found)
FROM (SELECT id FROM found p ORDER BY {order} LIMIT {SIZE} OFFSET %s) page JOIN {PRODUCTS} USING (id) {CATEGORIES}
ORDER BY {order}"""
    rows = db.rows(statement, [*values, offset])
    return (rows[0][-1] if rows else 0), rows


def total(where: str, values: list[Any]) -> int:
    if not values:
        return db.rows("SELECT products FROM floor_counter", [])[0][0]
    return db.rows(f"SELECT count(*) FROM {PRODUCTS} {where}", values)[0][0]


def keyset(host: str, after: str) -> Any:
    created, _, key = after.partition(",")
    where = "WHERE p.is_published AND (p.created_at, p.id) < (%s::timestamptz, %s::bigint)"
    order = ORDERS["-created_at"]
    statement = f"SELECT {COLUMNS} FROM {PRODUCTS} {CATEGORIES} {where} ORDER BY {order} LIMIT {SIZE + 1}"
    rows = db.rows(statement, [created, int(key)])
    last = rows[SIZE - 1] if len(rows) > SIZE else None
    following = last and f"http://{host}{LIST}?{urlencode({'after': f'{last[14].isoformat()},{last[0]}'})}"
    return {"next": following, "previous": None, "results": [as_dict(row) for row in rows[:SIZE]]}


def listing(host: str, query: dict[str, str]) -> Any:
    if "after" in query:
        return keyset(host, query["after"])
    page, order = int(query.get("page", 1)), ORDERS[query.get("ordering", "-created_at")]
    names = [name for name in CONDITIONS if name in query]
    where = " AND ".join(["WHERE p.is_published", *(CONDITIONS[name] for name in names)])
    values = [query[name] for name in names]
    offset = (page - 1) * SIZE
    if "search" in query:
        count, rows = search(where, values, order, offset)
    else:
        count, rows = total(where, values), page_of(where, values, order, offset)

    def link(number: int) -> str:
        return f"http://{host}{LIST}?{urlencode(sorted({**query, 'page': str(number)}.items()))}"

    return {
        "count": count,
        "count_is_exact": True,
        "next": link(page + 1) if page * SIZE < count else None,
        "previous": link(page - 1) if page > 1 else None,
        "results": [as_dict(row) for row in rows],
    }


def detail(key: int) -> Any:
    statement = f"SELECT {COLUMNS} FROM {PRODUCTS} {CATEGORIES} WHERE p.id = %s::bigint AND p.is_published"
    rows = db.rows(statement, [key])
    return as_dict(rows[0]) if rows else None


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    path, found = environ["PATH_INFO"], None
    if path == LIST:
        found = listing(environ["HTTP_HOST"], dict(parse_qsl(environ["QUERY_STRING"])))
    elif path == "/nothing/":
        found = {}
    elif match := DETAIL(path):
        found = detail(int(match[1]))
    body = orjson.dumps(found, option=orjson.OPT_UTC_Z)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("404 Not Found" if found is None else "200 OK", headers)
    return [body]


db = Connection()
