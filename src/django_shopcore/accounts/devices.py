"""Whether somebody has signed in from a device before, as far as a program's name and a network can tell."""

from __future__ import annotations

import datetime
import ipaddress
import re
from typing import Any

from django.utils import timezone

from django_shopcore.core.times import utc
from django_shopcore.core.users import column

from .models import Session
from .users import CREATED

VERSIONS = re.compile(r"[0-9][0-9._]*")
ROUGHLY = {4: 16, 6: 32}  # bits: what a provider gives to the same customer from day to day
AT_HOME_AFTER = datetime.timedelta(days=1)


def is_unknown(session: Session) -> bool:
    """Whether the user should be told of this sign-in.

    Not of the first one of a new account: that is the person who has just registered.
    """
    others = Session.objects.fresh().filter(user=session.user).exclude(pk=session.pk)
    seen = {_device(*pair) for pair in others.values_list("user_agent", "ip_address").distinct()}
    if not seen:
        return not _is_new(session.user)
    return _device(session.user_agent, session.ip_address) not in seen


def _is_new(user: Any) -> bool:
    name = column(*CREATED)
    return name is not None and utc(getattr(user, name)) > utc(timezone.now()) - AT_HOME_AFTER


def _device(user_agent: str, ip_address: str | None) -> tuple[str, str]:
    """A program without its version, and its network."""
    program = VERSIONS.sub("", user_agent)
    if not ip_address:
        return program, ""
    address = ipaddress.ip_address(ip_address)
    return program, str(ipaddress.ip_network((address, ROUGHLY[address.version]), strict=False))
