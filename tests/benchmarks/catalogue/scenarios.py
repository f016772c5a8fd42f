"""What is asked of the servers: for each scenario the paths, as each kind of server understands them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from .data import COMMON, RARE, Catalogue
from .peers import Server

LIST = "/api/v1/products/"
DETAILS = 500
KEYSET_DEPTH = 50_000


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    paths: dict[str, list[str]]  # by dialect; a server without one is left out
    # Asked for when bodies are compared: rank is everybody's own, so a search is compared in a given order.
    compared: dict[str, list[str]]
    conditional: bool = False  # what answers with a tag is asked again with it

    def same_for(self, dialect: str) -> list[str]:
        return self.compared.get(dialect, self.paths[dialect])


def scenario(
    name: str,
    title: str,
    *,
    compared: dict[str, list[str]] | None = None,
    conditional: bool = False,
    **paths: str | list[str],
) -> Scenario:
    lists = {dialect: [path] if isinstance(path, str) else path for dialect, path in paths.items()}
    return Scenario(name, title, lists, compared or {}, conditional)


def everywhere(path: str | list[str]) -> dict[str, str | list[str]]:
    return dict.fromkeys(("floor", "shopcore", "drf"), path)


def scenarios(catalogue: Catalogue, shopcore: Server) -> list[Scenario]:
    """Those that ``shopcore``, a running server, has; the place for the keyset is looked up there."""
    middle = catalogue.published // 40
    category = urlencode({"category": catalogue.leaf, "min_price": 10, "max_price": 50})
    filtered = f"{LIST}?{category}&ordering=price"
    found = [
        scenario("list", "list", **everywhere(LIST)),
        scenario("middle", "page in the middle", **everywhere(f"{LIST}?page={middle}")),
        # The tutorial's ordering leaves equal prices in any order, unless it is told.
        scenario("filter", "filter, sorted", **{**everywhere(filtered), "drf": f"{filtered},id"}),
        keyset(catalogue, shopcore),
        search("common", "word in 2 %", COMMON),
        search("rare", "word in 0.02 %", RARE),
        scenario("detail", "detail", **everywhere([f"{LIST}{key}/" for key in catalogue.some_published(DETAILS)])),
        scenario("unchanged", "304", floor=LIST, shopcore=LIST, conditional=True),
    ]
    facets = f"{LIST}facets/"
    if shopcore.fetch(facets).status != 404:
        found.append(scenario("facets", "facets", shopcore=facets))
    return found


def search(name: str, title: str, word: str) -> Scenario:
    path = f"{LIST}?search={word}"
    ordered = [f"{path}&ordering=-created_at"]
    return scenario(name, title, compared=dict.fromkeys(("floor", "shopcore", "drf"), ordered), **everywhere(path))


def keyset(catalogue: Catalogue, shopcore: Server) -> Scenario:
    """Behind 50,000 products, or in the middle of fewer; reached the way a client gets there, page by page."""
    depth = min(KEYSET_DEPTH, catalogue.published // 2) // 100
    cursor = ""
    for _ in range(depth):
        query = urlencode({"size": 100, "fields": "id,created_at", "cursor": cursor})
        page = json.loads(shopcore.fetch(f"{LIST}?{query}").body)
        [cursor] = parse_qs(urlsplit(page["next"]).query)["cursor"]
    last = page["results"][-1]
    after = urlencode({"after": f"{last['created_at']},{last['id']}"})
    position = base64.b64encode(urlencode({"p": last["created_at"]}).encode()).decode()
    return scenario(
        "keyset",
        "keyset, deep",
        floor=f"{LIST}?{after}",
        shopcore=f"{LIST}?{urlencode({'cursor': cursor})}",
        drf=f"/api/v1/keyset/?{urlencode({'cursor': position})}",
    )
