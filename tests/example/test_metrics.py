"""``/metrics``: what is counted, by whom it may be read, and that no process of the site is missing."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.example.site import DEBUG, HTTPS, PRODUCTION, Server, Site, free_port

pytestmark = pytest.mark.projects("full")

HERE = {**DEBUG, "ALLOWED_HOSTS": "testserver"}  # the test client's name for it
TOKEN = "a-token-for-tests-0123456789"
LINE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")


def parse(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and the values of the labels, which come in the alphabetical order of their names."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = LINE.fullmatch(line)
            assert match, line
            labels = sorted(re.findall(r'(\w+)="([^"]*)"', match["labels"] or ""))
            found[match["name"], tuple(value for _, value in labels)] = float(match["value"])
    return found


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site.copy_to(tmp_path_factory.mktemp("measured"))
    assert site.manage("migrate", "-v0", variables=HERE).returncode == 0
    return site


def scrape(site: Site, code: str, variables: dict[str, str] = HERE) -> dict[tuple[str, tuple[str, ...]], float]:
    """The metrics of a process after ``code``."""
    *_, (status, headers, text) = site.answers(code + "\nanswers = [client.get('/metrics')]", variables)
    assert (status, headers["Cache-Control"]) == (200, "no-store"), text
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parse(text)


# --- What is counted ------------------------------------------------------------------------------------


def test_requests_count_by_the_pattern_of_their_path(migrated: Site) -> None:
    found = scrape(
        migrated,
        """
for path in ("products/1/", "products/2/", "products/?search=a", "categories/tree/"):
    client.get("/api/v1/" + path)
client.post("/api/v1/auth/login/", {}, content_type="application/json")
client.get("/healthz/live")
""",
    )

    requests = {labels: value for (name, labels), value in found.items() if name == "shop_http_requests_total"}
    assert requests == {
        ("GET", "/api/v1/products/<pk>/", "404"): 2,
        ("GET", "/api/v1/products/", "200"): 1,
        ("GET", "/api/v1/categories/tree/", "200"): 1,
        ("POST", "/api/v1/auth/login/", "400"): 1,
        ("GET", "/healthz/live", "200"): 1,
    }
    assert found["shop_http_request_seconds_count", ("GET", "/api/v1/products/<pk>/")] == 2
    assert 0 < found["shop_http_request_seconds_sum", ("GET", "/api/v1/products/<pk>/")] < 20


def test_made_up_paths_and_methods_make_no_labels(migrated: Site) -> None:
    found = scrape(
        migrated,
        """
for number in range(5):
    client.get(f"/api/v1/nothing-{number}/")
    client.get(f"/nothing-{number}/")
    client.generic(f"BREW{number}", "/api/v1/products/")
    client.get("/", headers={"host": f"evil-{number}.example.com"})
""",
    )

    labels = {labels for name, labels in found if name == "shop_http_requests_total"}
    assert labels == {
        ("GET", "other", "404"),
        ("other", "/api/v1/products/", "405"),
        ("GET", "other", "400"),
    }


def test_queries_count_for_the_request_that_makes_them(migrated: Site) -> None:
    found = scrape(
        migrated,
        """
from django.contrib.auth import get_user_model
get_user_model().objects.count()  # nobody's
client.get("/api/v1/products/")  # the first read finds out whether the tables have versions
client.get("/api/v1/products/1/")
client.get("/api/v1/products/1/")
client.get("/healthz/live")
""",
        {**HERE, "SHOPCORE_CATALOG_CACHE": "0"},
    )

    one, live = ("GET", "/api/v1/products/<pk>/"), ("GET", "/healthz/live")
    assert found["shop_http_request_queries_sum", one] == 2
    assert found["shop_http_request_queries_bucket", ("1.0", *one)] == 2
    assert found["shop_http_request_queries_bucket", ("0.0", *one)] == 0
    assert 0 < found["shop_http_request_query_seconds_total", one] < 20
    assert found["shop_http_request_queries_sum", live] == 0


READS = """
from django.core.cache import cache
cache.set_many({"a": 1, "none": None})
assert cache.get("a") == 1 and cache.get("none", 2) is None
assert cache.get("nothing") is None and cache.get("nothing", 3) == 3
assert cache.get_many(iter(["a", "none", "nothing"])) == {"a": 1, "none": None}
client.get("/healthz/ready")
client.get("/api/v1/products/")
"""


@pytest.mark.parametrize("shared", [False, True])
def test_cache_hits_and_misses_count(migrated: Site, shared: bool, request: pytest.FixtureRequest) -> None:
    variables = {**HERE, "REDIS_URL": request.getfixturevalue("redis_url")} if shared else HERE

    found = scrape(migrated, READS, {**variables, "SHOPCORE_CATALOG_CACHE": "0"})

    # Neither the probe nor, with Redis, the counters of the rate limits.
    assert found["shop_cache_reads_total", ("hit",)] == 4
    assert found["shop_cache_reads_total", ("miss",)] == 3


def test_requests_that_a_limit_refuses_count(migrated: Site) -> None:
    variables = {**HERE, "SHOPCORE_ACCOUNTS_REGISTER_RATE": "1/m"}
    code = "for _ in range(3): client.post('/api/v1/auth/register/', {}, content_type='application/json')"

    found = scrape(migrated, code, variables)

    refused = {labels: value for (name, labels), value in found.items() if name == "shop_rate_limited_requests_total"}
    assert list(refused.values()) == [2]
    assert found["shop_http_requests_total", ("POST", "/api/v1/auth/register/", "429")] == 2


OUTBOX = """
from datetime import timedelta
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_shopcore.notifications.models import OutboxMessage
now = timezone.now()
rows = [("pending", 0, 30), ("pending", 0, 90), ("pending", 3, 900), ("dead", 9, 9000), ("sent", 1, 5), ("skipped", 0, 5)]
for number, (state, attempts, age) in enumerate(rows):
    OutboxMessage.objects.create(dedupe_key=f"{number}", kind="a", channel="email", state=state,
        attempts=attempts, queued_at=now - timedelta(seconds=age))
with CaptureQueriesContext(connection) as queries:
    client.get("/metrics")
assert len(queries) == 1, queries.captured_queries
"""


def test_the_outbox_is_told_as_it_is_now_by_one_query(fresh_site: Site) -> None:
    assert fresh_site.manage("migrate", "-v0", variables=HERE).returncode == 0
    empty = scrape(fresh_site, "")
    found = scrape(fresh_site, OUTBOX)

    states = {labels: value for (name, labels), value in found.items() if name == "shop_outbox_messages"}
    assert states == {("new",): 2, ("retried",): 1, ("dead",): 1}
    assert 90 <= found["shop_outbox_lag_seconds", ("new",)] < 150
    assert 900 <= found["shop_outbox_lag_seconds", ("retried",)] < 960
    assert {value for (name, _), value in empty.items() if name.startswith("shop_outbox")} == {0}


def test_without_a_database_the_rest_is_told(fresh_site: Site) -> None:
    found = scrape(fresh_site, "client.get('/healthz/live')")  # nothing was migrated

    assert found["shop_http_requests_total", ("GET", "/healthz/live", "200")] == 1
    assert not [name for name, _ in found if name.startswith("shop_outbox")]


def test_openmetrics_is_spoken_to_those_who_ask_for_it(migrated: Site) -> None:
    code = "answers = [client.get('/metrics', headers={'accept': 'application/openmetrics-text; version=1.0.0'})]"
    [(status, headers, text)] = migrated.answers(code, HERE)

    assert (status, headers["Content-Type"].split(";")[0]) == (200, "application/openmetrics-text")
    assert text.endswith("# EOF\n")


# --- Who may read it ------------------------------------------------------------------------------------


def statuses(site: Site, calls: list[dict[str, Any]], variables: dict[str, str]) -> list[int]:
    code = f"answers = [client.get('/metrics', **call) for call in {calls!r}]"
    return [status for status, _, _ in site.answers(code, variables)]


def test_without_a_token_only_private_networks_read_it(migrated: Site) -> None:
    near = ["127.0.0.1", "::1", "10.1.2.3", "172.18.0.5", "192.168.1.9", "fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0"]
    far = ["8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "172.32.0.1", "100.64.0.1", "", "nonsense"]

    assert statuses(migrated, [{"REMOTE_ADDR": address} for address in near], HERE) == [200] * len(near)
    assert statuses(migrated, [{"REMOTE_ADDR": address} for address in far], HERE) == [403] * len(far)


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_a_proxy_on_a_private_network_does_not_make_it_public(migrated: Site, proxies: str) -> None:
    marks = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host", "Via"]
    calls = [{"REMOTE_ADDR": "172.18.0.2", "headers": {mark: "10.0.0.1"}} for mark in marks]
    variables = {**HERE, "TRUSTED_PROXIES": proxies}

    assert statuses(migrated, [*calls, {"REMOTE_ADDR": "172.18.0.2"}], variables) == [403] * len(marks) + [200]


def test_with_a_token_it_alone_counts(migrated: Site) -> None:
    right = {"headers": {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "8.8.8.8"}, "REMOTE_ADDR": "8.8.8.8"}
    wrong = ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"]
    calls = [right, *({"headers": {"Authorization": value}, "REMOTE_ADDR": "127.0.0.1"} for value in wrong)]

    assert statuses(migrated, calls, {**HERE, "METRICS_TOKEN": TOKEN}) == [200] + [401] * len(wrong)


def test_it_answers_to_any_name_by_http_and_only_to_reading(migrated: Site) -> None:
    code = """
answers = [client.get("/metrics", headers={"host": "web:8000"}), client.head("/metrics"), client.post("/metrics")]
"""
    assert [status for status, _, _ in migrated.answers(code, HTTPS)] == [200, 200, 405]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("METRICS_TOKEN", "short", "expected at least 20 letters"),
        ("METRICS_TOKEN", "with blanks and more of them", "expected at least 20 letters"),
        ("PROMETHEUS_MULTIPROC_DIR", "/proc/nowhere", "the folder cannot be made"),
        ("PROMETHEUS_MULTIPROC_DIR", "metrics", "expected the absolute path"),
    ],
)
def test_a_wrong_variable_stops_the_start(site: Site, name: str, value: str, line: str) -> None:
    done = site.manage("check", variables={**HERE, name: value})

    assert done.returncode == 3
    assert done.stderr.startswith(f"{name}: {line}")


# --- Several processes ----------------------------------------------------------------------------------


@pytest.fixture(params=[(), ("--preload", "--threads", "2")], ids=["forked first", "loaded first"])
def served(migrated: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Two workers, which gunicorn replaces; ``tmp_path`` is their temporary folder."""
    port = free_port()
    gunicorn = (sys.executable, "-m", "gunicorn", "--chdir", str(migrated.folder), "--workers", "2")
    options = (
        "--no-control-socket",
        "--pid",
        str(tmp_path / "pid"),
        "--bind",
        f"127.0.0.1:{port}",
        *request.param,
        "shop.wsgi",
    )
    variables = {**PRODUCTION, "TMPDIR": str(tmp_path)}
    with migrated.serve(*gunicorn, *options, variables=variables, port=port) as server:
        yield server


def processes(folder: Path) -> set[int]:
    """The numbers of the processes that have files; 0 stands for those that have ended."""
    return {int(file.stem.rpartition("_")[2]) for file in folder.glob("shop-metrics-*/counter_*.db")}


def wait_for(condition: Any) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")
def test_no_request_is_lost_or_counted_twice_as_workers_share_end_and_are_killed(
    served: Server, tmp_path: Path
) -> None:
    from prometheus_client.mmap_dict import MmapedDict

    def counted() -> float:
        found = parse(served.get("/metrics").text)
        assert (
            found["shop_http_request_queries_count", ("GET", "/api/v1/products/")]
            == (found["shop_http_requests_total", ("GET", "/api/v1/products/", "200")])
        )
        return found["shop_http_requests_total", ("GET", "/api/v1/products/", "200")]

    def ask(times: int) -> int:
        # At once, or one worker might take them all.
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda _: served.get("/api/v1/products/"), range(times))
            assert {answer.status for answer in answers} == {200}
        return times

    def workers() -> set[int]:
        return processes(tmp_path) - {0, master}

    def parts() -> list[float]:
        found = []
        for file in tmp_path.glob("shop-metrics-*/counter_*.db"):
            values = {key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file))}
            ours = [value for key, value in values.items() if '"/api/v1/products/"' in key and '"200"' in key]
            found.append(sum(ours))
        return found

    master = int((tmp_path / "pid").read_text())
    wait_for(lambda: served.get("/healthz/live").status == 200 and len(workers()) == 2)
    first = workers()
    asked = ask(40)
    while max(parts()) == asked and asked < 2000:
        asked += ask(40)

    # The control: each of the two knows only a part.
    assert sum(parts()) == asked
    assert max(parts()) < asked
    assert {counted() for _ in range(6)} == {asked}

    os.kill(min(first), signal.SIGKILL)
    wait_for(lambda: counted() == asked and min(first) not in workers())
    os.kill(master, signal.SIGHUP)  # all workers anew
    wait_for(lambda: counted() == asked and not first & workers() and len(workers()) == 2)
    asked += ask(10)

    assert {counted() for _ in range(6)} == {asked}
    assert 0 in processes(tmp_path)
