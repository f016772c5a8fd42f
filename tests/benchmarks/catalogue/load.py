"""Load for a server on this machine: requests one after the other on each of a few connections.

``wrk`` does it where it is installed. Otherwise this module runs as a process of its own and sends prepared bytes
over plain sockets; the page on performance says how far from being the bottleneck it is.
"""

from __future__ import annotations

import itertools
import json
import re
import selectors
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from .peers import PACKAGE, ROOT, environment

SCRIPT = Path(__file__).with_name("wrk.lua")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    requests_per_second: float
    p50: float  # milliseconds
    p99: float
    errors: int


def generators() -> list[str]:
    return ["wrk", "python"] if shutil.which("wrk") else ["python"]


def send(
    generator: str, port: int, paths: Path, *, connections: int, seconds: int, headers: dict[str, str] | None = None
) -> Sample:
    """Requests for the lines of the file ``paths`` in turn."""
    extra = [f"{name}: {value}" for name, value in (headers or {}).items()]
    if generator == "wrk":
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(SCRIPT)]
        command = ["wrk", *options, f"http://127.0.0.1:{port}", "--", str(paths), *extra]
    else:
        numbers = [str(number) for number in (port, connections, seconds)]
        command = [sys.executable, "-m", f"{PACKAGE}.load", *numbers, str(paths), *extra]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    answer = re.search(r"^\{.*\}$", done.stdout, re.MULTILINE)
    if answer is None:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return Sample(**json.loads(answer[0]))


class Client:
    """A connection, the request that it waits for, and what has come of the answer."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.address, self.selector = ("127.0.0.1", port), selector
        self.socket: socket.socket | None = None

    def send(self, request: bytes) -> None:
        self.begin = time.perf_counter()
        self.received, self.expected, self.length = b"", 0, 0
        if self.socket is None:
            self.socket = socket.create_connection(self.address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(self.socket, selectors.EVENT_READ, self)
        self.socket.sendall(request)

    def read(self) -> int | None:
        """The status, once the answer is complete; 0 for one that broke off."""
        assert self.socket
        chunk = self.socket.recv(262_144)
        self.length += len(chunk)
        if not self.expected:
            self.received += chunk
            end = self.received.find(b"\r\n\r\n")
            if end >= 0:
                self.head = self.received[:end]
                body = LENGTH.search(self.head)
                self.expected = end + 4 + (int(body[1]) if body else 0)
        if chunk and not (self.expected and self.length >= self.expected):
            return None
        if not chunk or CLOSES.search(self.head):
            self.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None
        return int(self.head[9:12]) if self.expected and self.length >= self.expected else 0


def run(port: int, connections: int, seconds: float, requests: list[bytes]) -> Sample:
    """For ``seconds``, and until what is on its way then has been answered."""
    selector, times, errors = selectors.DefaultSelector(), [], 0
    turns = itertools.cycle(requests)
    begin = time.perf_counter()
    for _ in range(connections):
        Client(port, selector).send(next(turns))
    waiting = connections
    while waiting:
        for key, _ in selector.select():
            client = key.data
            status = client.read()
            if status is None:
                continue
            now = time.perf_counter()
            times.append(now - client.begin)
            errors += not 200 <= status < 400
            if now < begin + seconds:
                client.send(next(turns))
            else:
                waiting -= 1
    rate = len(times) / (time.perf_counter() - begin)
    times.sort()
    return Sample(rate, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000, errors)


def main(port: str, connections: str, seconds: str, paths: str, *headers: str) -> None:
    lines = "".join(f"{header}\r\n" for header in (f"Host: 127.0.0.1:{port}", "Accept: application/json", *headers))
    requests = [f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode() for path in Path(paths).read_text().split()]
    print(json.dumps(asdict(run(int(port), int(connections), float(seconds), requests))))


if __name__ == "__main__":
    main(*sys.argv[1:])
