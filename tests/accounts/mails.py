"""What reached people's mailboxes, for sites that have notifications."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from rest_framework.test import APIClient

from django_shopcore.accounts.link_tokens import LinkTokens

API = "/api/v1/auth/"


def post(path: str, body: dict[str, Any], **meta: Any) -> Any:
    """What a client without credentials gets from ``auth/<path>``."""
    return APIClient().post(f"{API}{path}", body, **meta)


def deliver() -> list[Any]:
    """The mails that a worker sends now."""
    from django_shopcore.notifications.worker import drain

    before = len(mail.outbox)
    assert not drain()["retried"]
    return mail.outbox[before:]


def deliver_to(address: str) -> Any:
    """The one mail that a worker sends to ``address`` now."""
    [message] = [message for message in deliver() if message.to == [address]]
    return message


def link_in(message: Any) -> str:
    """The link in a mail, which is the same in its text and its HTML."""
    [link] = [line for line in message.body.splitlines() if "token=" in line and "/notifications/" not in line]
    [(html, _)] = message.alternatives
    assert link.replace("&", "&amp;") in html
    return link


def credentials_in(message: Any) -> dict[str, str]:
    """``uid`` and ``token`` of the link in a mail."""
    query = parse_qs(urlsplit(link_in(message)).query, strict_parsing=True)
    assert set(query) == {"uid", "token"}
    return {name: values[0] for name, values in query.items()}


def posted() -> list[tuple[str, str, str]]:
    """Kind, recipient and state of all messages in the outbox."""
    from django_shopcore.notifications.models import OutboxMessage

    rows = OutboxMessage.objects.select_related("user").order_by("id")
    return [(row.kind, row.address or row.user.email, row.state) for row in rows]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Lets the clock by which links expire be ``seconds`` ahead."""
    moment = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=seconds)
    monkeypatch.setattr(LinkTokens, "_now", lambda self: moment)
