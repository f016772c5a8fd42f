"""The site under gunicorn, with DEBUG off."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator

import pytest

from tests.example.site import HTTPS, PRODUCTION, Server, Site, free_port

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    site = Site.copy_to(tmp_path_factory.mktemp("served"))
    assert site.manage("migrate", "-v0", variables=PRODUCTION).returncode == 0
    port = free_port()
    gunicorn = (sys.executable, "-W", "error::UserWarning:django", "-m", "gunicorn", "--chdir", str(site.folder))
    options = ("--no-control-socket", "--bind", f"127.0.0.1:{port}")
    with site.serve(*gunicorn, *options, "shop.wsgi", variables=PRODUCTION, port=port) as server:
        yield server


def test_probes(server: Server) -> None:
    live, ready = server.get("/healthz/live", Host="10.0.0.7"), server.get("/healthz/ready", Host="10.0.0.7")

    assert (live.status, live.json) == (200, {"status": "ok"})
    checks = {"database": "ok", "cache": "ok", "outbox": "ok"}
    assert (ready.status, ready.json) == (200, {"status": "ok", "checks": checks, "outbox_lag_seconds": 0})
    assert server.get("/healthz/live", method="POST").status == 405


@pytest.mark.parametrize("page", ["/swagger/", "/redoc/"])
def test_pages_of_the_documentation_have_nothing_inline_and_nothing_from_elsewhere(server: Server, page: str) -> None:
    answer = server.get(page)
    policy = answer.headers["Content-Security-Policy"]

    assert answer.status == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert re.findall(r"<script[^>]*>([^<]+)", answer.text) == []
    links = re.findall(r'(?:src|href|spec-url|data-schema)="([^"]+)"', answer.text)
    assert len(links) >= 4
    assert all(link.startswith("/") for link in links)
    assert {server.get(link).status for link in links} == {200}


def test_the_root_leads_to_the_documentation(server: Server) -> None:
    assert "swagger-ui" in server.get("/").text


def test_the_schema_comes_as_json_and_as_yaml(server: Server) -> None:
    schema = server.get("/api/v1/schema/?format=json").json

    assert schema["openapi"] == "3.1.0"
    assert "/api/v1/products/" in schema["paths"]
    assert server.get("/api/v1/schema/", Accept="application/vnd.oai.openapi").text.startswith("openapi: 3.1.0")
    assert server.get("/api/v1/schema/?format=xml").headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/nothing/"),
        ("GET", "/api/v1/products"),
        ("POST", "/api/v1/products"),
        ("DELETE", "/api/v2/"),
        ("GET", "/api/v1/%00%0A%FF"),
    ],
)
def test_unknown_paths_of_the_api_are_problems(server: Server, method: str, path: str) -> None:
    answer = server.get(path, method=method)

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["code"] == "not_found"


def test_unknown_pages_and_hosts_are_answered_briefly(server: Server) -> None:
    page, host = server.get("/nothing/"), server.get("/api/v1/products/", Host="evil.example")

    assert (page.status, page.text) == (404, "There is nothing here.\n")
    assert (host.status, host.json["code"]) == (400, "bad_request")


def test_the_catalogue_is_served_with_every_security_header(server: Server) -> None:
    answer = server.get("/api/v1/products/")

    assert (answer.status, answer.json["results"]) == (200, [])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]


def test_a_request_id_is_taken_over_only_when_it_is_harmless(server: Server) -> None:
    for name in ("abc-1.2_3", "x" * 64):
        assert server.get("/healthz/live", X_Request_ID=name).headers["X-Request-ID"] == name
    for name in ("two words", "x" * 65, '"quoted"', "tést"):
        assert re.fullmatch("[0-9a-f]{32}", server.get("/healthz/live", X_Request_ID=name).headers["X-Request-ID"])


def test_the_log_has_a_json_line_for_a_request_without_its_query(server: Server) -> None:
    server.get("/api/v1/products/?search=hunter2", X_Request_ID="find-me", Authorization="Bearer hunter2")

    log = server.log.read_text()
    entry = next(json.loads(line) for line in log.splitlines() if "find-me" in line)
    assert entry.pop("time").endswith("+00:00")
    assert entry.pop("duration_ms") > 0
    assert entry.pop("message").startswith("GET /api/v1/products/ 401 in ")
    assert entry == {
        "level": "INFO",
        "logger": "shop.request",
        "request_id": "find-me",
        "method": "GET",
        "path": "/api/v1/products/",
        "status": 401,
        "user": None,
    }
    assert "hunter2" not in log


def test_a_browser_of_an_allowed_origin_may_read_the_answer(server: Server) -> None:
    local = server.get("/api/v1/products/", Origin="http://localhost:3000").headers
    other = server.get("/api/v1/products/", Origin="https://evil.example").headers
    asked = {"Access_Control_Request_Method": "PATCH", "Access_Control_Request_Headers": "authorization,if-match"}
    preflight = server.get("/api/v1/products/1/", "OPTIONS", Origin="http://localhost:3000", **asked).headers

    assert local["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "ETag" in local["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other
    assert "if-match" in preflight["Access-Control-Allow-Headers"]


def test_the_admin_has_a_form_to_sign_in(server: Server) -> None:
    answer = server.get("/admin/login/")

    assert answer.status == 200
    assert server.get(re.findall(r'href="([^"]+\.css)"', answer.text)[0]).status == 200


def test_failures_are_answered_without_details(site: Site) -> None:
    # A database without tables, and a Redis that is not there.
    variables = {**PRODUCTION, "DATABASE_URL": "sqlite:///empty", "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    code = "answers += [client.get('/healthz/ready'), client.get('/api/v1/products/')]\n"
    code += "answers += [client.get('/admin/shopcore_catalog/product/', headers={'cookie': 'sessionid=' + 'x' * 32})]"

    ready, products, admin = site.answers(code, {**variables, "ALLOWED_HOSTS": "testserver"})

    assert ready[0] == 503
    checks = {"database": "ok", "cache": "failing", "outbox": "unknown"}
    assert json.loads(ready[2]) == {"status": "failing", "checks": checks, "outbox_lag_seconds": None}
    assert (products[0], json.loads(products[2])["code"]) == (503, "service_unavailable")
    assert (admin[0], admin[2]) == (503, "The service is temporarily unavailable.\n")
    assert admin[1]["Retry-After"] == "5"


FROZEN = """
import gc
from shop.wsgi import application

before = len(gc.get_objects())
import shop.urls, django_shopcore.catalog.views
print(gc.get_freeze_count(), len(gc.get_objects()) - before, before)
"""


NAMED = """
import logging, os, shop.wsgi
from gunicorn.glogging import Logger
record = logging.makeLogRecord({"msg": "Worker exiting", "levelname": "INFO"})
print(os.getpid(), logging.Formatter(Logger.error_fmt).format(record), sep="|")
"""


def test_the_server_s_own_log_lines_name_their_process(site: Site) -> None:
    done = site.python(NAMED, PRODUCTION)
    assert done.returncode == 0, done.stderr
    process, line = done.stdout.strip().split("|")
    assert line.endswith(f"[{process}] [INFO] Worker exiting")


def test_the_collector_leaves_alone_what_is_loaded_before_the_first_request(fresh_site: Site) -> None:
    done = fresh_site.python(FROZEN, PRODUCTION)
    assert done.returncode == 0, done.stderr
    frozen, loaded_later, watched = map(int, done.stdout.split())
    assert frozen > 50_000
    assert loaded_later < 100, "the views were there"
    assert watched < 1000


EARLY = """
import json, sys
from shop.wsgi import application
from django.test import RequestFactory

def ask(number):
    environ = RequestFactory()._base_environ(PATH_INFO="/api/v1/products/", HTTP_HOST="localhost:8000")
    environ.pop("HTTP_COOKIE")
    environ["HTTP_X_REQUEST_ID"] = f"read-{number}"
    started = []
    body = b"".join(application(environ, lambda *seen: started.append(seen)))
    return [started[0][0], dict(started[0][1]), body.decode()]

answers = [ask(number) for number in range(3)]
application.application = None  # Django is gone
answers += [ask(number) for number in range(3, 5)]
from shop.metrics.measuring import registry
labels = {"method": "GET", "route": "/api/v1/products/"}
counts = [
    registry.get_sample_value("shop_http_requests_total", {**labels, "status": "200"}),
    registry.get_sample_value("shop_http_request_seconds_count", labels),
    registry.get_sample_value("shop_http_request_queries_count", labels),
    registry.get_sample_value("shop_http_request_queries_bucket", {**labels, "le": "0.0"}),
]
print(json.dumps([answers, counts]))
"""


@pytest.mark.parametrize("kept", [True, False])
def test_reads_that_are_answered_before_django_are_logged_and_counted_like_the_others(
    fresh_site: Site, redis_url: str, kept: bool
) -> None:
    variables = {**PRODUCTION, "REDIS_URL": redis_url, "SHOPCORE_CATALOG_CACHE": "600" if kept else "0"}
    assert fresh_site.manage("migrate", "-v0", variables=variables).returncode == 0
    done = fresh_site.python(EARLY, variables)
    assert done.returncode == 0, done.stderr
    answers, counts = json.loads(done.stdout)

    assert {status for status, *_ in answers} == {"200 OK"}
    assert len({body for *_, body in answers}) == 1
    names = [headers.pop("X-Request-ID") for _, headers, _ in answers]
    assert names == [f"read-{number}" for number in range(5)]
    assert len({json.dumps({**headers, "RateLimit": ""}, sort_keys=True) for _, headers, _ in answers}) == 1
    assert counts[:3] == [5, 5, 5]
    assert (counts[3] > 0) == kept, "requests without a query"
    lines = [json.loads(line) for line in done.stderr.splitlines() if '"shop.request"' in line]
    own = ("time", "duration_ms", "message", "request_id")
    assert [line["request_id"] for line in lines] == names
    assert {line["message"].rpartition(" in ")[0] for line in lines} == {"GET /api/v1/products/ 200"}
    assert len({json.dumps({k: v for k, v in line.items() if k not in own}, sort_keys=True) for line in lines}) == 1


LAGGING = """
from datetime import timedelta
from django.core.management import call_command
from django.utils import timezone
from django_shopcore.notifications.models import OutboxMessage
call_command("migrate", verbosity=0)
for minutes in (4, 6):
    ago = timezone.now() - timedelta(minutes=minutes)
    OutboxMessage.objects.create(dedupe_key=minutes, kind="welcome", channel="email", queued_at=ago)
    answers.append(client.get("/healthz/ready"))
"""


def test_an_outbox_that_lags_is_told_and_takes_no_process_out_of_rotation(fresh_site: Site) -> None:
    soon, late = fresh_site.answers(LAGGING, PRODUCTION)

    assert (soon[0], json.loads(soon[2])["checks"]["outbox"]) == (200, "ok")
    body = json.loads(late[2])
    assert (late[0], body["status"], body["checks"]["outbox"]) == (200, "ok", "lagging")
    assert 360 <= body["outbox_lag_seconds"] < 420


def test_without_a_database_the_lag_is_unknown(site: Site) -> None:
    variables = {**PRODUCTION, "DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/nothing"}

    [ready] = site.answers("answers.append(client.get('/healthz/ready'))", variables)

    checks = {"database": "failing", "cache": "ok", "outbox": "unknown"}
    assert ready[0] == 503
    assert json.loads(ready[2]) == {"status": "failing", "checks": checks, "outbox_lag_seconds": None}


def test_https_is_required_of_visitors_and_not_of_probes(site: Site) -> None:
    code = "answers += [client.get('/swagger/'), client.get('/healthz/live'), client.get('/swagger/', secure=True)]\n"
    code += "answers += [client.get('/swagger/', headers={'x-forwarded-proto': 'https'})]"

    plain, probe, secure, proxied = site.answers(code, {**HTTPS, "ALLOWED_HOSTS": "testserver"})

    assert (plain[0], plain[1]["Location"]) == (301, "https://testserver/swagger/")
    assert (probe[0], secure[0], proxied[0]) == (200, 200, 200)
    assert secure[1]["Strict-Transport-Security"] == "max-age=31536000"


def test_with_debug_unknown_paths_of_the_api_are_problems_too(site: Site) -> None:
    code = "answers += [client.post('/api/v1/products'), client.get('/api/v1/nothing/')]"

    answers = site.answers(code, {"DEBUG": "on", "ALLOWED_HOSTS": "testserver"})

    assert [(answer[0], answer[1]["Content-Type"]) for answer in answers] == [(404, "application/problem+json")] * 2


def test_collected_files_have_a_hash_in_their_names(fresh_site: Site) -> None:
    ignored = [option for app in ("admin", "drf_spectacular_sidecar", "rest_framework") for option in ("-i", app)]
    code = "import django; django.setup(); from django.templatetags.static import static"
    code += "; print(static('shop/docs.css'))"

    done = fresh_site.manage("collectstatic", "--no-input", *ignored, variables=PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"/static/shop/docs\.[0-9a-f]{12}\.css\n", fresh_site.python(code, PRODUCTION).stdout)


def test_the_schema_has_no_errors(site: Site) -> None:
    done = site.manage("spectacular", "--validate", "--fail-on-warn", "--file", "schema.yml", variables=PRODUCTION)

    assert (done.returncode, done.stderr) == (0, "")


ATTEMPTS = """
import django; django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
form = {"username": "admin@example.com", "password": "guess"}
answers = [Client().post("/admin/login/", form, HTTP_HOST="localhost") for _ in range(12)]
print([answer.status_code for answer in answers], answers[-1]["Retry-After"])
"""


def test_the_admin_log_in_is_limited_like_the_apis(fresh_site: Site) -> None:
    done = fresh_site.python(ATTEMPTS, PRODUCTION)

    assert done.returncode == 0, done.stderr
    codes, wait = done.stdout.rsplit(" ", 1)
    assert json.loads(codes) == [200] * 10 + [429] * 2
    assert 0 < int(wait) <= 60
