"""A message as its recipient reads it: in their language and time zone, by templates that a site may override."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils import timezone, translation

from django_shopcore.core.links import site_host, site_url
from django_shopcore.core.users import email_of

from .conf import app_settings
from .kinds import Message, NotificationKind
from .models import OutboxMessage
from .preferences import Wishes
from .recipients import greeting_name, one_line
from .unsubscribing import unsubscribe_url

logger = logging.getLogger(__name__)


@dataclass
class Delivery:
    """A message on its way to one recipient; what a channel's ``send`` gets.

    ``user`` is ``None`` for an address without an account. ``address`` is where mail goes. ``data`` is the
    message's own, ``extra`` what the kind's ``prepare`` added.
    """

    kind: NotificationKind
    user: Any = None
    address: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    uuid: uuid.UUID = field(default_factory=uuid.uuid4)

    @classmethod
    def of_message(cls, kind: NotificationKind, message: Message, wishes: Wishes) -> Delivery:
        address = message.address or (email_of(message.user) if message.user is not None else "")
        return cls(kind, message.user, address, message.data, wishes=wishes)

    @classmethod
    def of_row(cls, kind: NotificationKind, row: OutboxMessage, extra: Mapping[str, Any], wishes: Wishes) -> Delivery:
        address = row.address or (email_of(row.user) if row.user is not None else "")
        return cls(kind, row.user, address, row.data, extra, wishes, row.message_uuid)

    @cached_property
    def unsubscribe_url(self) -> str:
        """A link that turns these mails off without a sign-in; ``""`` for security mail."""
        if self.kind.security:
            return ""
        return unsubscribe_url(self.kind, self.user, self.address, self.wishes.language)

    @cached_property
    def context(self) -> dict[str, Any]:
        """What the templates see: the message's data, and the names below, which win."""
        return {
            **self.data,
            **self.extra,
            "kind": self.kind,
            "user": self.user,
            "name": greeting_name(self.user) if self.user is not None else "",
            "address": self.address,
            "language": self.wishes.language,
            "time_zone": self.wishes.time_zone,
            "site_name": site_name(),
            "site_url": site_url(),
            "unsubscribe_url": self.unsubscribe_url,
        }

    def render(self, *parts: str) -> list[str]:
        """The kind's templates of these names, ``subject.txt`` for one; ``""`` for one that does not exist."""
        with self._as_recipient():
            return [self._render(part) for part in parts]

    def line(self) -> str:
        """The message in one line: ``message.txt``, or the kind's title where that is missing or broken.

        It never raises: a text must not undo the business that it tells about.
        """
        with self._as_recipient():
            try:
                line = self._render("message.txt")
            except Exception:
                logger.exception("The template %s cannot be rendered.", self.kind.template("message.txt"))
                line = ""
            return line or self.title

    @property
    def title(self) -> str:
        """What the kind is called, in the recipient's language."""
        with self._as_recipient():
            return str(self.kind.title)

    @contextmanager
    def _as_recipient(self) -> Iterator[None]:
        with translation.override(self.wishes.language), timezone.override(self.wishes.time_zone):
            yield

    def _render(self, part: str) -> str:
        template = self.kind.template(part)
        try:
            text = render_to_string(template, self.context)
        except TemplateDoesNotExist as exc:
            if exc.args[:1] != (template,):  # it is there, and what it extends or includes is not
                raise
            return ""
        return text if part.startswith("body") else one_line(text)


def site_name() -> str:
    return app_settings.SITE_NAME or site_host()
