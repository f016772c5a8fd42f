"""Stands for the package of somebody who sends text messages."""

from __future__ import annotations


class UnreachableError(Exception):
    pass


class NumberError(Exception):
    pass


sent: list[dict[str, str]] = []
troubles: list[Exception] = []  # raised one by one, instead of sending
open_clients: list[Client] = []


class Client:
    def __init__(self, timeout: float) -> None:
        open_clients.append(self)

    def close(self) -> None:
        open_clients.remove(self)

    def send(self, **message: str) -> None:
        assert self in open_clients
        if troubles:
            raise troubles.pop(0)
        sent.append(message)
