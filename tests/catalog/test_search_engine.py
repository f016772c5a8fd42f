"""A site's own search engine, asked over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.test import APIClient

from tests.catalog.shapes import PRODUCTS, key_of, names_in
from tests.factories.catalog import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped")]


class Engine(ThreadingHTTPServer):
    """Knows what it was told, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.known: dict[str, list[Any]] = {}
        self.suggestions: dict[str, str] = {}
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        engine: Any = self.server
        [text] = parse_qs(urlsplit(self.path).query)["q"]
        engine.asked.append(text)
        body = json.dumps({"keys": engine.known.get(text, []), "suggestion": engine.suggestions.get(text)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def engine(settings: Any) -> Iterator[Engine]:
    with Engine() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        settings.SEARCH_ENGINE_URL = f"http://127.0.0.1:{server.server_port}/"
        settings.SHOPCORE_CATALOG_SEARCH_BACKEND = "tests.catalog.search_engine.EngineSearch"
        yield server
        server.shutdown()
        thread.join()


def test_an_engine_decides_what_matches_and_in_which_order(anonymous: APIClient, engine: Engine) -> None:
    lamp, chair, desk = (ProductFactory.create(name=name) for name in ("Lamp", "Chair", "Desk"))
    hidden: Any = ProductFactory.create(name="Hidden", is_published=False)
    engine.known["something to sit on"] = [key_of(row) for row in (hidden, chair, lamp)]
    response = anonymous.get(PRODUCTS, {"search": " something to sit on"})
    assert (names_in(response), response.json()["count"]) == (["Chair", "Lamp"], 2)
    assert engine.asked == ["something to sit on"]
    by_name = anonymous.get(PRODUCTS, {"search": "something to sit on", "ordering": "-name"})
    assert names_in(by_name) == ["Lamp", "Chair"]
    assert names_in(anonymous.get(PRODUCTS, {"search": "lamp"})) == []
    # The next request with the same words is another question.
    engine.known["something to sit on"] = [key_of(desk)]
    assert names_in(anonymous.get(PRODUCTS, {"search": "something to sit on", "ordering": "price"})) == ["Desk"]


def test_an_engine_suggests_what_was_meant(anonymous: APIClient, engine: Engine) -> None:
    lamp: Any = ProductFactory.create(name="Lamp")
    engine.known["lamp"], engine.suggestions["lmap"] = [key_of(lamp)], "lamp"
    assert names_in(anonymous.get(PRODUCTS, {"search": "lmap"})) == ["Lamp"]
    assert engine.asked == ["lmap", "lamp"]


def test_without_the_setting_the_engine_is_not_asked(anonymous: APIClient, engine: Engine, settings: Any) -> None:
    settings.SHOPCORE_CATALOG_SEARCH_BACKEND = None
    ProductFactory.create(name="Lamp")
    assert names_in(anonymous.get(PRODUCTS, {"search": "lamp"})) == ["Lamp"]
    assert engine.asked == []
