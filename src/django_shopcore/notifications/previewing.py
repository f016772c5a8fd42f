"""Every mail as it would go out, made of the kinds' samples: for a look at templates, and for the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives

from django_shopcore.core.users import column, email_column

from .channels import EmailChannel, configured_channels
from .kinds import NotificationKind, kinds
from .models import Preferences
from .preferences import Wishes
from .rendering import Delivery

ADDRESS = "ada@example.com"
NAMES = {"first_name": "Ada", "last_name": "Lovelace"}


@dataclass(frozen=True)
class Preview:
    """A mail to nobody."""

    kind: NotificationKind
    message: EmailMultiAlternatives

    @property
    def subject(self) -> str:
        return str(self.message.subject)

    @property
    def text(self) -> str:
        return str(self.message.body)

    @cached_property
    def html(self) -> str:
        """The HTML alternative; ``""`` for a mail without one."""
        bodies = (content for content, mimetype in self.message.alternatives if mimetype == "text/html")
        return str(next(bodies, ""))


def previews(language: str = "") -> list[Preview]:
    """A mail of each kind that is told by mail, by name. Needs no database.

    ``language`` is a code of ``LANGUAGES``; without one, it is the site's.
    """
    email = _email_channel()
    user, wishes = sample_user(), Wishes(Preferences(language=language))
    mails = [kind for kind in kinds() if email.takes(kind)]
    return [
        Preview(kind, email.message(Delivery(kind, user, ADDRESS, extra=kind.sample, wishes=wishes))) for kind in mails
    ]


def sample_user() -> Any:
    """Somebody of the site's user model, not saved."""
    model = get_user_model()
    names = {name: value for name, value in NAMES.items() if column(name)}
    return model(**{email_column(): ADDRESS}, **names)


def _email_channel() -> EmailChannel:
    """The site's own, if it has one."""
    return next((channel for channel in configured_channels() if isinstance(channel, EmailChannel)), EmailChannel())
