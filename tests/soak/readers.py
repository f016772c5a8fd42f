"""Those who read the catalogue, and those who send what nobody should."""

from __future__ import annotations

import base64
import json
import threading
from urllib.parse import urlsplit

from .client import API, Client, Interrupted
from .verdicts import STATUSES

LISTS = (
    "products/",
    "products/?page=2&size=10",
    "products/?ordering=price,-created_at&size=50",
    "products/?in_stock=true&min_price=10&max_price=900",
    "products/?category=1",
    "products/?fields=id,name,price&size=100",
    "products/?search=desk",
    "products/?search=lap&ordering=-price",
    "products/facets/",
    "products/facets/?in_stock=true",
    "categories/",
    "categories/?parent=null",
    "categories/tree/",
)


def read(client: Client, over: threading.Event) -> None:
    """One reader, until ``over``; a journey is some reads from one address."""
    while not over.is_set():
        try:
            client.move()
            for _ in range(client.chance.randint(10, 40)):
                client.chance.choice([_list, _list, _detail, _again, _walk])(client)
                if over.wait(client.chance.uniform(0.1, 0.7)):
                    return
        except Interrupted:
            over.wait(0.3)


def _list(client: Client) -> None:
    client.call("GET", client.chance.choice(LISTS))


def _detail(client: Client) -> None:
    rows = client.call("GET", "products/?size=20").json["results"]
    # It may have been deleted meanwhile.
    client.call("GET", f"products/{client.chance.choice(rows)['id']}/", expect=(200, 404))


def _again(client: Client) -> None:
    """Asks once more with the tag of the answer: nothing comes, or something else than before."""
    path = client.chance.choice(LISTS)
    first = client.call("GET", path)
    again = client.call("GET", path, headers={"If-None-Match": first.headers["ETag"]}, expect=(200, 304))
    if again.status == 304 and again.body:
        client.ledger.breaks(STATUSES, f"a 304 of {path} has a body", again.request_id)


def _walk(client: Client) -> None:
    """Some pages by cursor: no row comes twice."""
    path, seen = "products/?cursor=&size=10&ordering=name", set[int]()
    for _ in range(4):
        page = client.call("GET", path).json
        found = {row["id"] for row in page["results"]}
        if found & seen:
            client.ledger.breaks(STATUSES, f"rows {sorted(found & seen)} came twice by cursor")
        seen |= found
        if not page["next"]:
            return
        url = urlsplit(page["next"])
        path = f"{url.path}?{url.query}"


def _token(**header: str) -> str:
    parts = [
        json.dumps({"typ": "JWT", **header}),
        json.dumps({"token_type": "access", "user_id": "1", "sid": "1"}),
        "x",
    ]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


DEEP = b'{"email":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
JSON = {"Content-Type": "application/json"}
# Method, path, body, headers: each is the client's mistake.
BAD: tuple[tuple[str, str, bytes | None, dict[str, str]], ...] = (
    ("GET", "products/?page=0", None, {}),
    ("GET", "products/?page=99999999999999999999", None, {}),
    ("GET", "products/?ordering=password", None, {}),
    ("GET", "products/?min_price=NaN", None, {}),
    ("GET", "products/?search=%00", None, {}),
    ("GET", "products/?cursor=bm90IG91cnM", None, {}),
    ("GET", "products/%D9%A1/", None, {}),
    ("GET", "products/999999999999999999999/", None, {}),
    ("PATCH", "products/1/", b"{}", JSON),
    ("DELETE", "categories/tree/", None, {}),
    ("POST", "auth/login/", b"{", JSON),
    ("POST", "auth/login/", DEEP, JSON),
    ("POST", "auth/login/", b'{"email": "\\u0000", "password": "\\ud800"}', JSON),
    ("POST", "auth/login/", b"email=a", {"Content-Type": "text/plain"}),
    ("POST", "auth/register/", b'{"email": "nobody", "password": "1"}', JSON),
    ("POST", "auth/register/", b'{"email": "' + b"x" * 1_100_000 + b'"}', JSON),
    ("POST", "auth/refresh/", b'{"refresh": "no"}', JSON),
    ("POST", "auth/refresh/", json.dumps({"refresh": _token(alg="none")}).encode(), JSON),
    ("POST", "auth/password/reset/confirm/", b'{"uid": "MQ", "token": "x", "new_password": "y"}', JSON),
    ("GET", "auth/me/", None, {"Authorization": "Bearer no"}),
    ("GET", "auth/me/", None, {"Authorization": f"Bearer {_token(alg='HS256', kid='../../etc')}"}),
    ("GET", "users/", None, {}),
    ("GET", "nothing/", None, {}),
)


def misbehave(client: Client, over: threading.Event) -> None:
    """Sends the client's mistakes until ``over``: each answer is a problem that says so."""
    while not over.wait(client.chance.uniform(0.5, 2)):
        client.move()
        method, path, raw, headers = client.chance.choice(BAD)
        try:
            answer = client.call(method, path, raw=raw, headers=headers, expect=range(400, 429))
        except Interrupted:
            continue
        if answer.headers["Content-Type"] != "application/problem+json":
            client.ledger.breaks(STATUSES, f"{method} {API}{path[:60]} is no problem", answer.request_id)
