"""A real SMTP server on loopback that can be told to misbehave.

    with SmtpServer() as server:
        server.at["rcpt"] = "451 later"
        ...
        server.at.clear()

``python -m tests.notifications.smtp`` runs a sink in a process of its own: it prints its port, takes whatever
comes until its standard input closes, and then prints every Message-ID it got, one a line.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from types import TracebackType
from typing import Any

from aiosmtpd.smtp import SMTP

STAGES = ("connect", "ehlo", "mail", "rcpt", "data", "body", "accepted")
HANG = "never answer"
DROP = "close the connection"

# A reply, HANG or DROP; or a function of the command's argument that returns one of them, or None for the usual.
Reaction = str | Callable[[str], str | None]


@dataclass(frozen=True)
class Received:
    to: str
    content: bytes

    @property
    def mail(self) -> Message:
        return message_from_bytes(self.content)

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])


class SmtpServer:
    """Listens from the start of its ``with`` block to the end, in a thread.

    ``at`` says what happens at a stage of the conversation instead of the usual: ``connect`` before the
    greeting, ``ehlo``, ``mail``, ``rcpt`` and ``data`` in answer to these commands, ``body`` once the whole
    mail is there, ``accepted`` when the mail is taken but its sender has not been told. ``received`` is what
    was taken, in its order.
    """

    def __init__(self) -> None:
        self.port = 0
        self.at: dict[str, Reaction] = {}
        self.received: list[Received] = []
        self.met: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # of clients that were killed
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> SmtpServer:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *exc: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.refuse()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def listen(self) -> None:
        """Takes connections, on the same port as before."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def refuse(self) -> None:
        """Closes the port and every connection: who comes now is refused."""
        asyncio.run_coroutine_threadsafe(self._refuse(), self._loop).result(10)

    def message_ids(self) -> Counter[str]:
        return Counter(received.message_id for received in self.received)

    async def handle_DATA(self, conversation: _Conversation, session: Any, envelope: Any) -> str:  # noqa: N802
        if await conversation.reacts("body"):
            return ""
        self.received.extend(Received(to, envelope.original_content) for to in envelope.rcpt_tos)
        return "" if await conversation.reacts("accepted") else "250 OK"

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await self._loop.create_server(lambda: _Conversation(self), "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            for listening in self._server.sockets:
                self._loop.remove_reader(listening.fileno())
            # A connection that was accepted a moment ago joins the server now: asyncio loses those that come
            # after close(), and leaves their sockets to the garbage collector.
            await asyncio.sleep(0.01)
            self._server.close()
            self._server = None
        self._abort()

    def _abort(self) -> None:
        for transport in self._transports:
            transport.abort()

    async def _end(self) -> None:
        await asyncio.sleep(0.01)  # for who was let in at the last moment
        self._abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # aborted connections are closed in the loop's next round


class _Conversation(SMTP):
    def __init__(self, server: SmtpServer) -> None:
        super().__init__(server, enable_SMTPUTF8=True, loop=server._loop, hostname="localhost", ident="sink")
        self.owner = server

    def connection_made(self, transport: Any) -> None:
        self.owner._transports.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.owner._transports.discard(self.transport)  # type: ignore[arg-type]
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        if not await self.reacts("connect"):
            await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self.reacts("ehlo", hostname):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        # What a client says whose EHLO was not understood.
        if not await self.reacts("ehlo", hostname):
            await super().smtp_HELO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        if not await self.reacts("mail", arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        if not await self.reacts("rcpt", arg):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self.reacts("data", arg):
            await super().smtp_DATA(arg)

    async def push(self, status: Any) -> None:
        if status:  # an empty one: reacts() has answered
            await super().push(status)

    async def reacts(self, stage: str, argument: str | None = None) -> bool:
        """Whether this stage is answered already, if only by silence."""
        self.owner.met[stage] += 1
        reaction = self.owner.at.get(stage)
        if callable(reaction):
            reaction = reaction(argument or "")
        if reaction is None:
            return False
        if reaction == HANG:
            await asyncio.Event().wait()  # until the client goes away
        elif reaction == DROP:
            self.transport.abort()  # type: ignore[union-attr]
        else:
            await self.push(reaction)
            if stage == "connect" or reaction.startswith("421"):
                self.transport.close()  # type: ignore[union-attr]
        return True


def main() -> None:
    with SmtpServer() as server:
        print(server.port, flush=True)
        sys.stdin.read()
    for received in server.received:
        print(received.message_id)


if __name__ == "__main__":
    main()
