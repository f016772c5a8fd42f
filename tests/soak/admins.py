"""Those who keep the shop. What they make has fixed names, so that the catalogue does not grow."""

from __future__ import annotations

import threading
from typing import Any

from .client import Client, Interrupted
from .verdicts import STATUSES

SLOTS = 40
IMPORTED = 20
IN_BULK = 5


class Admin:
    def __init__(self, client: Client, address: str, password: str, over: threading.Event) -> None:
        self.client, self.address, self.password, self.over = client, address, password, over
        self.token = ""

    def run(self) -> None:
        acts = [self._product, self._product, self._bulk, self._category, self._import, self._export, self._people]
        while not self.over.is_set():
            try:
                self.client.move()
                self.sign_in()
                for act in self.client.chance.sample(acts, 4):
                    act()
                    if self.over.wait(self.client.chance.uniform(0.5, 2)):
                        break
                self.client.call("POST", "auth/logout/", {}, token=self.token, expect=(204,))
            except Interrupted:
                self.over.wait(0.5)

    def sign_in(self) -> None:
        self.client.ledger.sign_ins.append(self.client.ledger.now())
        body = {"email": self.address, "password": self.password}
        self.token = self.client.call("POST", "auth/login/", body).json["access"]

    def find(self, slug: str) -> dict[str, Any] | None:
        rows = self.client.call("GET", f"products/?slug={slug}", token=self.token).json["results"]
        return rows[0] if rows else None

    def _product(self) -> None:
        """Made if it is not there, changed, and now and then deleted."""
        slug = f"soak-{self.client.chance.randrange(SLOTS)}"
        found = self.find(slug)
        if found is None:
            body = {"name": f"Soaked {slug}", "slug": slug, "price": "10.00", "category": 1}
            found = self.client.call("POST", "products/", body, token=self.token, expect=(201,)).json
        path = f"products/{found['id']}/"
        tag = self.client.call("GET", path, token=self.token).headers["ETag"]
        price = {"price": f"{self.client.chance.randint(1, 99_999) / 100:.2f}"}
        match = {"If-Match": tag}
        changed = self.client.call("PATCH", path, price, token=self.token, headers=match)
        if changed.json["price"] != price["price"]:
            self.client.ledger.breaks(STATUSES, f"{path} answers another price than was sent", changed.request_id)
        if changed.headers["ETag"] != tag:
            self.client.call("PATCH", path, price, token=self.token, headers=match, expect=(412,))
        if self.client.chance.random() < 0.4:
            self.client.call("DELETE", path, token=self.token, expect=(204,))
            self.client.call("GET", path, token=self.token, expect=(404,))

    def _bulk(self) -> None:
        """All of them are replaced, in one request."""
        slugs = [f"soak-bulk-{number}" for number in range(IN_BULK)]
        old = [row["id"] for slug in slugs if (row := self.find(slug))]
        new = [{"name": f"Bulk {slug}", "slug": slug, "price": "5.00", "category": 1} for slug in slugs]
        body = {"delete": old, "create": new}
        answer = self.client.call("POST", "products/bulk/", body, token=self.token).json
        made = [row["id"] for row in answer["created"]]
        self.client.call(
            "POST", "products/bulk/", {"update": [{"id": made[0], "price": "x"}]}, token=self.token, expect=(400,)
        )
        if self.client.chance.random() < 0.5:
            self.client.call("POST", "products/bulk/", {"delete": made}, token=self.token)

    def _category(self) -> None:
        path = "categories/?search=Soaked"
        for row in self.client.call("GET", path, token=self.token).json["results"]:
            self.client.call("DELETE", f"categories/{row['id']}/", token=self.token, expect=(204,))
        body = {"name": "Soaked", "parent": None}
        made = self.client.call("POST", "categories/", body, token=self.token, expect=(201,)).json
        self.client.call("PATCH", f"categories/{made['id']}/", {"name": "Soaked again"}, token=self.token)
        self.client.call("DELETE", "categories/1/", token=self.token, expect=(409,))

    def _import(self) -> None:
        price = f"{self.client.chance.randint(100, 999)}.00"
        lines = [f"soak-csv-{number},Imported {number},,{price},Imported,true,true" for number in range(IMPORTED)]
        header = "slug,name,description,price,category,in_stock,is_published"
        sound, wrong = (
            "\r\n".join([header, *lines]),
            "\r\n".join([header, *lines[:3], "soak-csv-x,X,,minus,Imported,,"]),
        )
        csv = {"Content-Type": "text/csv"}
        path = "products/import/"
        self.client.call("POST", f"{path}?dry_run=true", raw=sound.encode(), headers=csv, token=self.token)
        self.client.call("POST", path, raw=sound.encode(), headers=csv, token=self.token)
        self.client.call("POST", path, raw=wrong.encode(), headers=csv, token=self.token, expect=(400,))

    def _export(self) -> None:
        answer = self.client.call("GET", "products/export/", token=self.token)
        if not answer.body.lstrip(b"\xef\xbb\xbf").startswith(b"slug,"):
            self.client.ledger.breaks(STATUSES, "the export has no header line", answer.request_id)

    def _people(self) -> None:
        self.client.call("GET", "users/?email=soak", token=self.token)
        self.client.call("GET", "users/?is_active=true&page=1&size=50", token=self.token)
        self.client.call("GET", "notifications/", token=self.token)
        self.client.call("POST", "notifications/mark-all-seen/", {}, token=self.token)
