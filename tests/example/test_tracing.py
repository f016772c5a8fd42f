"""The recipe of docs/how-to/observability.md, taken from the page, under gunicorn on PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests import servers
from tests.example.site import EXAMPLE, PRODUCTION, Server, Site, free_port

pytest.importorskip("opentelemetry.instrumentation.django", reason="needs the dependency group otel")
pytest.importorskip("opentelemetry.instrumentation.psycopg", reason="needs the dependency group otel")

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows"),
]

PAGE = EXAMPLE.parent / "docs/how-to/observability.md"
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01", "X-Request-ID": "of-a-test"}


def wait_for(find: Callable[[], Any]) -> Any:
    for _ in range(300):
        if found := find():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


@pytest.fixture
def traced(fresh_site: Site) -> Callable[..., Any]:
    """Starts the site as the page says. No table is there: what is asked for here needs none."""
    blocks = dict(re.findall(r"```python\n# shop/(\w+\.py)\n(.*?)```", PAGE.read_text(), re.DOTALL))
    assert sorted(blocks) == ["tracing.py", "wsgi.py"]
    for name, code in blocks.items():
        (fresh_site.folder / "shop" / name).write_text(code)

    def serve(**variables: str) -> Any:
        port = free_port()
        gunicorn = (sys.executable, "-m", "gunicorn", "--chdir", str(fresh_site.folder), "--no-control-socket")
        quick = {"DATABASE_URL": servers.database_url(), "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_SERVICE_NAME": "shop"}
        command = (*gunicorn, "--workers", "2", "--bind", f"127.0.0.1:{port}", "shop.wsgi")
        return fresh_site.serve(*command, variables={**PRODUCTION, **quick, **variables}, port=port)

    return serve


def objects(log: Path) -> list[Any]:
    """The JSON objects of a log, spans over several lines and log lines alike."""
    text, found = log.read_text(), []
    for begin in re.finditer(r"^\{", text, re.MULTILINE):
        try:
            found.append(json.JSONDecoder().raw_decode(text, begin.start())[0])
        except ValueError:  # not written to its end yet
            break
    return found


def spans(server: Server, trace: str) -> list[Any]:
    return [found for found in objects(server.log) if found.get("context", {}).get("trace_id") == f"0x{trace}"]


def test_requests_and_their_queries_have_spans_of_one_trace_and_log_lines_name_it(traced: Any) -> None:
    with traced(OTEL_TRACES_EXPORTER="console") as server:
        server.get("/healthz/ready", **HEADERS)
        request = wait_for(lambda: [span for span in spans(server, CALLER) if span["kind"] == "SpanKind.SERVER"])[0]
        queries = [span for span in spans(server, CALLER) if span["kind"] == "SpanKind.CLIENT"]
        lines = [line for line in objects(server.log) if line.get("request_id") == "of-a-test"]

    assert request["parent_id"] == "0x00f067aa0ba902b7"
    assert request["attributes"]["shop.request_id"] == "of-a-test"
    assert request["resource"]["attributes"]["service.name"] == "shop"
    assert "SELECT 1" in [span["attributes"]["db.statement"] for span in queries]
    assert {span["parent_id"] for span in queries} == {request["context"]["span_id"]}
    # The outbox has no table here, which the log says.
    assert lines
    assert {line["trace_id"] for line in lines} == {CALLER}


@pytest.mark.parametrize("names", ["default", "http"])  # older and newer names of attributes
def test_a_span_has_the_route_for_its_name_and_no_query_of_the_address(traced: Any, names: str) -> None:
    variables = {"OTEL_PYTHON_DJANGO_EXCLUDED_URLS": "healthz/,metrics", "OTEL_SEMCONV_STABILITY_OPT_IN": names}
    with traced(OTEL_TRACES_EXPORTER="console", **variables) as server:
        for path in ("/healthz/live", "/metrics"):
            server.get(path, **HEADERS)
        server.get("/api/v1/schema/?format=json&secret=hunter2", **HEADERS)
        wait_for(lambda: spans(server, CALLER))
        time.sleep(0.5)  # for spans that should not come
        [span] = [span for span in spans(server, CALLER) if span["kind"] == "SpanKind.SERVER"]

    assert span["name"] == "GET api/v1/schema/"
    assert span["attributes"]["http.url"] == "/api/v1/schema/"
    assert "hunter2" not in json.dumps(span)


class Collector(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        self.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_by_default_spans_go_to_a_collector(traced: Any) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    Collector.received = []
    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = Thread(target=collector.serve_forever)
        thread.start()
        try:
            with traced(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}") as server:
                server.get("/api/v1/schema/", **HEADERS)
                path, body = wait_for(lambda: Collector.received)[0]
        finally:
            collector.shutdown()
            thread.join()

    [resource] = ExportTraceServiceRequest.FromString(body).resource_spans
    [span] = resource.scope_spans[0].spans
    assert (path, span.name, span.trace_id.hex()) == ("/v1/traces", "GET api/v1/schema/", CALLER)
