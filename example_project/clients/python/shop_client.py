"""A client of the shop's API to copy: typed, safe to share between threads, and never without a fresh token.

Run as a script it signs in to the demo, browses, creates a product, changes it, gets new tokens and signs out.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypedDict

import httpx


class Tokens(TypedDict):
    access: str
    refresh: str


class User(TypedDict):
    id: str
    email: str
    first_name: str
    last_name: str
    is_admin: bool
    email_verified: bool
    created_at: str


class Product(TypedDict):
    id: int
    name: str
    slug: str
    price: str  # a decimal string: Decimal(price) to calculate with it
    currency: str
    category: int
    category_name: str
    in_stock: bool
    is_published: bool


class ShopError(Exception):
    """A problem detail: ``code`` is for programs, the text for people."""

    def __init__(self, response: httpx.Response) -> None:
        problem = _problem(response)
        self.response = response
        self.code: str = problem.get("code", "")
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        super().__init__(f"{response.status_code} {self.code}: {problem.get('detail', response.reason_phrase)}")


class BearerTokens(httpx.Auth):
    """Signs each request; on an expired token gets new ones and sends the request again, once.

    A refresh token works once, so one thread at a time refreshes. The others wait and use what it got.
    """

    def __init__(self, refresh_url: str, tokens: Tokens | None) -> None:
        self.refresh_url = refresh_url
        self.tokens = tokens
        self.lock: AbstractContextManager[object] = threading.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        sent = self.tokens
        if sent is None:
            yield request
            return
        request.headers["Authorization"] = f"Bearer {sent['access']}"
        response = yield request
        code = _problem(response).get("code") if response.status_code == 401 else None
        if code == "session_ended":
            self.tokens = None
        if code != "token_invalid":
            return
        with self.lock:
            if self.tokens is sent:
                answer = yield httpx.Request("POST", self.refresh_url, json={"refresh": sent["refresh"]})
                answer.read()
                if answer.is_success:
                    self.tokens = answer.json()
                elif answer.status_code == 401:
                    self.tokens = None  # the session is over: sign in again
                    return
        if self.tokens and self.tokens is not sent:
            request.headers["Authorization"] = f"Bearer {self.tokens['access']}"
            yield request


class Shop:
    """One account's view of a shop; without ``login`` a visitor's. Keep ``auth.tokens`` to go on later."""

    def __init__(self, site: str, tokens: Tokens | None = None) -> None:
        api = f"{site.rstrip('/')}/api/v1/"
        self.auth = BearerTokens(f"{api}auth/refresh/", tokens)
        self._http = httpx.Client(base_url=api, auth=self.auth, timeout=10)

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def login(self, email: str, password: str) -> str | None:
        """None when it is done; otherwise the challenge for ``second_step``: the account has a second factor."""
        credentials = {"email": email, "password": password}
        answer = self._send("POST", "auth/login/", json=credentials, auth=None).json()
        if "mfa_required" in answer:
            return str(answer["challenge"])
        self.auth.tokens = answer
        return None

    def second_step(self, challenge: str, code: str) -> None:
        proof = {"challenge": challenge, "code": code}
        self.auth.tokens = self._send("POST", "auth/mfa/login/", json=proof, auth=None).json()

    def logout(self) -> None:
        """The tokens are forgotten even where the shop cannot be reached."""
        try:
            self._send("POST", "auth/logout/")
        finally:
            self.auth.tokens = None

    def me(self) -> User:
        user: User = self._send("GET", "auth/me/").json()
        return user

    def products(self, **filters: Any) -> Iterator[Product]:
        """All that match, however many: by cursor, so nothing is missed while others add products."""
        cursor: str | None = ""
        while cursor is not None:
            page = self._send("GET", "products/", params={**filters, "cursor": cursor}).json()
            yield from page["results"]
            cursor = httpx.URL(page["next"]).params["cursor"] if page["next"] else None

    def product(self, key: int) -> tuple[Product, str]:
        """The product, and its tag for ``change_product``."""
        response = self._send("GET", f"products/{key}/")
        return response.json(), response.headers["ETag"]

    def create_product(self, **values: Any) -> tuple[Product, str]:
        response = self._send("POST", "products/", json=values)
        return response.json(), response.headers["ETag"]

    def change_product(self, key: int, tag: str, **values: Any) -> tuple[Product, str]:
        """Fails with status 412 when somebody else has changed the product since ``tag`` was read."""
        response = self._send("PATCH", f"products/{key}/", json=values, headers={"If-Match": tag})
        return response.json(), response.headers["ETag"]

    def delete_product(self, key: int) -> None:
        self._send("DELETE", f"products/{key}/")

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = self._http.request(method, path, **options)
        if response.is_error:
            raise ShopError(response)
        return response


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The body of an error; empty where something in between, such as a proxy, answered instead."""
    response.read()
    if response.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return {}
    problem: dict[str, Any] = response.json()
    return problem


def main() -> None:
    with Shop(os.environ.get("SHOP_URL", "http://127.0.0.1:8000")) as shop:
        shop.login(
            os.environ.get("SHOP_EMAIL", "admin@example.com"),
            os.environ.get("SHOP_PASSWORD", "shopcore-demo-2026"),
        )
        print("signed in as", shop.me()["email"])
        found = list(shop.products(search="headphones", max_price=200, ordering="price"))
        print(f"found {len(found)}, the cheapest at {found[0]['price']} {found[0]['currency']}")
        product, tag = shop.create_product(name="Python's own", price="19.90", category=found[0]["category"])
        print("created", product["name"])
        product, _ = shop.change_product(product["id"], tag, price="17.90")
        print("changed its price to", product["price"])
        try:
            shop.change_product(product["id"], tag, price="15.90")
        except ShopError as error:
            print("too late with the old tag:", error.response.status_code, error.code)
        shop.delete_product(product["id"])
        assert shop.auth.tokens, "signed in above"  # noqa: S101
        # What happens when the access token expires, without the wait.
        shop.auth.tokens = {**shop.auth.tokens, "access": "expired"}
        print("still signed in as", shop.me()["email"])
        shop.logout()
        print("signed out")


if __name__ == "__main__":
    main()
