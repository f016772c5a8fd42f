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

    ``data`` is JSON: templates see it, the inbox shows it. On the channels that deliver from the outbox, two
    messages of one kind with the same ``key`` for the same recipient are one as long as the outbox keeps the
    first; without a key each is its own. With ``user`` and ``address`` both, mail goes to that address instead
    of the user's present one, in the user's language. ``channels`` narrows the kind's channels for this message.
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
    not collected in digests, nor is what is not ``collectable``. ``prepare`` runs in the worker just before
    delivery and adds to the templates' context what must not be stored (a token) or not be looked up during
    the request (whether there is an account); it may set ``message.user`` and raise ``Skip``. ``sample`` is a
    context for previews, what ``prepare`` adds included.

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
    collectable: bool = True
    prepare: Callable[[OutboxMessage], Mapping[str, Any]] = _nothing_to_add
    sample: Mapping[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> Sequence[Signal]:
        return [self.event] if isinstance(self.event, Signal) else self.event or ()

    @property
    def may_wait(self) -> bool:
        """Whether a digest may collect it."""
        return self.collectable and not self.security

    def template(self, part: str) -> str:
        return f"shopcore/notifications/{self.name}/{part}"


_kinds: dict[str, NotificationKind] = {}


def register(kind: NotificationKind) -> NotificationKind:
    """Declares a notification, in the ``ready()`` of its app; from then on its events are listened to.

    It takes the place of an earlier one of the same name, so a site can change what a feature declares.
    """
    unregister(kind.name)
    _kinds[kind.name] = kind

    def receive(sender: Any, signal: Any, **event: Any) -> None:
        from .posting import post

        post(kind, kind.messages(**event))

    for signal in kind.events:
        signal.connect(receive, weak=False, dispatch_uid=_receiver_id(kind.name))
    return kind


def unregister(name: str) -> None:
    """Takes a declaration back; without one of this name it does nothing."""
    kind = _kinds.pop(name, None)
    for signal in kind.events if kind else ():
        signal.disconnect(dispatch_uid=_receiver_id(name))


def _receiver_id(name: str) -> str:
    return f"shopcore_notifications.{name}"


def kinds() -> list[NotificationKind]:
    """Every declared notification, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def kind_named(name: str) -> NotificationKind | None:
    return _kinds.get(name)
