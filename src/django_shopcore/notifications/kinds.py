"""What there is to tell: a feature declares its notifications in its own ``notifications.py``.

    register(
        NotificationKind(
            name="welcome",
            title=_("Welcome"),
            event=signals.user_registered,
            messages=lambda user, **kwargs: [Message(user=user, key=f"{user.pk}")],
        )
    )

The event is sent inside the transaction of the business; what ``messages`` returns is written in the same
transaction, so it goes out if and only if that commits.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.dispatch import Signal

if TYPE_CHECKING:
    from .models import OutboxMessage


class Audience(enum.Enum):
    """Who may get a kind, and so finds it among the preferences."""

    EVERYONE = "everyone"
    ADMINS = "admins"


class Skip(Exception):  # noqa: N818 - a word of the worker, not a fault
    """Raised by ``prepare``: there is nothing (any more) to deliver. Its text is kept with the message."""


@dataclass(frozen=True)
class Message:
    """What one event tells one recipient: a ``user``, or an e-mail ``address`` without an account.

    ``data`` is JSON: templates see it, the inbox shows it. Two messages of one kind with the same ``key`` for
    the same recipient are one, ever; without a key each is its own. With ``user`` and ``address`` both, mail
    goes to that address instead of the user's present one, in the user's language. ``channels`` narrows the
    kind's channels for this message.
    """

    user: Any = None
    address: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    channels: tuple[str, ...] | None = None


def _nothing_to_add(message: OutboxMessage) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class NotificationKind:
    """A notification, declared once.

    ``title`` names it in the preferences. ``messages`` gets the event's arguments and returns the messages;
    ``event`` is a signal, several, or ``None`` for what is posted by other means. ``channels`` are names of
    channels; one that the site does not configure is left out. ``security`` mail cannot be turned off and is
    not collected in digests. ``prepare`` runs in the worker just before delivery and adds to the templates'
    context what must not be stored (a token) or not be looked up during the request (whether there is an
    account); it may set ``message.user`` and raise ``Skip``. ``sample`` is a context for previews, what
    ``prepare`` adds included.

    The templates are ``shopcore/notifications/NAME/subject.txt``, ``body.txt``, ``body.html`` and
    ``message.txt``, a line for the inbox and for digests.
    """

    name: str
    title: Any
    event: Signal | Sequence[Signal] | None
    messages: Callable[..., Iterable[Message]]
    channels: tuple[str, ...] = ("email", "in_app")
    audience: Audience = Audience.EVERYONE
    security: bool = False
    prepare: Callable[[OutboxMessage], Mapping[str, Any]] = _nothing_to_add
    sample: Mapping[str, Any] = field(default_factory=dict)

    def template(self, part: str) -> str:
        return f"shopcore/notifications/{self.name}/{part}"


_kinds: dict[str, NotificationKind] = {}


def register(kind: NotificationKind) -> NotificationKind:
    """Declares a notification, in the ``ready()`` of its app; from then on its event is listened to."""
    _kinds[kind.name] = kind

    def receive(sender: Any, signal: Any, **event: Any) -> None:
        from .posting import post

        post(kind, kind.messages(**event))

    for signal in [kind.event] if isinstance(kind.event, Signal) else kind.event or ():
        signal.connect(receive, weak=False, dispatch_uid=f"shopcore_notifications.{kind.name}")
    return kind


def kinds() -> list[NotificationKind]:
    """Every declared notification, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def kind_named(name: str) -> NotificationKind | None:
    return _kinds.get(name)
