"""The ways a message takes to its recipient.

A site adds its own with one class, named in ``SHOPCORE_NOTIFICATIONS_CHANNELS``::

    class SmsChannel(Channel):
        name = "sms"

        def takes(self, kind):
            return kind.security

        def send(self, delivery):
            provider.send(delivery.user.phone, delivery.line())
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import django
from django.core import mail
from django.template import TemplateDoesNotExist
from django.utils.module_loading import import_string

from django_shopcore.core.links import site_host

from .conf import app_settings
from .kinds import NotificationKind, Skip
from .mails import Mail
from .models import Notification, OptOut

if TYPE_CHECKING:
    from .rendering import Delivery

logger = logging.getLogger(__name__)

GOING_DOWN = 421  # RFC 5321: the server closes the connection
ONE_MESSAGE_IS_WRONG = (400, 413, 422)  # HTTP: answers of mail providers' interfaces to a single message
SMTP_TIMEOUT = 10  # seconds, for a site that sets none: a server that hangs must not hold the worker


class ChannelDown(Exception):  # noqa: N818 - a word of the worker, not a fault
    """The way itself does not work at present: the worker leaves its messages alone for some seconds."""


class Refused(Exception):  # noqa: N818 - a word of the worker, not a fault
    """The other side will not have this message, now or later: it is given up after some tries."""


class Channel:
    """A way to deliver. One instance serves one batch of messages at a time.

    ``name`` is its name in the API and in settings. A ``deferred`` channel delivers after the commit, in the
    worker, by ``send``; the others write to the database, in the transaction of the event, by ``store``.
    ``takes_addresses``: it can reach an e-mail address without an account.
    """

    name: ClassVar[str]
    deferred: ClassVar[bool] = True
    takes_addresses: ClassVar[bool] = False

    def takes(self, kind: NotificationKind) -> bool:
        """Whether messages of ``kind`` go this way: by default those whose declaration says so."""
        return self.name in kind.channels

    def open(self) -> None:
        """Called before a batch; raises ``ChannelDown`` when there is no way now."""

    def close(self) -> None:
        """Called after a batch, also after one that failed. Must not raise."""

    def send(self, delivery: Delivery) -> None:
        """Delivers one message, within the seconds of ``SHOPCORE_NOTIFICATIONS_LEASE``.

        Returns when it is delivered. Raises ``Skip`` when there is nothing to deliver, ``ChannelDown`` when
        the way does not work, ``Refused`` when trying again is useless; anything else is tried again.
        """
        raise NotImplementedError

    def store(self, deliveries: Sequence[Delivery]) -> None:
        """Writes messages of a channel that is not deferred."""
        raise NotImplementedError


class EmailChannel(Channel):
    """E-mail by whatever Django is configured with."""

    name = "email"
    takes_addresses = True
    connection: Any = None

    def open(self) -> None:
        self.connection = mail_connection()
        if getattr(self.connection, "timeout", SMTP_TIMEOUT) is None:
            self.connection.timeout = SMTP_TIMEOUT
        try:
            self.connection.open()
        except (OSError, smtplib.SMTPException) as exc:
            raise ChannelDown(f"{type(exc).__name__}: {exc}") from exc

    def close(self) -> None:
        try:
            self.connection.close()
        except Exception as exc:  # noqa: BLE001 - each backend has errors of its own, and the mails are out
            logger.info("The mail connection did not close: %s", exc)

    def send(self, delivery: Delivery) -> None:
        if not delivery.address:
            raise Skip("The user has no address.")
        if delivery.user is None and _opted_out(delivery):
            raise Skip("The address does not want these.")
        message = self.message(delivery)  # outside: what it raises is no fault of the connection
        try:
            self.connection.send_messages([message])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as exc:
            if GOING_DOWN in (codes := _codes(exc)):
                raise ChannelDown(f"{type(exc).__name__}: {exc}") from exc
            if any(code < 500 for code in codes):
                raise
            raise Refused(f"{type(exc).__name__}: {exc}") from exc
        except (OSError, smtplib.SMTPException) as exc:
            if getattr(exc, "status_code", None) in ONE_MESSAGE_IS_WRONG:
                raise
            raise ChannelDown(f"{type(exc).__name__}: {exc}") from exc

    def message(self, delivery: Delivery) -> Mail:
        """The mail; override it to add headers or attachments. Raises ``TemplateDoesNotExist`` without a text."""
        subject, text, html = delivery.render("subject.txt", "body.txt", "body.html")
        subject = subject or delivery.title
        if not text:
            raise TemplateDoesNotExist(delivery.kind.template("body.txt"))
        message = Mail(subject, text.strip() + "\n", to=[delivery.address], headers=headers(delivery))
        if html:
            message.attach_alternative(html, "text/html")
        return message


def headers(delivery: Delivery) -> dict[str, str]:
    """A Message-ID that stays the same when a mail goes out again, and how to unsubscribe (RFC 2369, 8058)."""
    result = {
        "Message-ID": f"<{delivery.uuid.hex}@{site_host() or 'localhost'}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday replies
    }
    if delivery.unsubscribe_url:
        result["List-Unsubscribe"] = f"<{delivery.unsubscribe_url}>"
        result["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return result


def _codes(exc: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> list[int]:
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in exc.recipients.values()]
    return [exc.smtp_code]


def mail_connection() -> Any:
    """Django's mail backend of this site, not opened yet."""
    if django.VERSION >= (6, 1):
        return mail.mailers.default
    return mail.get_connection()


def _opted_out(delivery: Delivery) -> bool:
    if delivery.kind.security:
        return False
    return OptOut.objects.filter(address=delivery.address.lower(), kind=delivery.kind.name).exists()


class InAppChannel(Channel):
    """A line in the user's inbox, there as soon as the event's transaction commits."""

    name = "in_app"
    deferred = False

    def store(self, deliveries: Sequence[Delivery]) -> None:
        Notification.objects.bulk_create(
            Notification(user=delivery.user, kind=delivery.kind.name, message=delivery.line(), data=dict(delivery.data))
            for delivery in deliveries
        )


class LogChannel(Channel):
    """Writes a line to the log for every message; for tests and for a first look."""

    name = "log"
    takes_addresses = True

    def takes(self, kind: NotificationKind) -> bool:
        return True

    def send(self, delivery: Delivery) -> None:
        logger.info("%s to %s: %s", delivery.kind.name, delivery.address or delivery.user, delivery.line())


def configured_channels() -> list[Channel]:
    """An instance of each class in ``SHOPCORE_NOTIFICATIONS_CHANNELS``."""
    classes: list[type[Channel]] = [import_string(path) for path in app_settings.CHANNELS]
    return [channel() for channel in classes]


def channel_names() -> list[str]:
    return [channel.name for channel in configured_channels()]
