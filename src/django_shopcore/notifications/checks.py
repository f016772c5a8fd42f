"""System checks of the notifications' settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.module_loading import import_string

from django_shopcore.core.conf import core_settings

from .channels import Channel
from .conf import app_settings
from .kinds import kinds

MAX_NAME = 50  # as in the outbox
DJANGOS_SENDER = "webmaster@localhost"
STEPS = 4  # of an SMTP dialogue that may each take as long as the time-out; the worker's batches end by it too


@register(Tags.compatibility)
def check_site_url(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E301: mails have links, and no address to start them with."""
    url = core_settings.SITE_URL
    if _is_address(url) or not any(channel.deferred for channel in _channels()):
        return []
    message = f"SHOPCORE_SITE_URL is no address: {url!r}." if url else "SHOPCORE_SITE_URL is not set."
    hint = "Mails link to it. Set it to the address of the site, such as https://shop.example (xn--… for an umlaut)."
    return [Error(message, hint=hint, id="shopcore.E301")]


def _is_address(url: Any) -> bool:
    try:
        parts = urlsplit(str(url))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and str(url).isascii()
    except ValueError:  # brackets that are not of an IPv6 address
        return False


@register(Tags.compatibility)
def check_channels(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E302: a channel that is none, that has no name, or the name of another."""
    hint = "Name subclasses of django_shopcore.notifications.channels.Channel, each with a `name` of its own."
    faults = [fault for path, found in _configured() if (fault := _fault(path, found))]
    counts = Counter(channel.name for channel in _channels())
    faults += [f"{number} channels have the name {name!r}" for name, number in counts.items() if number > 1]
    return [Error(f"SHOPCORE_NOTIFICATIONS_CHANNELS: {fault}.", hint=hint, id="shopcore.E302") for fault in faults]


def _configured() -> Iterator[tuple[str, Any]]:
    """What the paths in the setting name; those that do not import are reported elsewhere."""
    for path in _list(app_settings.CHANNELS):
        try:
            yield path, import_string(path)
        except ImportError:
            continue


def _list(value: Any) -> list[str]:
    """The texts in a setting; what is none, and a setting of another kind, is reported elsewhere."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


def _channels() -> list[type[Channel]]:
    return [found for path, found in _configured() if not _fault(path, found)]


def _fault(path: str, found: Any) -> str:
    if not (isinstance(found, type) and issubclass(found, Channel)):
        return f"{path} is no Channel"
    name = getattr(found, "name", "")
    if not (isinstance(name, str) and 0 < len(name) <= MAX_NAME and ":" not in name):
        return f"{path} needs a `name` of 1 to {MAX_NAME} characters without a colon"
    return ""


@register(Tags.compatibility)
def check_disabled(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W301: something is switched off that does not exist."""
    names = [kind.name for kind in kinds()]
    channels = {channel.name for channel in _channels()}
    unknown = []
    for entry in _list(app_settings.DISABLED):
        name, colon, channel = entry.partition(":")
        if name not in names or (colon and channel not in channels):
            unknown.append(entry)
    hint = f"KIND or KIND:CHANNEL. Kinds: {', '.join(names)}. Channels: {', '.join(sorted(channels))}."
    message = "SHOPCORE_NOTIFICATIONS_DISABLED: there is no {!r}."
    return [Warning(message.format(entry), hint=hint, id="shopcore.W301") for entry in unknown]


@register(Tags.compatibility)
def check_digests(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E303: an hour or a day that does not exist."""
    limits = {"DIGEST_HOUR": (app_settings.DIGEST_HOUR, 23), "DIGEST_WEEKDAY": (app_settings.DIGEST_WEEKDAY, 6)}
    return [
        Error(
            f"SHOPCORE_NOTIFICATIONS_{name} must be from 0 to {last}.",
            hint="Hours are those of the recipient's clock; days count from Monday, which is 0.",
            id="shopcore.E303",
        )
        for name, (value, last) in limits.items()
        if isinstance(value, int) and value > last
    ]


@register(Tags.compatibility)
def check_admin_emails(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E304: an address that is none."""
    messages: list[CheckMessage] = []
    for address in _list(app_settings.ADMIN_EMAILS):
        try:
            validate_email(address.strip())
        except ValidationError:
            message = f"SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS: {address!r} is no e-mail address."
            hint = "The address alone, without a name: admin@shop.example."
            messages.append(Error(message, hint=hint, id="shopcore.E304"))
    return messages


@register(Tags.security, deploy=True)
def check_sender(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W302: mails come from Django's default address, which no server accepts."""
    by_mail = any(channel.name == "email" for channel in _channels())
    if settings.DEBUG or not by_mail or settings.DEFAULT_FROM_EMAIL != DJANGOS_SENDER:
        return []
    hint = "Set DEFAULT_FROM_EMAIL to an address of the site's domain."
    return [Warning(f"Mails come from {DJANGOS_SENDER}.", hint=hint, id="shopcore.W302")]


@register(Tags.compatibility)
def check_timeout(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W303: a mail server that hangs could hold a message for longer than the worker's lease on it."""
    timeout, longest = _mail_timeout(), app_settings.LEASE / STEPS
    if not isinstance(timeout, (int, float)) or timeout <= longest:
        return []
    hint = f"At most {longest:g}, or a longer SHOPCORE_NOTIFICATIONS_LEASE: otherwise mails may go out twice."
    return [Warning(f"The time-out of mail is {timeout:g} seconds.", hint=hint, id="shopcore.W303")]


def _mail_timeout() -> Any:
    mailers = getattr(settings, "MAILERS", None) if django.VERSION >= (6, 1) else None
    if mailers is not None:
        return mailers.get("default", {}).get("OPTIONS", {}).get("timeout")
    return settings.EMAIL_TIMEOUT
