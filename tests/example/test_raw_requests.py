"""Bytes that only a real server sees: requests that are hardly HTTP, sent by hand to the site under gunicorn."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.example.site import PRODUCTION, Server, Site, free_port

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows"),
]

LIST = b"/api/v1/products/"
LOGIN = (
    b"POST /api/v1/auth/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
)
GET = b"GET " + LIST + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    site = Site.copy_to(tmp_path_factory.mktemp("raw"))
    assert site.manage("migrate", "-v0", variables=PRODUCTION).returncode == 0
    port = free_port()
    gunicorn = (sys.executable, "-m", "gunicorn", "--chdir", str(site.folder), "--timeout", "20")
    options = ("--no-control-socket", "--bind", f"127.0.0.1:{port}")
    variables = {**PRODUCTION, "RATE_LIMITS": "off"}
    with site.serve(*gunicorn, *options, "shop.wsgi", variables=variables, port=port) as server:
        yield server


def send(server: Server, request: bytes) -> bytes:
    """What comes back, until the server or two seconds of silence end it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
        answer = b""
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except OSError:  # it has hung up, or says no more
            pass
        return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


REQUESTS = {
    "a header of 500 kB": GET + b"X-Long: " + b"x" * 500_000 + b"\r\n\r\n",
    "a token of 500 kB": GET + b"Authorization: Bearer " + b"x" * 500_000 + b"\r\n\r\n",
    "a type of 20 kB": LOGIN + b"Content-Length: 2\r\nX: y\r\nContent-Type: a/b; " + b"x" * 20_000 + b"\r\n\r\n{}",
    "5,000 headers": GET + b"".join(b"X-%d: y\r\n" % number for number in range(5_000)) + b"\r\n",
    "an address of 100 kB": b"GET " + LIST + b"?search=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "nothing": b"",
    "line breaks": b"\r\n" * 50,
    "a method of its own": b"EVIL " + LIST + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a method of odd bytes": b"G\xffT " + LIST + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"GET " + LIST + b"\r\n\r\n",
    "a version of its own": b"GET " + LIST + b" HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "a whole address": b"GET http://evil.example" + LIST + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "two hosts": GET + b"Host: evil.example\r\n\r\n",
    "a strange host": GET.replace(b"localhost", b"evil.example") + b"\r\n",
    "a broken host": GET.replace(b"localhost", b"<script>") + b"\r\n",
    "raw bytes in the address": GET.replace(LIST, LIST + b"?search=\xff\xfe") + b"\r\n",
    "raw bytes in a header": GET + b"Authorization: Bearer \xff\xfe\x80\r\n\r\n",
    "NUL in a header": GET + b"X-Nul: a\x00b\r\n\r\n",
    "a bare line feed": GET + b"X-A: b\n c: d\r\n\r\n",
    "a space before the colon": GET + b"Content-Length : 5\r\n\r\nhello",
    "underscores": GET + b"Content_Length: 5\r\nAuthorization_: x\r\n\r\n",
    "a length that is none": LOGIN + b"Content-Length: abc\r\n\r\n{}",
    "a length below zero": LOGIN + b"Content-Length: -1\r\n\r\n{}",
    "a huge length": LOGIN + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "a length with a plus": LOGIN + b"Content-Length: +2\r\n\r\n{}",
    "two lengths": LOGIN + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
    "more than the length": LOGIN + b"Content-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n\r\n",
    "less than the length": LOGIN + b"Content-Length: 500\r\n\r\n{}",
    "chunks and a length": LOGIN + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a chunk of no size": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk below zero": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "a huge chunk": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n{}",
    "a chunk that ends early": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{}",
    "chunks of more than the limit": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n200000\r\n" + b"[" * 0x200000 + b"\r\n0\r\n\r\n",
    "chunks twice": LOGIN + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "an unknown encoding": LOGIN + b"Transfer-Encoding: gzip\r\n\r\n\x1f\x8b",
    "a compressed body": LOGIN + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    "an expectation": LOGIN + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "an upgrade": GET.replace(b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n") + b"\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_it_is_refused_or_answered_and_the_server_goes_on(server: Server, name: str) -> None:
    answer = send(server, REQUESTS[name])
    assert status(answer) < 500 or status(answer) == 501, answer[:500]
    assert b"Traceback" not in answer
    assert server.get("/healthz/live").status == 200


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chunks", 400),
        ("a compressed body", 400),
        ("less than the length", 400),
        ("a strange host", 400),
        ("raw bytes in a header", 401),
        ("a method of its own", 405),
    ],
)
def test_what_reaches_the_site_is_answered_with_a_problem(server: Server, name: str, expected: int) -> None:
    answer = send(server, REQUESTS[name])
    assert status(answer) == expected, answer[:500]
    assert b"application/problem+json" in answer


def test_chunks_of_more_than_the_limit_are_refused(server: Server) -> None:
    """The log says so: who still sends when the server hangs up may lose the answer to a reset."""
    before = len(server.log.read_text(errors="replace"))
    send(server, REQUESTS["chunks of more than the limit"])
    assert server.get("/healthz/live").status == 200
    assert "POST /api/v1/auth/login/ 400 in" in server.log.read_text(errors="replace")[before:]


def test_nothing_of_all_that_was_an_error_of_ours(server: Server) -> None:
    for request in REQUESTS.values():
        send(server, request)
    log = server.log.read_text(errors="replace")
    assert "Internal Server Error" not in log
    assert "Error handling request" not in log
