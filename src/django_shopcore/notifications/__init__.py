"""News for people: an outbox written in the transaction of the event, delivered by a worker after its commit."""

from .kinds import Audience, Message, NotificationKind, Skip, register

__all__ = ["Audience", "Message", "NotificationKind", "Skip", "register"]
