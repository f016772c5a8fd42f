import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from . import guards, load, plots
from .comparing import difference
from .data import COMMON, HIDDEN_EVERY, PRODUCT_COLUMNS, RARE, Catalogue

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"{}" * 40_000
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/two":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        asked.write(f"{self.path}\\n")
asked = open(sys.argv[1], "w", buffering=1)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def page(**changes):
    link = "http://127.0.0.1:1/api/v1/products/?page=2"
    body = {"count": 3, "count_is_exact": True, "next": link, "previous": None, "results": [{"id": 1}, {"id": 2}]}
    return {**body, **changes}


def run(**peers):
    figures = {"requests_per_second": 100.0, "statements": ["SELECT 1"], "rows": 10, "ratio": 0.5, "p50": 1.0}
    one = {"title": "list", "peers": {name: {**figures, **changes} for name, changes in peers.items()}}
    return {"products": 10_000, "scenarios": dict.fromkeys(("list", "detail"), one), "memory": dict.fromkeys(peers)}


def test_a_seed_always_makes_the_same_products():
    rows = list(Catalogue(500).product_rows())

    assert rows == list(Catalogue(500).product_rows())
    assert rows != list(Catalogue(500, seed=2).product_rows())


def test_the_words_searched_for_are_as_frequent_as_the_page_says():
    products = [dict(zip(PRODUCT_COLUMNS, row.split("\t"), strict=True)) for row in Catalogue(20_000).product_rows()]

    found = Counter(word for row in products for word in (COMMON, RARE) if word in row["description"])
    assert found[COMMON] == pytest.approx(400, rel=0.2)
    assert 1 <= found[RARE] <= 12
    assert sum(row["in_stock"] == "t" for row in products) == pytest.approx(17_000, rel=0.02)
    assert sum(row["is_published"] == "f" for row in products) == 20_000 // HIDDEN_EVERY
    assert len({row["slug"] for row in products}) == len({row["created_at"] for row in products}) == 20_000


def test_the_filtered_category_is_a_leaf_of_a_tree_in_three_levels():
    catalogue = Catalogue(0)
    parents = {row.split("\t")[0]: row.split("\t")[3] for row in catalogue.category_rows()}

    assert str(catalogue.leaf) in parents
    assert str(catalogue.leaf) not in parents.values()
    assert parents[parents[parents[str(catalogue.leaf)]]] == "\\N"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"count": 4}, "count: 3 and 4"),
        ({"count": 4, "count_is_exact": False}, None),
        ({"next": "http://127.0.0.1:9/api/v1/products/?ordering=price&page=2"}, None),
        ({"next": None}, "next: http://127.0.0.1:1/api/v1/products/?page=2 and None"),
        ({"results": [{"id": 2}, {"id": 1}]}, "0.id: 1 and 2"),
        ({"results": [{"id": 1}, {"id": True}]}, "1.id: 2 and True"),
        ({"results": [{"id": 1}]}, "body: [{'id': 1}, {'id': 2}] and [{'id': 1}]"),
    ],
)
def test_bodies_that_differ_in_more_than_an_estimate_are_found(changes, found):
    assert difference(page(), page(**changes)) == found


def test_a_number_is_not_the_boolean_that_equals_it():
    assert difference({"id": 1}, {"id": True}) == "id: 1 and True"


def test_each_guard_fails_alone(monkeypatch, capsys):
    monkeypatch.setattr(guards, "RATIOS", {"list": 3.0})
    monkeypatch.setattr(guards, "STATEMENTS", {"shopcore": {"list": 1}, "shopcore-cached": {"list": 0}})
    monkeypatch.setattr(guards, "ROWS", {"shopcore": {"list": 10}})

    assert guards.judge(run(shopcore={}, drf={"requests_per_second": 33.0})) == 0
    assert guards.judge(run(shopcore={}, drf={"requests_per_second": 34.0})) == 1
    assert guards.judge(run(shopcore={"statements": []}, drf={"requests_per_second": 33.0})) == 1
    assert guards.judge(run(shopcore={"rows": 11}, drf={"requests_per_second": 33.0})) == 1
    assert "list of shopcore: 11 rows read, and not 10 at most" in capsys.readouterr().out


def test_the_plots_are_sound_pictures():
    runs = [run(floor={}, shopcore={"p50": value}, drf={}) for value in (0.9, 12.0)]
    runs[1]["products"] = 1_000_000

    for picture in (plots.throughput(runs[0]), plots.latency(runs), plots.latency(runs[:1])):
        assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - made above
        assert "nan" not in picture


@pytest.fixture
def server(tmp_path):
    """Notes in the file ``asked`` what it is asked for: a pipe that nobody reads would be full before long."""
    command = [sys.executable, "-c", SERVER, str(tmp_path / "asked")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process
        process.kill()


@pytest.mark.parametrize(("paths", "failed"), [(["/one", "/two"], False), (["/missing"], True)])
def test_the_generator_takes_the_paths_in_turn_and_counts_what_fails(server, tmp_path, paths, failed):
    (tmp_path / "paths").write_text("\n".join(paths) + "\n")
    port = int(server.stdout.readline())

    sample = load.send("python", port, Path(tmp_path / "paths"), connections=2, seconds=1)

    server.kill()
    asked = (tmp_path / "asked").read_text().split()
    assert set(asked) == set(paths)
    assert abs(len(asked) - sample.requests_per_second) <= 2 + len(asked) * 0.2
    assert bool(sample.errors) is failed
    assert 0 < sample.p50 <= sample.p99
